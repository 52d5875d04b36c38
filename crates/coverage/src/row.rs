//! The record of a cluster: what lists, statistics and GuardDuty's API show.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    notice::Told,
    rules::{Coverage, Issue, Management, Status},
};

/// A cluster's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// The cluster's ARN.
    pub arn: String,
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
    /// Whether everything in it is covered.
    pub status: Status,
    /// Who manages it.
    pub management: Management,
    /// What is wrong.
    pub issues: Vec<Issue>,
    /// EC2 instances with a sensor.
    pub covered_instances: u64,
    /// EC2 instances.
    pub compatible_instances: u64,
    /// Fargate tasks that are covered.
    pub covered_tasks: u64,
    /// Fargate tasks that are not.
    pub uncovered_tasks: u64,
    /// When the status changed or a new task began, whichever came later; nothing else moves it.
    pub updated_at: Timestamp,
    /// Start of the newest task it has ever had.
    pub newest_task: Timestamp,
    /// Since when it has this status.
    #[serde(default)]
    pub since: Timestamp,
    /// What was told of it last; nothing in records from before there were notices.
    #[serde(default)]
    pub told: Option<Told>,
}

/// The names of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// ARN.
    pub arn: &'a str,
    /// Account.
    pub account: &'a str,
    /// Region.
    pub region: &'a str,
    /// Name.
    pub cluster: &'a str,
}

impl CoverageRow {
    /// The record after a judgement at a time. A cluster where nothing counts keeps its status; a new one is healthy.
    #[must_use]
    pub fn after(previous: Option<&Self>, names: Names<'_>, coverage: &Coverage, now: Timestamp) -> Self {
        let status = coverage.status.or(previous.map(|row| row.status)).unwrap_or(Status::Healthy);
        let counted = coverage.status.is_some();
        let newest_task = coverage.newest_task.max(previous.map_or(Timestamp(0), |row| row.newest_task));
        let updated_at = match previous {
            Some(row) if row.status == status && newest_task <= row.newest_task => row.updated_at,
            Some(row) => row.updated_at.max(now),
            None => now,
        };
        let since = previous.filter(|row| row.status == status).map_or(now, |row| row.since);
        // What was wrong stays readable while the status it explains stays.
        let kept = previous.filter(|row| !counted && row.status == Status::Unhealthy);
        let issues = kept.map_or_else(|| coverage.issues.clone(), |row| row.issues.clone());
        let count = |wanted| coverage.tasks.iter().filter(|task| task.status == wanted).count() as u64;
        Self {
            arn: names.arn.to_owned(),
            account: names.account.to_owned(),
            region: names.region.to_owned(),
            cluster: names.cluster.to_owned(),
            status,
            management: coverage.management,
            issues,
            covered_instances: coverage.covered_instances,
            compatible_instances: coverage.compatible_instances,
            covered_tasks: count(crate::rules::TaskStatus::Covered),
            uncovered_tasks: count(crate::rules::TaskStatus::Uncovered),
            updated_at,
            newest_task,
            since,
            told: previous.and_then(|row| row.told),
        }
    }

    /// The type of its first issue; empty when there is none.
    #[must_use]
    pub fn issue(&self) -> &'static str {
        self.issues.first().map_or("", |issue| issue.problem.kind())
    }
}
