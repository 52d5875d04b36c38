//! Images and their results as programs get them.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use fargard_store::ComplianceTarget;
use serde::Serialize;

use crate::compliance::{JudgedCheck, JudgedTarget, ListPage, WANTED};

/// An image of a task, or one before deployment.
#[derive(Serialize)]
pub(super) struct ImageView {
    id: String,
    image: String,
    image_digest: String,
    /// The task's id, as all containers of one task are on one host.
    host: String,
    task_arn: String,
    account: String,
    region: String,
    cluster: String,
    family: String,
    service: String,
    launch_type: String,
    /// It belongs to a Fargate task.
    app_embedded: bool,
    containers: Vec<String>,
    last_seen: Timestamp,
    ended: bool,
    status: &'static str,
    /// Alerts by severity.
    severities: BTreeMap<&'static str, u64>,
    /// Numbers of checks.
    alerted: Vec<u32>,
    ignored: Vec<u32>,
    passed: Vec<u32>,
    not_made: Vec<u32>,
    rules: Vec<String>,
    collections: Vec<String>,
}

/// Names of the cells of a row.
pub(super) const HEADING: [&str; 19] = [
    "id",
    "image",
    "image_digest",
    "host",
    "task_arn",
    "account",
    "region",
    "cluster",
    "family",
    "service",
    "launch_type",
    "containers",
    "last_seen",
    "ended",
    "status",
    "alerted",
    "ignored",
    "passed",
    "rules",
];

impl From<&JudgedTarget> for ImageView {
    fn from(row: &JudgedTarget) -> Self {
        let (target, task) = (&row.target, &row.target.task);
        let status = row.status();
        use fargard_model::CheckStatus;
        let of_status = |status: CheckStatus| row.numbers(|check| check.result.status == status);
        Self {
            id: target.id.clone(),
            image: target.image.clone(),
            image_digest: target.image_digest.clone(),
            host: task.id().to_owned(),
            task_arn: task.arn.clone(),
            account: task.account.clone(),
            region: task.region.clone(),
            cluster: task.cluster.clone(),
            family: task.family.clone(),
            service: task.service.clone(),
            launch_type: task.launch_type.clone(),
            app_embedded: row.is_fargate(),
            containers: row.containers.iter().cloned().collect(),
            last_seen: target.last_seen,
            ended: target.ended,
            status: WANTED.iter().find(|(_, each)| *each == status).map_or("", |(word, _)| word),
            severities: row
                .severities()
                .into_iter()
                .map(|(severity, count)| (severity.name(), count))
                .collect(),
            alerted: row.numbers(JudgedCheck::is_alert),
            ignored: row.numbers(JudgedCheck::is_ignored),
            passed: of_status(CheckStatus::Passed),
            not_made: of_status(CheckStatus::Error),
            rules: row.rules.iter().cloned().collect(),
            collections: row.collections.iter().cloned().collect(),
        }
    }
}

impl ImageView {
    /// As a row of [`HEADING`].
    pub(super) fn cells(&self) -> Vec<String> {
        let numbers = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        vec![
            self.id.clone(),
            self.image.clone(),
            self.image_digest.clone(),
            self.host.clone(),
            self.task_arn.clone(),
            self.account.clone(),
            self.region.clone(),
            self.cluster.clone(),
            self.family.clone(),
            self.service.clone(),
            self.launch_type.clone(),
            self.containers.join(" "),
            self.last_seen.rfc3339(),
            self.ended.to_string(),
            self.status.to_owned(),
            numbers(&self.alerted),
            numbers(&self.ignored),
            numbers(&self.passed),
            self.rules.join("; "),
        ]
    }
}

/// A page of images, latest result first.
#[derive(Serialize)]
pub(super) struct ImagePage {
    images: Vec<ImageView>,
    /// On all pages; at most that many when the policy decides which are shown.
    total: u64,
    total_is_exact: bool,
    next: Option<String>,
}

impl From<ListPage> for ImagePage {
    fn from(page: ListPage) -> Self {
        Self {
            images: page.rows.iter().map(ImageView::from).collect(),
            total: page.total,
            total_is_exact: page.is_exact,
            next: page.next,
        }
    }
}

/// A task that uses an image.
#[derive(Serialize)]
struct Use {
    id: String,
    host: String,
    task_arn: String,
    ended: bool,
}

/// An image with its results, and where it is used.
#[derive(Serialize)]
pub(in crate::rest) struct ImageDetail {
    #[serde(flatten)]
    image: ImageView,
    checks: Vec<JudgedCheck>,
    used_by: Vec<Use>,
}

impl ImageDetail {
    pub(super) fn new(target: &JudgedTarget, used_by: &[ComplianceTarget]) -> Self {
        let used_by = used_by.iter().map(|each| Use {
            id: each.id.clone(),
            host: each.task.id().to_owned(),
            task_arn: each.task.arn.clone(),
            ended: each.ended,
        });
        Self { image: target.into(), checks: target.checks.clone(), used_by: used_by.collect() }
    }
}
