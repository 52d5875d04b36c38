-- Changes of coverage that are still to be told, one row for each that is to hear of it. A row is written with the change
-- itself and removed when it is delivered. held_until: nobody else delivers it before.
CREATE TABLE coverage_outbox (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sink TEXT NOT NULL,
    id TEXT NOT NULL,
    recorded BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (sink, id)
);
CREATE INDEX coverage_outbox_by_sink ON coverage_outbox (sink, number);
