//! Changes of monitored files: from the gate to the REST interface and the console.

use std::sync::Arc;

use fargard_model::{
    Change, Container, EventType, FileChange, FileState, FimStatus, FoundBy, Heartbeat, Priority, Process,
    Record, Task, Timestamp, Writer, file_change::FimEntry,
};

use crate::{
    rest::{document, schema},
    support::{Fixture, TASK, batch},
};

fn task() -> Task {
    Task { arn: TASK.into(), cluster: "prod".into(), family: "web".into(), ..Task::default() }
}

fn change(path: &str, writer: bool) -> FileChange {
    let now = Timestamp::now();
    let state = |size, hash: &str| FileState {
        mode: 0o644,
        size,
        sha256: Some(hash.repeat(64)),
        ..FileState::default()
    };
    FileChange {
        id: "p-fim-1".into(),
        time: now,
        entry: "Accounts".into(),
        path: path.into(),
        from: None,
        changes: vec![Change::Content],
        before: Some(state(10, "a")),
        after: Some(state(12, "b")),
        found_by: FoundBy::Watch,
        writer: writer.then(|| Writer {
            time: now,
            call: EventType::Openat,
            process: Arc::new(Process { pid: 7, name: "useradd".into(), ..Process::default() }),
        }),
        below: 0,
        severity: Priority::Critical,
        tags: vec!["PCI_DSS_11.5.2".into()],
        task: task(),
        container: Container { name: "app".into(), ..Container::default() },
    }
}

#[test]
fn they_are_listed_described_and_shown() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let fim = FimStatus {
        policy: "test".into(),
        entries: vec![FimEntry { name: "Accounts".into(), files: 3, ..FimEntry::default() }],
        baseline: Some(Timestamp(5)),
        ..FimStatus::default()
    };
    let heartbeat = Heartbeat { task: task(), fim: Some(fim), ..Heartbeat::default() };
    let changed = |path: &str, writer| Record::FileChange(Box::new(change(path, writer)));
    let records = vec![
        Record::Heartbeat(Box::new(heartbeat)),
        changed("/etc/passwd", true),
        changed("/etc/<b>", false),
    ];
    assert_eq!(fixture.deliver(&token, &batch(1, records)).status, 200);
    fixture.wait_for(2);
    let list = fixture.get("/api/v1/findings?kind=file_integrity&standard=PCI_DSS_11.5").json();
    assert_eq!(list["total"], 2, "{list}");
    assert_eq!(fixture.get("/api/v1/findings?standard=HIPAA").json()["total"], 0);
    let document = document(&fixture);
    for finding in list["findings"].as_array().unwrap() {
        assert_eq!(finding["title"], "File integrity: Accounts");
        let id = finding["id"].as_str().unwrap();
        let detail = fixture.get(&format!("/api/v1/findings/{id}")).json();
        let valid = schema(&document, "get", "/api/v1/findings/{id}", "200");
        assert!(valid.is_valid(&detail), "{:?}\n{detail:#}", valid.iter_errors(&detail).next());
        let page = fixture.get(&format!("/findings/{id}")).body;
        let known = page.contains("useradd");
        assert_eq!(known, finding["summary"].as_str().unwrap().contains("/etc/passwd"), "{page}");
        assert!(
            page.contains("What changed") && page.contains(&"b".repeat(64)) && !page.contains("/etc/<b>")
        );
        assert!(known || page.contains("not watched"));
    }
    let task = fixture.get(&format!("/api/v1/tasks/{}", TASK.replace('/', "%2F"))).json();
    assert_eq!(task["sensors"]["p"]["fim"]["entries"][0]["files"], 3, "{task}");
    let valid = schema(&document, "get", "/api/v1/tasks/{arn}", "200");
    assert!(valid.is_valid(&task), "{:?}\n{task:#}", valid.iter_errors(&task).next());
}

#[test]
fn texts_without_end_are_refused() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let long = Record::FileChange(Box::new(change(&"x".repeat(100_000), false)));
    let answer = fixture.deliver(&token, &batch(1, vec![long]));
    assert_eq!(answer.status, 422, "{}", answer.body);
}
