-- What GuardDuty's clients keep beside detectors: filters, lists, members, samples, settings. scope: a detector's id, or
-- what the kind says.
CREATE TABLE guardduty (
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, scope, name)
);
CREATE INDEX guardduty_by_name ON guardduty (kind, name, scope);
CREATE INDEX guardduty_by_scope ON guardduty (scope);
CREATE INDEX detectors_by_region ON detectors (region, account);
-- A task's ARN begins with its region and account.
CREATE INDEX findings_by_account ON findings (task, id);
