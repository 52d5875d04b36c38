-- Lists are mostly of one region and in one order; each of these serves one order without reading records, whatever is
-- filtered by. The last is for the list of all regions in its usual order.
DROP INDEX coverage_by_cluster;
DROP INDEX coverage_by_account;
DROP INDEX coverage_by_status;
DROP INDEX coverage_by_issue;
DROP INDEX coverage_by_time;
DROP INDEX coverage_by_count;
CREATE INDEX coverage_by_cluster ON coverage (region, cluster, arn, account, status, management, issue, updated_at);
CREATE INDEX coverage_by_account ON coverage (region, account, arn, cluster, status, management, issue, updated_at);
CREATE INDEX coverage_by_status ON coverage (region, status, arn, cluster, account, management, issue);
CREATE INDEX coverage_by_issue ON coverage (region, issue, arn, cluster, account, status, management);
CREATE INDEX coverage_by_updated_at ON coverage (region, updated_at, arn, cluster, account, status, management, issue);
CREATE INDEX coverage_by_arn ON coverage (region, arn, cluster, account, status, management, issue);
CREATE INDEX coverage_everywhere ON coverage (cluster, arn, region, account, status, management, issue);
