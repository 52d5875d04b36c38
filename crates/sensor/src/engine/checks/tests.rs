//! The judging thread on files of a directory.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, atomic::AtomicU64, mpsc},
    thread,
    time::Duration,
};

use fargard_model::{Actor, Container, EventType, Task, Timestamp};

use super::{Report, Shared, intake::Work, judge::Judge};
use crate::{
    config::CpuBudget,
    engine::{identity::Identity, notes::Notes, threads::Common, uplink::outbox::Outbox},
};

fn shared(root: &std::path::Path) -> (Shared, mpsc::Receiver<Report>) {
    let common = Common {
        outbox: Outbox::default(),
        identity: Identity::new(Task::default(), Container::default(), true),
        sensor: "s".to_owned(),
        checks_made: AtomicU64::new(0),
        stop: false.into(),
        notes: Notes::default(),
    };
    let (reports, receiver) = mpsc::channel();
    let shared = Shared {
        root: root.to_owned(),
        packages: Arc::default(),
        reports,
        waker: None,
        common: Arc::new(common),
        cpu: CpuBudget::Off,
    };
    (shared, receiver)
}

fn actor() -> Actor {
    Actor {
        time: Timestamp(7),
        call: EventType::Openat,
        pid: 42,
        name: "cp".to_owned(),
        exepath: "/bin/cp".to_owned(),
        uid: 0,
        parent: String::new(),
    }
}

#[test]
fn a_copied_miner_is_found_within_two_seconds_with_who_copied_it() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let (shared, reports) = shared(root.path());
    let (intake, judge) = Judge::new(shared);
    let thread = thread::spawn(move || judge.run(true));
    let written = |path: &str| Work::File { path: path.to_owned(), written: true, by: actor() };
    intake.work.send(written("/tmp/xmrig")).unwrap();
    let file = root.path().join("tmp/xmrig");
    fs::copy("/bin/sleep", &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let Report::Hits(hits) = reports.recv_timeout(Duration::from_secs(2)).unwrap() else { panic!() };
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].check, hits[0].finding.subject.as_str()), (426, "/tmp/xmrig"));
    assert_eq!(hits[0].by, Some(actor()));
    intake.work.send(written("/tmp/absent")).unwrap();
    drop(intake);
    thread.join().unwrap();
}

#[test]
fn a_program_s_arguments_and_environment_are_judged_when_the_call_shows_them() {
    let root = tempfile::tempdir().unwrap();
    let (shared, reports) = shared(root.path());
    let (intake, judge) = Judge::new(shared);
    let work = Work::Program {
        by: actor(),
        args: vec!["--api-key=Zk8vTq2Lw9pXaB".to_owned()],
        env: vec!["DB_PASSWORD=Zk8vTq2Lw9pX".to_owned()],
    };
    intake.work.send(work).unwrap();
    drop(intake);
    judge.run(false);
    let found: Vec<String> = reports
        .try_iter()
        .flat_map(|report| match report {
            Report::Hits(hits) => hits,
            Report::First(hits, _) => hits,
        })
        .map(|hit| hit.finding.subject)
        .collect();
    assert_eq!(found, ["the arguments of cp", "DB_PASSWORD"]);
}
