-- Texts compare by bytes, as in every other backend.
CREATE TABLE findings (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    last_seen BIGINT NOT NULL,
    cluster TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX findings_by_time ON findings (last_seen, id);
CREATE INDEX findings_by_state ON findings (state, last_seen, id);
CREATE INDEX findings_by_task ON findings (task, state);

CREATE TABLE finding_tags (
    finding TEXT COLLATE "C" NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    tag TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (finding, tag)
);
CREATE INDEX finding_tags_by_tag ON finding_tags (tag, finding);

CREATE TABLE finding_history (
    finding TEXT COLLATE "C" NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (finding, number)
);

-- Detections and check results, the latest of each identity. A check's results may precede its finding, so there is
-- no reference to findings.
CREATE TABLE occurrences (
    finding TEXT COLLATE "C" NOT NULL,
    ordering TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (finding, ordering)
);
CREATE INDEX occurrences_by_task ON occurrences (task, kind, ordering);

-- The latest pass of each check's identity, so that a failure that arrives late does not reopen what passed since.
CREATE TABLE passes (
    finding TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE occurrences_by_hour (
    hour BIGINT PRIMARY KEY NOT NULL,
    count BIGINT NOT NULL
);

CREATE TABLE tasks (
    arn TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    cluster TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tasks_by_time ON tasks (last_seen, arn);

CREATE TABLE containers (
    task TEXT COLLATE "C" NOT NULL REFERENCES tasks (arn) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (task, name)
);

-- lost is the highest count a header named; ended is 1 after a goodbye.
CREATE TABLE sensors (
    task TEXT COLLATE "C" NOT NULL REFERENCES tasks (arn) ON DELETE CASCADE,
    producer TEXT COLLATE "C" NOT NULL,
    lost BIGINT NOT NULL,
    heartbeat_at BIGINT,
    events BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C",
    PRIMARY KEY (task, producer)
);
CREATE INDEX sensors_by_heartbeat ON sensors (heartbeat_at);

CREATE TABLE tokens (
    hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    expires BIGINT,
    body TEXT COLLATE "C" NOT NULL
);

-- Which batches were folded.
CREATE TABLE applied (
    producer TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (producer, sequence)
);
CREATE INDEX applied_by_time ON applied (at);
