//! Coverage as the REST interface shows it, with every text written out.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    row::CoverageRow,
    rules::{Issue, Management, Remedy, Status, TaskReport, TaskStatus},
};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueView {
    /// GuardDuty's type: `Agent not reporting`.
    pub kind: String,
    /// GuardDuty's text.
    pub text: String,
    /// `family:revision`.
    pub definition: String,
    /// Ids of tasks, at most 50.
    pub tasks: Vec<String>,
    /// Names of services.
    pub services: Vec<String>,
    /// What to do.
    pub remedy: Remedy,
}

/// A cluster's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// ARN.
    pub arn: String,
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Name.
    pub cluster: String,
    /// Whether everything in it is covered.
    pub status: Status,
    /// Who puts agents into its tasks.
    pub management: Management,
    /// What is wrong.
    pub issues: Vec<IssueView>,
    /// EC2 instances with a sensor.
    pub covered_instances: u64,
    /// EC2 instances.
    pub compatible_instances: u64,
    /// Fargate tasks that are covered.
    pub covered_tasks: u64,
    /// Fargate tasks that are not.
    pub uncovered_tasks: u64,
    /// When its status changed or a task was added.
    pub updated_at: Timestamp,
}

/// A page of clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPage {
    /// The clusters.
    pub clusters: Vec<ClusterView>,
    /// How many there are on all pages.
    pub total: u64,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// ARN.
    pub arn: String,
    /// `family:revision`.
    pub definition: String,
    /// Its service; empty for a standalone task.
    pub service: String,
    /// ECS's last status.
    pub last_status: String,
    /// How it stands.
    pub status: TaskStatus,
    /// What is wrong.
    pub issue: Option<IssueView>,
    /// When it began to run; 0 before.
    pub started: Timestamp,
    /// Version of its sensor; empty when it was never heard.
    pub sensor: String,
    /// Its latest heartbeat.
    pub heard: Option<Timestamp>,
    /// Events its sensors lost.
    pub lost: u64,
}

/// A cluster with its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDetail {
    /// The cluster.
    pub cluster: ClusterView,
    /// Its tasks that count.
    pub tasks: Vec<TaskView>,
}

impl From<&Issue> for IssueView {
    fn from(issue: &Issue) -> Self {
        Self {
            kind: issue.problem.kind().to_owned(),
            text: issue.text(),
            definition: issue.definition.clone(),
            tasks: issue.tasks.clone(),
            services: issue.services.clone(),
            remedy: issue.remedy.clone(),
        }
    }
}

impl From<&CoverageRow> for ClusterView {
    fn from(row: &CoverageRow) -> Self {
        Self {
            arn: row.arn.clone(),
            account: row.account.clone(),
            region: row.region.clone(),
            cluster: row.cluster.clone(),
            status: row.status,
            management: row.management,
            issues: row.issues.iter().map(IssueView::from).collect(),
            covered_instances: row.covered_instances,
            compatible_instances: row.compatible_instances,
            covered_tasks: row.covered_tasks,
            uncovered_tasks: row.uncovered_tasks,
            updated_at: row.updated_at,
        }
    }
}

impl From<TaskReport> for TaskView {
    fn from(report: TaskReport) -> Self {
        Self {
            arn: report.arn,
            definition: report.definition,
            service: report.service,
            last_status: report.last_status,
            status: report.status,
            issue: report.issue.as_ref().map(IssueView::from),
            started: report.started,
            sensor: report.sensor,
            heard: report.heard,
            lost: report.lost,
        }
    }
}
