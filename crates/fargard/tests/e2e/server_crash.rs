//! The server dies again and again while sensors deliver: everything acknowledged or retried is there at the end,
//! once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use fargard_model::{
    Batch, BatchHeader, Container, Detection, Event, EventType, Lost, Outcome, Priority, Process, Record,
    Source, Task, Timestamp, batch::FORMAT,
};

use crate::{
    server::{Place, agent, enrol, get, stop},
    support::fargard,
};

const SENDERS: u64 = 4;
const BATCHES: u64 = 10_000;
const KILLS: u64 = 5;

fn task(sender: u64) -> String {
    format!("local:crash:{sender}")
}

fn batch(start: Timestamp, sender: u64, sequence: u64) -> Batch {
    let number = sequence;
    let event = Event {
        num: number,
        time: Timestamp(start.0 + number * 1000),
        source: Source::Syscall,
        kind: EventType::Execve,
        tid: 1,
        process: Arc::new(Process { pid: 1, exepath: format!("/tmp/{}", number % 5), ..Process::default() }),
        args: Vec::new(),
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Attempt,
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task { arn: task(sender), ..Task::default() }),
        container: Arc::new(Container { name: "app".into(), ..Container::default() }),
    };
    let detection = Detection {
        id: format!("sensor-{sender}-{number}-0"),
        time: event.time,
        rule: "Drop and execute".into(),
        priority: Priority::Critical,
        source: Source::Syscall,
        hostname: "h".into(),
        output: "out".into(),
        tags: Vec::new(),
        output_fields: serde_json::Map::new(),
        description: String::new(),
        condition: String::new(),
        folded: 0,
        action: None,
        event,
    };
    Batch {
        header: BatchHeader {
            format: FORMAT,
            producer: format!("sensor-{sender}"),
            sequence,
            task_arn: task(sender),
            lost: Lost::default(),
        },
        records: vec![Record::Detection(Box::new(detection))],
    }
}

/// Sends until it is acknowledged, as a sensor does.
fn deliver(agent: &ureq::Agent, url: &str, token: &str, batch: &Batch) {
    let body = zstd::encode_all(&*batch.to_lines().unwrap(), 3).unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let sent = agent
            .post(format!("{url}/v1/batches"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-encoding", "zstd")
            .send(&body);
        match sent {
            Ok(answer) if answer.status() == 200 => return,
            Ok(answer) => assert_eq!(answer.status(), 503, "only a busy server is tried again"),
            Err(_) => {}
        }
        assert!(Instant::now() < until, "the server did not come back");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Numbers of the stored events of a task; a number that comes twice fails the test.
fn event_numbers(agent: &ureq::Agent, url: &str, admin: &str, sender: u64) -> BTreeSet<u64> {
    let (mut numbers, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = get(agent, url, admin, &format!("/api/v1/events?task={}&limit=500{cursor}", task(sender)));
        for event in page["events"].as_array().unwrap() {
            assert!(numbers.insert(event["num"].as_u64().unwrap()), "an event is stored twice: {event}");
        }
        let Some(next) = page["next"].as_str() else { return numbers };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn every_detection_is_stored_once_though_the_server_is_killed() {
    let place = Place::new();
    let url = place.url();
    let (mut server, tokens) = place.first_start();
    let admin = &tokens.admin;
    let agent = agent();
    let acknowledged = AtomicU64::new(0);
    let start = Timestamp::now();
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let token = enrol(&agent, &url, &tokens.enrolment, &task(sender), &format!("sensor-{sender}"));
            let (agent, url, acknowledged) = (agent.clone(), &url, &acknowledged);
            scope.spawn(move || {
                for sequence in 1..=BATCHES / SENDERS {
                    deliver(&agent, url, &token, &batch(start, sender, sequence));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 1..=KILLS {
            while acknowledged.load(Ordering::Relaxed) < kill * BATCHES / (KILLS + 1) {
                thread::park_timeout(Duration::from_millis(5));
            }
            server.kill();
            server = place.start();
        }
    });
    // An orderly end folds what is still in the log.
    stop(server);
    let server = place.start();
    let page = get(&agent, &url, admin, "/api/v1/findings?limit=500");
    let counts: Vec<u64> = page["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, vec![BATCHES / SENDERS / 5; 5 * SENDERS as usize], "each detection is folded once");
    for sender in 0..SENDERS {
        let numbers = event_numbers(&agent, &url, admin, sender);
        let missing: Vec<u64> = (1..=BATCHES / SENDERS).filter(|number| !numbers.contains(number)).collect();
        assert!(
            missing.is_empty(),
            "{} events of sender {sender} are not stored: {missing:?}",
            missing.len()
        );
        assert_eq!(numbers.len() as u64, BATCHES / SENDERS);
    }
    stop(server);
}

#[test]
fn what_must_not_run_ends_with_code_2_and_says_why() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("fargard.toml");
    std::fs::write(&config, "listen = '127.0.0.1:0'\nlistne = 'x'\n").unwrap();
    let config = config.to_str().unwrap();
    for (args, part) in [
        (&["--listen", "0.0.0.0:0"][..], "TLS is needed"),
        (&["--role", "web"], "role \"web\" is not supported"),
        (&["--config", config], "fargard.toml:2:1: unknown field `listne`"),
        (&["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (&["--data", "/proc/nowhere"], "/proc/nowhere"),
        (&["--listen", "127.0.0.1:0", "--tls-cert", config, "--tls-key", config], "no certificate"),
    ] {
        let output = fargard().arg("server").args(args).current_dir(data.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(part), "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}
