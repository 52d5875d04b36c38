//! What a batch says, sorted by what it says it of: findings, hours, tasks, containers, sensors.

use std::collections::{BTreeMap, BTreeSet};

use fargard_model::{
    Batch, CheckResult, CheckStatus, Container, Detection, FileChange, Finding, Heartbeat, Record, Task,
    Timestamp,
    finding::{file_scope, identity_of_check, identity_of_detection, identity_of_file_change},
};

use super::compliance::{self, Targets};
use crate::{StoreError, column};

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// Kinds of occurrences, as they are kept.
pub(crate) const DETECTION: &str = "detection";
pub(crate) const CHECK: &str = "check";
pub(crate) const FILE: &str = "file_change";

/// A detection, check result or file change on its way into the store.
pub(crate) struct Occurrence {
    /// Sorts by time; the same for the same record whenever it arrives.
    pub(crate) ordering: String,
    /// [`DETECTION`], [`CHECK`] or [`FILE`].
    pub(crate) kind: &'static str,
    /// The task's column.
    pub(crate) task: String,
    /// The record as JSON.
    pub(crate) body: String,
    /// What it does to the finding of its identity.
    pub(crate) effect: Effect,
}

/// What an occurrence does to its finding.
pub(crate) enum Effect {
    /// Folds into it.
    Found(Box<Finding>),
    /// Closes it.
    Passed(Timestamp),
    /// Nothing: the check could not be made.
    None,
}

/// A value and the key of the record it comes from; the latest wins.
#[derive(Default)]
pub(crate) struct Latest<T> {
    pub(crate) ordering: String,
    pub(crate) value: T,
}

impl<T: Clone> Latest<T> {
    pub(crate) fn update(&mut self, ordering: &str, value: &T) {
        if ordering > self.ordering.as_str() {
            ordering.clone_into(&mut self.ordering);
            self.value.clone_from(value);
        }
    }
}

/// What a batch says of a task.
#[derive(Default)]
pub(crate) struct TaskSeen {
    /// Times of the first and the last record; `None` when only the header names the task.
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    pub(crate) task: Latest<Task>,
    /// By name and id.
    pub(crate) containers: BTreeMap<String, Latest<Container>>,
    pub(crate) heartbeat: Option<Latest<Heartbeat>>,
    /// The sensor said goodbye.
    pub(crate) ended: bool,
}

/// What a batch says.
#[derive(Default)]
pub(crate) struct Digest {
    /// By the finding's identity.
    pub(crate) occurrences: BTreeMap<String, Vec<Occurrence>>,
    /// Occurrences by the hour's start in nanoseconds.
    pub(crate) hours: BTreeMap<i64, i64>,
    /// By the task's column.
    pub(crate) tasks: BTreeMap<String, TaskSeen>,
    /// What tasks share: the findings of changed files.
    pub(crate) file_scopes: BTreeSet<String>,
    /// Results of checks on containers of tasks.
    pub(crate) targets: Targets,
}

impl Digest {
    /// Reads a batch.
    pub(crate) fn of(batch: &Batch) -> Result<Self, StoreError> {
        let mut digest = Self::default();
        let header = &batch.header;
        let named = digest.tasks.entry(column::text(&header.task_arn)).or_default();
        named.task.value.arn.clone_from(&header.task_arn);
        let sequence = header.sequence.to_string();
        for (index, record) in batch.records.iter().enumerate() {
            let key = |time: Timestamp, id: &str| {
                column::ordering(time, &[id, &header.producer, &sequence, &index.to_string()])
            };
            match record {
                Record::Event(event) => {
                    digest.saw(&key(event.time, ""), event.time, &event.task, &event.container);
                }
                Record::Detection(detection) => {
                    digest.detected(detection, key(detection.time, &detection.id))?;
                }
                Record::CheckResult(result) => digest.checked(result, key(result.time, &result.id))?,
                Record::FileChange(change) => digest.changed(change, key(change.time, &change.id))?,
                Record::Heartbeat(heartbeat) => digest.beat(heartbeat, &key(heartbeat.time, "")),
            }
        }
        Ok(digest)
    }

    fn saw(&mut self, ordering: &str, time: Timestamp, task: &Task, container: &Container) {
        let seen = self.tasks.entry(column::text(&task.arn)).or_default();
        let (first, last) = seen.times.unwrap_or((time, time));
        seen.times = Some((first.min(time), last.max(time)));
        seen.task.update(ordering, task);
        if !(container.id.is_empty() && container.name.is_empty()) {
            let name = column::text(&format!("{}\u{1f}{}", container.name, container.id));
            seen.containers.entry(name).or_default().update(ordering, container);
        }
    }

    fn detected(&mut self, detection: &Detection, ordering: String) -> Result<(), StoreError> {
        let event = &detection.event;
        self.saw(&ordering, detection.time, &event.task, &event.container);
        self.count(detection.time);
        let occurrence = Occurrence {
            ordering,
            kind: DETECTION,
            task: column::text(&event.task.arn),
            body: column::json("keep a detection", detection)?,
            effect: Effect::Found(Box::new(Finding::of_detection(detection))),
        };
        self.occurrences.entry(identity_of_detection(detection)).or_default().push(occurrence);
        Ok(())
    }

    fn checked(&mut self, result: &CheckResult, ordering: String) -> Result<(), StoreError> {
        self.saw(&ordering, result.time, &result.task, &result.container);
        // What has no task is an image before deployment, of which no sensor tells.
        if !result.task.arn.is_empty() {
            compliance::add(&mut self.targets, result, &ordering);
        }
        let effect = match (result.status, Finding::of_check(result)) {
            (CheckStatus::Passed, _) => Effect::Passed(result.time),
            (_, Some(finding)) => {
                self.count(result.time);
                Effect::Found(Box::new(finding))
            }
            (_, None) => Effect::None,
        };
        let occurrence = Occurrence {
            ordering,
            kind: CHECK,
            task: column::text(&result.task.arn),
            body: column::json("keep a check result", result)?,
            effect,
        };
        self.occurrences.entry(identity_of_check(result)).or_default().push(occurrence);
        Ok(())
    }

    fn changed(&mut self, change: &FileChange, ordering: String) -> Result<(), StoreError> {
        self.saw(&ordering, change.time, &change.task, &change.container);
        self.count(change.time);
        self.file_scopes.insert(column::text(&file_scope(&change.task)));
        let occurrence = Occurrence {
            ordering,
            kind: FILE,
            task: column::text(&change.task.arn),
            body: column::json("keep a file change", change)?,
            effect: Effect::Found(Box::new(Finding::of_file_change(change))),
        };
        self.occurrences.entry(identity_of_file_change(change)).or_default().push(occurrence);
        Ok(())
    }

    fn beat(&mut self, heartbeat: &Heartbeat, ordering: &str) {
        self.saw(ordering, heartbeat.time, &heartbeat.task, &heartbeat.container);
        let seen = self.tasks.entry(column::text(&heartbeat.task.arn)).or_default();
        seen.heartbeat.get_or_insert_default().update(ordering, heartbeat);
        seen.ended |= heartbeat.last;
    }

    fn count(&mut self, time: Timestamp) {
        let at = column::sortable(time);
        *self.hours.entry(at - at % NANOS_PER_HOUR).or_default() += 1;
    }
}
