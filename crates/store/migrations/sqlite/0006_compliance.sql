-- The compliance policy, whole, by revision.
CREATE TABLE compliance_policies (
    revision INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    body TEXT NOT NULL
);

-- What checks are made on: an image of a task, or (without a task) an image that was scanned before deployment.
CREATE TABLE compliance_targets (
    id TEXT PRIMARY KEY NOT NULL,
    task TEXT NOT NULL,
    host TEXT NOT NULL,
    family TEXT NOT NULL,
    service TEXT NOT NULL,
    cluster TEXT NOT NULL,
    account TEXT NOT NULL,
    launch_type TEXT NOT NULL,
    image TEXT NOT NULL,
    digest TEXT NOT NULL,
    search TEXT NOT NULL,
    last_seen INTEGER NOT NULL,
    latest TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX compliance_targets_by_time ON compliance_targets (last_seen, id);
CREATE INDEX compliance_targets_by_task ON compliance_targets (task, last_seen);
CREATE INDEX compliance_targets_by_image ON compliance_targets (image, digest, last_seen, id);

-- The latest result of each check on each container of a target.
CREATE TABLE compliance_results (
    target TEXT NOT NULL REFERENCES compliance_targets (id) ON DELETE CASCADE,
    container TEXT NOT NULL,
    check_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    latest TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (target, container, check_number)
);
CREATE INDEX compliance_results_by_check ON compliance_results (check_number, status, target);

-- How standards stood at the end of each day (days since the epoch).
CREATE TABLE compliance_days (
    day INTEGER NOT NULL,
    standard TEXT NOT NULL,
    failed INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    not_assessed INTEGER NOT NULL,
    PRIMARY KEY (day, standard)
);
