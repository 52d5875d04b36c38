CREATE TABLE findings (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    last_seen INTEGER NOT NULL,
    cluster TEXT NOT NULL,
    family TEXT NOT NULL,
    task TEXT NOT NULL,
    image TEXT NOT NULL,
    search TEXT NOT NULL,
    latest TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX findings_by_time ON findings (last_seen, id);
CREATE INDEX findings_by_state ON findings (state, last_seen, id);
-- Everything that is counted, so that counting reads no bodies.
CREATE INDEX findings_by_facet ON findings (state, kind, priority, cluster, family, image, title, last_seen, id, task);
CREATE INDEX findings_by_task ON findings (task, state);

CREATE TABLE finding_tags (
    finding TEXT NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (finding, tag)
);
CREATE INDEX finding_tags_by_tag ON finding_tags (tag, finding);

CREATE TABLE finding_history (
    finding TEXT NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (finding, number)
);

-- Detections and check results, the latest of each identity. A check's results may precede its finding, so there is
-- no reference to findings.
CREATE TABLE occurrences (
    finding TEXT NOT NULL,
    ordering TEXT NOT NULL,
    kind TEXT NOT NULL,
    task TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (finding, ordering)
);
CREATE INDEX occurrences_by_task ON occurrences (task, kind, ordering);

-- The latest pass of each check's identity, so that a failure that arrives late does not reopen what passed since.
CREATE TABLE passes (
    finding TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE occurrences_by_hour (
    hour INTEGER PRIMARY KEY NOT NULL,
    count INTEGER NOT NULL
);

CREATE TABLE tasks (
    arn TEXT PRIMARY KEY NOT NULL,
    cluster TEXT NOT NULL,
    family TEXT NOT NULL,
    search TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    latest TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX tasks_by_time ON tasks (last_seen, arn);

CREATE TABLE containers (
    task TEXT NOT NULL REFERENCES tasks (arn) ON DELETE CASCADE,
    name TEXT NOT NULL,
    latest TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task, name)
);

-- lost is the highest count a header named; ended is 1 after a goodbye.
CREATE TABLE sensors (
    task TEXT NOT NULL REFERENCES tasks (arn) ON DELETE CASCADE,
    producer TEXT NOT NULL,
    lost INTEGER NOT NULL,
    heartbeat_at INTEGER,
    events INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    latest TEXT NOT NULL,
    body TEXT,
    PRIMARY KEY (task, producer)
);
CREATE INDEX sensors_by_heartbeat ON sensors (heartbeat_at);

CREATE TABLE tokens (
    hash TEXT PRIMARY KEY NOT NULL,
    expires INTEGER,
    body TEXT NOT NULL
);

-- Which batches were folded.
CREATE TABLE applied (
    producer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (producer, sequence)
);
CREATE INDEX applied_by_time ON applied (at);
