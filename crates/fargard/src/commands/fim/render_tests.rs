use std::{collections::BTreeMap, sync::Arc};

use fargard_model::{
    Change, Container, EventType, FileChange, FileState, FimStatus, FindingState, FoundBy, Heartbeat, Lost,
    Priority, Process, Task, Timestamp, Writer, file_change::FimEntry,
};

use super::{csv, table};
use crate::commands::fim::report::{Decision, Gathered, Report, Reported, Watched};

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp((1_795_243_200 + seconds) * SECOND)
}

fn task() -> Task {
    Task { arn: "local:h:1".into(), family: "web".into(), ..Task::default() }
}

fn change(path: &str, writer: bool, seconds: u64) -> FileChange {
    let state = |size, hash: &str| FileState {
        mode: 0o644,
        size,
        sha256: Some(hash.repeat(64)),
        ..FileState::default()
    };
    FileChange {
        id: "s-fim-1".into(),
        time: at(seconds),
        entry: "Accounts".into(),
        path: path.into(),
        from: None,
        changes: vec![Change::Content],
        before: Some(state(10, "a")),
        after: writer.then(|| state(12, "b")),
        found_by: FoundBy::Watch,
        writer: writer.then(|| Writer {
            time: at(seconds),
            call: EventType::Openat,
            process: Arc::new(Process {
                pid: 7,
                name: "useradd".into(),
                args: vec!["eve".into()],
                ..Process::default()
            }),
        }),
        below: 0,
        severity: Priority::Critical,
        tags: vec!["PCI_DSS_11.5.2".into()],
        task: task(),
        container: Container { name: "app".into(), ..Container::default() },
    }
}

fn sensor(since: u64, until: u64, last: bool, lost: &[(&str, u64)]) -> Heartbeat {
    let entry = |name: &str, tag: &str| FimEntry {
        name: name.into(),
        paths: vec!["/etc/passwd".into(), "/etc/shadow".into()],
        tags: vec![tag.into()],
        files: 2,
        hashed: 2,
    };
    Heartbeat {
        time: at(until),
        last,
        lost: Lost(
            lost.iter().map(|(class, number)| ((*class).to_owned(), *number)).collect::<BTreeMap<_, _>>(),
        ),
        fim: Some(FimStatus {
            policy: "test".into(),
            policy_sha256: "c".repeat(64),
            since: at(since),
            baseline: Some(at(since)),
            compared: Some(at(since + 1)),
            entries: vec![entry("Accounts", "PCI_DSS_11.5.2"), entry("Other", "SOC2_CC6.8")],
            gaps: vec!["files or directories cannot be read".into()],
            ..FimStatus::default()
        }),
        task: task(),
        container: Container { name: "app".into(), ..Container::default() },
        ..Heartbeat::default()
    }
}

fn report() -> Report {
    let decision = Decision { who: "ann".into(), at: at(70), note: "ticket 17".into() };
    let acknowledged = |change| Reported {
        change,
        state: Some(FindingState::Acknowledged),
        decision: Some(decision.clone()),
    };
    let open = Reported {
        change: change("=/etc/\n\"x\"", false, 90),
        state: Some(FindingState::Open),
        decision: None,
    };
    let gathered = Gathered {
        changes: vec![
            open,
            acknowledged(change("/etc/passwd", true, 80)),
            acknowledged(change("/etc/passwd", true, 60)),
        ],
        tasks: vec![Watched {
            task: task(),
            first_seen: at(0),
            last_seen: at(500),
            ended: true,
            heartbeats: vec![
                sensor(0, 100, true, &[("fim_rate", 3), ("ring_full", 2)]),
                sensor(400, 500, true, &[]),
                Heartbeat { time: at(1), task: task(), ..Heartbeat::default() },
            ],
        }],
        left_out: vec!["5 earlier changes of /etc/passwd are counted and no longer kept".into()],
    };
    let standard = "pci-dss-11.5".parse().unwrap();
    Report::of(gathered, "http://127.0.0.1:8440".into(), Some(&standard), None, at(600))
}

#[test]
fn the_table() {
    insta::assert_snapshot!(table(&report()));
}

#[test]
fn the_csv() {
    insta::assert_snapshot!(csv(&report()));
}
