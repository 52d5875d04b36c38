-- Changes of coverage that are still to be told, one row for each that is to hear of it. A row is written with the change
-- itself and removed when it is delivered. held_until: nobody else delivers it before.
CREATE TABLE coverage_outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    sink TEXT NOT NULL,
    id TEXT NOT NULL,
    recorded INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (sink, id)
);
CREATE INDEX coverage_outbox_by_sink ON coverage_outbox (sink, number);
