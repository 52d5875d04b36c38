//! Results of compliance checks.

use serde::{Deserialize, Serialize};

use crate::{Container, Event, EventType, Priority, Task, Timestamp};

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
    /// Of a running task: what is new since the result before, the latest first, with who did it; at most
    /// [`MAX_FOUND`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<CheckFinding>,
    /// Tags that map to standards.
    pub tags: Vec<String>,
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
}

/// Most findings of one result that are told with who brought them.
pub const MAX_FOUND: usize = 32;

/// Something a check found in a running task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFinding {
    /// The file, variable or setting, printable; one of the result's subjects.
    pub subject: String,
    /// Which kind of finding, one word: `plaintext`, `altered`.
    pub class: String,
    /// Why, for people. Secrets are masked.
    pub reason: String,
    /// How bad it is.
    pub severity: Priority,
    /// When it was done; when it was found where nobody was seen doing it.
    pub time: Timestamp,
    /// Who did it; `None` when it was there before the sensor looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
}

/// A process and the call it made. Its arguments are left out: they may hold what a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// When the call was entered.
    pub time: Timestamp,
    /// The call.
    pub call: EventType,
    /// Process id in the sensor's pid namespace.
    pub pid: u32,
    /// Short name.
    pub name: String,
    /// Path of the program.
    pub exepath: String,
    /// Effective user id.
    pub uid: u32,
    /// Short name of the parent; empty when unknown.
    pub parent: String,
}

impl Actor {
    /// Who made the call of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let process = &event.process;
        Self {
            time: event.time,
            call: event.kind,
            pid: process.pid,
            name: process.name.clone(),
            exepath: process.exepath.clone(),
            uid: process.euid,
            parent: process.parent.as_ref().map(|parent| parent.name.clone()).unwrap_or_default(),
        }
    }
}
