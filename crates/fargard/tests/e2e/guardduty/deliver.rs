//! Findings of all kinds, sent as sensors send them.

use std::sync::Arc;

use fargard_model::{
    Batch, BatchHeader, CheckResult, CheckStatus, Container, Detection, Event, EventType, Evidence, Fd,
    FileChange, Lost, Mount, Outcome, Priority, Process, Record, Source, Task, Timestamp,
    batch::FORMAT,
    event::{Arg, ArgValue},
    file_change::{Change, FoundBy, Writer},
};
use serde_json::Value;

use crate::{
    coverage::Stage,
    server::{agent, enrol, get_until},
};

/// What a detection is about.
pub(super) struct What {
    pub(super) rule: &'static str,
    pub(super) priority: Priority,
    pub(super) tags: &'static [&'static str],
    pub(super) kind: EventType,
    pub(super) remote: Option<&'static str>,
    pub(super) arg: Option<(&'static str, &'static str)>,
    pub(super) path: Option<&'static str>,
}

/// Detections that have a type of GuardDuty's each in another way.
pub(super) const DETECTIONS: [What; 5] = [
    What {
        rule: "Reverse shell",
        priority: Priority::Critical,
        tags: &["mitre_execution", "T1059.004"],
        kind: EventType::Connect,
        remote: Some("203.0.113.9:4444"),
        arg: None,
        path: None,
    },
    What {
        rule: "Mining pool looked up",
        priority: Priority::Error,
        tags: &["mitre_impact"],
        kind: EventType::Asyncevent,
        remote: None,
        arg: Some(("question", "pool.example.org")),
        path: None,
    },
    What {
        rule: "Write below etc",
        priority: Priority::Warning,
        tags: &["mitre_persistence"],
        kind: EventType::Openat,
        remote: None,
        arg: None,
        path: Some("/etc/passwd"),
    },
    What {
        rule: "Mount or namespace change attempted",
        priority: Priority::Notice,
        tags: &["mitre_privilege_escalation"],
        kind: EventType::Mount,
        remote: None,
        arg: Some(("dev", "/dev/nvme1n1")),
        path: Some("/mnt"),
    },
    What {
        rule: "our own rule",
        priority: Priority::Informational,
        tags: &[],
        kind: EventType::Execve,
        remote: None,
        arg: None,
        path: None,
    },
];

fn process() -> Arc<Process> {
    let started = Timestamp::now().0 - 60_000_000_000;
    let init = Process {
        pid: 4000,
        vpid: 1,
        name: "init".into(),
        exepath: "/sbin/init".into(),
        ..Process::default()
    };
    let server = Process {
        pid: 4007,
        vpid: 7,
        name: "server".into(),
        exepath: "/app/server".into(),
        uid: 1000,
        euid: 1000,
        user: "app".into(),
        started_at: started,
        parent: Some(Arc::new(init)),
        ..Process::default()
    };
    Arc::new(Process {
        pid: 4012,
        vpid: 12,
        name: "sh".into(),
        exe: "sh".into(),
        exepath: "/bin/sh".into(),
        args: vec!["-i".into()],
        cwd: "/app".into(),
        user: "app".into(),
        // An id that is not known is all ones: more than clients have bits for.
        uid: u32::MAX,
        euid: 1000,
        started_at: started + 1_000_000_000,
        parent: Some(Arc::new(server)),
        ..Process::default()
    })
}

fn task(arn: &str, account: &str) -> Task {
    Task {
        arn: arn.into(),
        account: account.into(),
        region: "eu-west-1".into(),
        cluster: "c00000".into(),
        family: "web".into(),
        revision: "7".into(),
        service: "web".into(),
        launch_type: "FARGATE".into(),
        ..Task::default()
    }
}

fn container() -> Container {
    Container {
        id: "0123456789abcdef0123456789abcdef-1234567890".into(),
        name: "app".into(),
        image: "registry.example.org/team/web:1.4".into(),
        mounts: Some(vec![Mount {
            source: "data".into(),
            destination: "/data".into(),
            mode: "rw".into(),
            writable: true,
            propagation: String::new(),
        }]),
        ..Container::default()
    }
}

