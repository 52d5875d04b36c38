//! What a person acts on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{CheckResult, CheckStatus, Container, Detection, FileChange, Priority, Task, Timestamp};

/// What a finding was folded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Matches of a rule.
    Detection,
    /// A failed compliance check.
    Check,
    /// A hole in the coverage.
    Coverage,
    /// Changes of a monitored file.
    FileIntegrity,
}

/// Where a person stands with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Nobody has looked at it, or it came back after it was closed.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// It is not wanted; new matches keep counting but do not reopen it.
    Suppressed,
    /// Done; a new match opens it again.
    Closed,
}

macro_rules! names {
    ($type:ident { $($variant:ident = $name:literal),* }) => {
        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire and in queries.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.name()) }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.name() == text).ok_or_else(|| UnknownName {
                    text: text.to_owned(),
                    allowed: Self::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

/// The text is none of the allowed names.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown value {text:?}: use one of {allowed}")]
pub struct UnknownName {
    text: String,
    allowed: String,
}

names!(FindingKind { Detection = "detection", Check = "check", Coverage = "coverage", FileIntegrity = "file_integrity" });
names!(FindingState { Open = "open", Acknowledged = "acknowledged", Suppressed = "suppressed", Closed = "closed" });

/// Detections of one rule, or failures of one check, on one container, folded over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Identity: 32 hexadecimal digits derived from what is folded together.
    pub id: String,
    /// What it was folded from.
    pub kind: FindingKind,
    /// The rule's name or the check's title.
    pub title: String,
    /// Check number; `None` for detections.
    pub check: Option<u32>,
    /// The most urgent priority seen.
    pub priority: Priority,
    /// Where a person stands with it.
    pub state: FindingState,
    /// First occurrence.
    pub first_seen: Timestamp,
    /// Latest occurrence.
    pub last_seen: Timestamp,
    /// How many occurrences were folded.
    pub count: u64,
    /// Output line of the latest detection, or cause of the latest check result.
    pub summary: String,
    /// Tags.
    pub tags: Vec<String>,
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
}

/// The identity under which a detection folds: rule, task, container and executable.
#[must_use]
pub fn identity_of_detection(detection: &Detection) -> String {
    let event = &detection.event;
    identity(&["detection", &detection.rule, &event.task.arn, &event.container.name, &event.process.exepath])
}

/// The identity under which a check result folds: check, task and container.
#[must_use]
pub fn identity_of_check(result: &CheckResult) -> String {
    identity(&["check", &result.check.to_string(), &result.task.arn, &result.container.name])
}

/// The identity under which changes of a file fold: account, cluster, task family (the task outside ECS), container,
/// path and policy entry. Tasks come and go, the file of their image is the same.
#[must_use]
pub fn identity_of_file_change(change: &FileChange) -> String {
    let scope = file_scope(&change.task);
    identity(&["file", &scope, &change.container.name, &change.path, &change.entry])
}

/// The tasks whose changes of a file fold together.
#[must_use]
pub fn file_scope(task: &Task) -> String {
    if task.family.is_empty() || task.account.is_empty() {
        return task.arn.clone();
    }
    [&task.account, &task.region, &task.cluster, &task.family].map(String::as_str).join("\u{1f}")
}

/// Hash of the parts, each preceded by its length so that no two lists collide.
fn identity(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Finding {
    /// A new finding with one occurrence, and those that the detection stands for.
    #[must_use]
    pub fn of_detection(detection: &Detection) -> Self {
        Self {
            id: identity_of_detection(detection),
            kind: FindingKind::Detection,
            title: detection.rule.clone(),
            check: None,
            priority: detection.priority,
            state: FindingState::Open,
            first_seen: detection.time,
            last_seen: detection.time,
            count: detection.folded.saturating_add(1),
            summary: detection.output.clone(),
            tags: detection.tags.clone(),
            task: (*detection.event.task).clone(),
            container: (*detection.event.container).clone(),
        }
    }

    /// A new finding of a failed check; `None` when the check did not fail.
    #[must_use]
    pub fn of_check(result: &CheckResult) -> Option<Self> {
        (result.status == CheckStatus::Failed).then(|| Self {
            id: identity_of_check(result),
            kind: FindingKind::Check,
            title: result.title.clone(),
            check: Some(result.check),
            priority: result.severity,
            state: FindingState::Open,
            first_seen: result.time,
            last_seen: result.time,
            count: 1,
            summary: result.cause.clone(),
            tags: result.tags.clone(),
            task: result.task.clone(),
            container: result.container.clone(),
        })
    }

    /// A new finding of a file's change.
    #[must_use]
    pub fn of_file_change(change: &FileChange) -> Self {
        Self {
            id: identity_of_file_change(change),
            kind: FindingKind::FileIntegrity,
            title: change.title(),
            check: None,
            priority: change.severity,
            state: FindingState::Open,
            first_seen: change.time,
            last_seen: change.time,
            count: 1,
            summary: change.summary(),
            tags: change.tags.clone(),
            task: change.task.clone(),
            container: change.container.clone(),
        }
    }

    /// Adds a later (or earlier, when batches arrive out of order) occurrence of the same identity. A closed
    /// finding opens again only for an occurrence newer than the last one known.
    pub fn fold(&mut self, newer: &Self) {
        self.count = self.count.saturating_add(newer.count);
        self.priority = self.priority.min(newer.priority);
        self.first_seen = self.first_seen.min(newer.first_seen);
        if newer.last_seen > self.last_seen {
            self.last_seen = newer.last_seen;
            self.summary.clone_from(&newer.summary);
            self.tags.clone_from(&newer.tags);
            if self.state == FindingState::Closed {
                self.state = FindingState::Open;
            }
        }
    }
}
