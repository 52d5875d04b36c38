-- What is known of AWS resources: one row each, merged whatever the order of news. parent: a cluster's ARN, or
-- REGION/ACCOUNT.
CREATE TABLE inventory (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    parent TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX inventory_by_parent ON inventory (parent, kind);

-- When a cluster must be judged again. revision grows with each change, so that a judgement of older knowledge does
-- not put off the next.
CREATE TABLE inventory_clusters (
    arn TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    due BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX inventory_clusters_by_due ON inventory_clusters (due);
CREATE INDEX inventory_clusters_by_scope ON inventory_clusters (scope);

CREATE TABLE coverage (
    arn TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    cluster TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    management TEXT COLLATE "C" NOT NULL,
    issue TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
-- One for each order.
CREATE INDEX coverage_by_cluster ON coverage (cluster, arn);
CREATE INDEX coverage_by_account ON coverage (account, arn);
CREATE INDEX coverage_by_status ON coverage (status, arn);
CREATE INDEX coverage_by_issue ON coverage (issue, arn);
CREATE INDEX coverage_by_time ON coverage (updated_at, arn);
-- Everything that is counted.
CREATE INDEX coverage_by_count ON coverage (region, account, status, management);

CREATE TABLE access_keys (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);

CREATE TABLE detectors (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    UNIQUE (account, region)
);