fn detection(what: &What, number: u64, task: &Task) -> Record {
    let text = |text: &str| ArgValue::Text(text.to_owned());
    let event = Event {
        num: number,
        time: Timestamp(Timestamp::now().0 - 10_000_000_000 + number * 1_000_000_000),
        source: Source::Syscall,
        kind: what.kind,
        tid: 4012,
        process: process(),
        args: what.arg.iter().map(|(name, value)| Arg { name: (*name).into(), value: text(value) }).collect(),
        paths: what.path.iter().map(|path| ("name".into(), (*path).to_owned())).collect(),
        fd: what.remote.map(|remote| Fd {
            num: 3,
            remote: remote.parse().ok(),
            local: "10.0.1.5:41000".parse().ok(),
            client: Some(true),
            l4proto: Some("tcp".into()),
            ..Fd::default()
        }),
        outcome: Outcome::Attempt,
        evidence: Evidence::default(),
        task: Arc::new(task.clone()),
        container: Arc::new(container()),
    };
    Record::Detection(Box::new(Detection {
        id: format!("s-{number}-0"),
        time: event.time,
        rule: what.rule.into(),
        priority: what.priority,
        source: Source::Syscall,
        hostname: "h".into(),
        output: format!("{} | process=sh", what.rule),
        tags: what.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        output_fields: serde_json::Map::new(),
        description: "d".into(),
        condition: "c".into(),
        folded: 0,
        action: None,
        event,
    }))
}

fn file_change(task: &Task) -> Record {
    let time = Timestamp::now();
    Record::FileChange(Box::new(FileChange {
        id: "s-f-1".into(),
        time,
        entry: "/app".into(),
        path: "/app/config.json".into(),
        from: None,
        changes: vec![Change::Content],
        before: None,
        after: None,
        found_by: FoundBy::Watch,
        writer: Some(Writer { time, call: EventType::Openat, process: process() }),
        below: 0,
        severity: Priority::Warning,
        tags: vec!["PCI_DSS_11.5.2".into()],
        task: task.clone(),
        container: container(),
    }))
}

fn failed_check(task: &Task) -> Record {
    let result = serde_json::json!({"id": "s-check-1", "subjects": ["/app/key.pem"], "check": 425, "title": "Private keys stored in image", "status": "failed",
        "severity": "Error", "cause": "/app/key.pem", "time": Timestamp::now(), "tags": [],
        "task": task, "container": container()});
    let result: CheckResult = serde_json::from_value(result).expect("a result");
    assert_eq!(result.status, CheckStatus::Failed);
    Record::CheckResult(Box::new(result))
}

/// Sends everything once from a task of an account, and waits until it is there.
pub(super) fn deliver(stage: &Stage, account: &str, occurrences: u64) {
    let arn = format!("arn:aws:ecs:eu-west-1:{account}:task/c00000/{:032x}", 0);
    let (agent, url) = (agent(), stage.place.url());
    let token = enrol(&agent, &url, &stage.tokens.enrolment, &arn, account);
    let task = task(&arn, account);
    let mut records: Vec<Record> =
        (1..).zip(&DETECTIONS).map(|(number, what)| detection(what, number, &task)).collect();
    records.push(file_change(&task));
    records.push(failed_check(&task));
    let header = BatchHeader {
        format: FORMAT,
        producer: account.into(),
        sequence: 1,
        task_arn: arn,
        lost: Lost::default(),
    };
    let body = zstd::encode_all(&*Batch { header, records }.to_lines().expect("lines"), 3).expect("zstd");
    let sent = agent
        .post(format!("{url}/v1/batches"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-encoding", "zstd")
        .send(&body)
        .expect("an answer");
    assert_eq!(sent.status(), 200);
    let all = |page: &Value| page["total"].as_u64() == Some(occurrences);
    let page = get_until(&agent, &url, &stage.tokens.admin, "/api/v1/findings", all);
    assert!(all(&page), "{page}");
}
