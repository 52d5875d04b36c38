-- Batches that wait for a worker.
CREATE TABLE log (
    position INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    received INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX log_by_time ON log (received);

-- Entries that could not be read, kept for people, as they were.
CREATE TABLE log_damaged (
    position INTEGER PRIMARY KEY NOT NULL,
    received,
    body
);

-- Which batches were ever appended.
CREATE TABLE log_identities (
    producer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (producer, sequence)
) WITHOUT ROWID;
CREATE INDEX log_identities_by_time ON log_identities (received);

CREATE TABLE events (
    producer TEXT NOT NULL,
    number INTEGER NOT NULL,
    task TEXT NOT NULL,
    at INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (producer, number)
);
CREATE INDEX events_by_task ON events (task, at, producer, number);
CREATE INDEX events_by_time ON events (at);
