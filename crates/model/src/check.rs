//! Results of compliance checks.

use serde::{Deserialize, Serialize};

use crate::{Container, Priority, Task, Timestamp};

/// What a check said of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// The target is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// The check could not be made; never counted as passed.
    Error,
}

/// The result of one check on one container of a running task (or on an image).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Unique id: `<producer>-check-<number>`.
    pub id: String,
    /// When the check was made.
    pub time: Timestamp,
    /// The check's number, as 426.
    pub check: u32,
    /// Title: `Image contains binaries used for crypto mining`.
    pub title: String,
    /// Severity on the scale of priorities.
    pub severity: Priority,
    /// Result.
    pub status: CheckStatus,
    /// Why, for people: `Found: /tmp/xmrig (content equals /bin/sleep)`.
    pub cause: String,
    /// The files, variables or settings the result is about.
    pub subjects: Vec<String>,
    /// Tags that map to standards.
    pub tags: Vec<String>,
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
}
