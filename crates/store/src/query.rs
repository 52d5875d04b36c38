//! What is asked of the stores and what they answer.

use std::collections::BTreeMap;

use fargard_model::{
    Batch, CheckResult, Container, Detection, Event, FileChange, Finding, FindingKind, FindingState,
    Heartbeat, Priority, Task, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Most rows of a page.
pub const MAX_PAGE: usize = 500;

/// Which findings. Empty lists do not restrict; values of one list are alternatives, lists are joined by "and".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingQuery {
    /// States.
    pub states: Vec<FindingState>,
    /// Kinds.
    pub kinds: Vec<FindingKind>,
    /// Priorities.
    pub priorities: Vec<Priority>,
    /// Titles: names of rules or checks.
    pub titles: Vec<String>,
    /// Clusters.
    pub clusters: Vec<String>,
    /// Task definition families.
    pub families: Vec<String>,
    /// ARNs of tasks.
    pub tasks: Vec<String>,
    /// Images as in the task definition.
    pub images: Vec<String>,
    /// Tags, as written in rules.
    pub tags: Vec<String>,
    /// Standards or their controls, as tags begin: `PCI_DSS_11.5` stands for `PCI_DSS_11.5.2` as well.
    pub standards: Vec<String>,
    /// Text that title or summary contain, any letter case (ASCII).
    pub text: String,
    /// Only findings last seen at or after this time.
    pub since: Option<Timestamp>,
    /// Rows wanted, 1 to [`MAX_PAGE`]; 0 means 50.
    pub limit: usize,
    /// Cursor of the page before.
    pub cursor: Option<String>,
}

/// A page of findings, latest first (by last seen, then id).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FindingPage {
    /// The rows.
    pub findings: Vec<Finding>,
    /// How many there are on all pages.
    pub total: u64,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// Counts by facet name (`state`, `kind`, `priority`, `title`, `cluster`, `family`, `image`, `tag`) and value.
pub type Facets = BTreeMap<String, BTreeMap<String, u64>>;

/// A change of a finding's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// When.
    pub at: Timestamp,
    /// The new state.
    pub state: FindingState,
    /// Name of the token that was used.
    pub who: String,
    /// Free text.
    pub note: String,
}

/// A finding with what it was folded from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingDetail {
    /// The finding.
    pub finding: Finding,
    /// Its latest detections, newest first, at most 50.
    pub detections: Vec<Detection>,
    /// Its latest check results, newest first, at most 50.
    pub checks: Vec<CheckResult>,
    /// Its latest file changes, newest first, at most 50.
    #[serde(default)]
    pub file_changes: Vec<FileChange>,
    /// Changes of state, oldest first.
    pub history: Vec<StateChange>,
}

/// Which tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskQuery {
    /// Clusters; empty for all.
    pub clusters: Vec<String>,
    /// Families; empty for all.
    pub families: Vec<String>,
    /// Text that ARN, family or cluster contain, any letter case (ASCII).
    pub text: String,
    /// Rows wanted, 1 to [`MAX_PAGE`]; 0 means 50.
    pub limit: usize,
    /// Cursor of the page before.
    pub cursor: Option<String>,
}

/// A task in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// The task.
    pub task: Task,
    /// Its containers that have a sensor.
    pub containers: Vec<Container>,
    /// First record received.
    pub first_seen: Timestamp,
    /// Latest record received.
    pub last_seen: Timestamp,
    /// Open findings.
    pub open_findings: u64,
    /// Sum of what its sensors lost.
    pub lost: u64,
    /// All its sensors said goodbye.
    pub ended: bool,
}

/// A page of tasks, latest seen first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskPage {
    /// The rows.
    pub tasks: Vec<TaskRow>,
    /// How many there are on all pages.
    pub total: u64,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// A task with the last heartbeat of each of its sensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDetail {
    /// The row.
    pub row: TaskRow,
    /// Last heartbeat by sensor.
    pub sensors: BTreeMap<String, Heartbeat>,
    /// Its latest check results, newest first, at most 50.
    pub checks: Vec<CheckResult>,
}

/// Numbers for the first page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Open findings by priority name.
    pub open_by_priority: BTreeMap<String, u64>,
    /// All findings by state name.
    pub by_state: BTreeMap<String, u64>,
    /// Open findings by rule or check, most first, at most 10.
    pub top_titles: Vec<(String, u64)>,
    /// Occurrences per hour of the last 24, oldest first: hour's start in epoch seconds, count.
    pub last_day: Vec<(u64, u64)>,
    /// Tasks with a heartbeat in the last five minutes.
    pub tasks_alive: u64,
    /// Tasks known.
    pub tasks_total: u64,
    /// Calls seen by all sensors, from their latest heartbeats.
    pub events: u64,
    /// Lost by all sensors.
    pub lost: u64,
    /// Open findings by standard's title and control.
    pub by_standard: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Everything a person may do.
    Admin,
    /// Enrol sensors.
    Enrolment,
    /// Send batches of one task.
    Sensor,
    /// A browser's session.
    Session,
    /// A login link that works once.
    OneTime,
    /// Send what ECS says of its resources.
    Inventory,
}

/// A token as it is kept: never its text, only SHA-256 of it in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of the token's text, hexadecimal.
    pub hash: String,
    /// What it may do.
    pub kind: TokenKind,
    /// Name for people, shown where it was used.
    pub name: String,
    /// ARN of the task a sensor's token is bound to; empty otherwise.
    pub task_arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; `None` for never.
    pub expires: Option<Timestamp>,
}

/// A batch in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Position; grows with each append.
    pub offset: u64,
    /// When it was appended.
    pub received: Timestamp,
    /// The batch.
    pub batch: Batch,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventQuery {
    /// ARN of the task.
    pub task: String,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Rows wanted, 1 to [`MAX_PAGE`]; 0 means 50.
    pub limit: usize,
    /// Cursor of the page before.
    pub cursor: Option<String>,
}

/// A page of events in order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventPage {
    /// The rows.
    pub events: Vec<Event>,
    /// Cursor of the next page.
    pub next: Option<String>,
}
