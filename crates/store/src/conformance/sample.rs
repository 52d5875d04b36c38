//! Records to fill a store with.

use std::sync::Arc;

use fargard_model::{
    Arg, Batch, BatchHeader, Change, CheckResult, CheckStatus, Container, Detection, Event, EventType,
    FileChange, FileState, FoundBy, Heartbeat, Lost, Outcome, Priority, Process, Record, Source, Task,
    Timestamp, batch::FORMAT, event::ArgValue,
};

/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000_000_000;
/// 2023-11-14T22:13:20Z, when the samples happen.
pub const START: u64 = 1_700_000_000 * SECOND;

/// `seconds` after [`START`].
#[must_use]
pub fn at(seconds: u64) -> Timestamp {
    Timestamp(START + seconds * SECOND)
}

/// A task of the family `web` in the cluster `prod`.
#[must_use]
pub fn task(arn: &str) -> Task {
    Task {
        arn: arn.to_owned(),
        cluster: "prod".to_owned(),
        family: "web".to_owned(),
        launch_type: "FARGATE".to_owned(),
        ..Task::default()
    }
}

/// The container `app` of the image `nginx:1.27`.
#[must_use]
pub fn container() -> Container {
    Container {
        id: "c1".to_owned(),
        name: "app".to_owned(),
        image: "nginx:1.27".to_owned(),
        ..Container::default()
    }
}

/// A batch of that producer; its task is that of the first record, or `task-0`.
#[must_use]
pub fn batch(producer: &str, sequence: u64, records: Vec<Record>) -> Batch {
    let task_arn = records.first().map_or("task-0", Record::task_arn).to_owned();
    let producer = producer.to_owned();
    Batch {
        header: BatchHeader { format: FORMAT, producer, sequence, task_arn, lost: Lost::default() },
        records,
    }
}

/// A file opened for writing.
#[must_use]
pub fn event(task: &Task, num: u64, time: Timestamp) -> Event {
    let process =
        Process { pid: 7, name: "sh".to_owned(), exepath: "/bin/sh".to_owned(), ..Process::default() };
    Event {
        num,
        time,
        source: Source::Syscall,
        kind: EventType::Openat,
        tid: 7,
        process: Arc::new(process),
        args: vec![Arg { name: "name".into(), value: ArgValue::Path("/usr/bin/x".to_owned()) }],
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Attempt,
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(task.clone()),
        container: Arc::new(container()),
    }
}

/// A match of a rule.
#[must_use]
pub fn detection(task: &Task, rule: &str, num: u64, time: Timestamp) -> Detection {
    Detection {
        id: format!("p-{num}-{rule}"),
        time,
        rule: rule.to_owned(),
        priority: Priority::Error,
        source: Source::Syscall,
        hostname: "host".to_owned(),
        output: format!("{rule} by event {num}"),
        tags: vec!["PCI_DSS_11.5.2".to_owned(), "filesystem".to_owned()],
        output_fields: serde_json::Map::new(),
        description: String::new(),
        condition: "evt.type = openat".to_owned(),
        folded: 0,
        action: None,
        event: event(task, num, time),
    }
}

/// A result of check 426.
#[must_use]
pub fn check(task: &Task, status: CheckStatus, time: Timestamp) -> CheckResult {
    CheckResult {
        id: format!("p-check-{}", time.0),
        time,
        check: 426,
        title: "Image contains binaries used for crypto mining".to_owned(),
        severity: Priority::Critical,
        status,
        cause: format!("Found: /tmp/xmrig at {}", time.0),
        subjects: vec!["/tmp/xmrig".to_owned()],
        found: Vec::new(),
        tags: vec!["NIST_800-190_4.4.4".to_owned()],
        task: task.clone(),
        container: container(),
    }
}

/// A sign of life.
#[must_use]
pub fn heartbeat(task: &Task, events: u64, time: Timestamp) -> Heartbeat {
    Heartbeat {
        time,
        version: "0.1.0".to_owned(),
        backend: "notify".to_owned(),
        events,
        task: task.clone(),
        container: container(),
        ..Heartbeat::default()
    }
}

/// A change of a monitored file in a task of the family `web`.
#[must_use]
pub fn file_change(task: &Task, path: &str, time: Timestamp) -> FileChange {
    let state = |size| FileState { mode: 0o644, size, sha256: Some("a".repeat(64)), ..FileState::default() };
    FileChange {
        id: format!("p-fim-{}", time.0),
        time,
        entry: "Accounts".to_owned(),
        path: path.to_owned(),
        from: None,
        changes: vec![Change::Content],
        before: Some(state(1)),
        after: Some(state(2)),
        found_by: FoundBy::Watch,
        writer: None,
        below: 0,
        severity: Priority::Critical,
        tags: vec!["PCI_DSS_11.5.2".to_owned(), "HIPAA_164.312(c)".to_owned()],
        task: task.clone(),
        container: container(),
    }
}

/// The file change as a record.
#[must_use]
pub fn changed(change: FileChange) -> Record {
    Record::FileChange(Box::new(change))
}

/// The detection as a record.
#[must_use]
pub fn detected(detection: Detection) -> Record {
    Record::Detection(Box::new(detection))
}

/// The check result as a record.
#[must_use]
pub fn checked(result: CheckResult) -> Record {
    Record::CheckResult(Box::new(result))
}

/// The heartbeat as a record.
#[must_use]
pub fn beat(heartbeat: Heartbeat) -> Record {
    Record::Heartbeat(Box::new(heartbeat))
}

/// The event as a record.
#[must_use]
pub fn happened(event: Event) -> Record {
    Record::Event(Box::new(event))
}
