-- The compliance policy, whole, by revision.
CREATE TABLE compliance_policies (
    revision BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);

-- What checks are made on: an image of a task, or (without a task) an image that was scanned before deployment.
CREATE TABLE compliance_targets (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    cluster TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    launch_type TEXT COLLATE "C" NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    last_seen BIGINT NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX compliance_targets_by_time ON compliance_targets (last_seen, id);
CREATE INDEX compliance_targets_by_task ON compliance_targets (task, last_seen);
CREATE INDEX compliance_targets_by_image ON compliance_targets (image, digest, last_seen, id);

-- The latest result of each check on each container of a target.
CREATE TABLE compliance_results (
    target TEXT COLLATE "C" NOT NULL REFERENCES compliance_targets (id) ON DELETE CASCADE,
    container TEXT COLLATE "C" NOT NULL,
    check_number BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    latest TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (target, container, check_number)
);
CREATE INDEX compliance_results_by_check ON compliance_results (check_number, status, target);

-- How standards stood at the end of each day (days since the epoch).
CREATE TABLE compliance_days (
    day BIGINT NOT NULL,
    standard TEXT COLLATE "C" NOT NULL,
    failed BIGINT NOT NULL,
    passed BIGINT NOT NULL,
    not_assessed BIGINT NOT NULL,
    PRIMARY KEY (day, standard)
);
