//! The real `fargard server`, started, killed and asked by tests.

use std::{
    net::TcpListener,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use fargard_model::{Batch, BatchHeader, Heartbeat, Lost, Record, Task, Timestamp, batch::FORMAT};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{DEADLINE, Running, fargard};

/// A server's address, which stays the same over restarts, and its data.
#[derive(Clone)]
pub(crate) struct Place {
    address: String,
    data: Arc<tempfile::TempDir>,
}

/// What the first start prints once.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) admin: String,
    pub(crate) enrolment: String,
}

impl Place {
    /// A port nothing listens on now, and an empty directory.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        Self { address, data: Arc::new(tempfile::tempdir().expect("a directory")) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// The same with these in its environment.
    pub(crate) fn start_with(&self, environment: &[(&str, String)]) -> Running {
        let mut running = Running::start(
            fargard()
                .args(["server", "--listen", &self.address, "--data"])
                .arg(self.data())
                .env("FARGARD_LOG", "warn")
                .envs(environment.iter().map(|(name, value)| (name, value))),
        );
        running.wait_for(&["listens on"]);
        running
    }

    /// The first start, with the tokens it prints.
    pub(crate) fn first_start(&self) -> (Running, Tokens) {
        self.first_start_with(&[])
    }

    /// The same with these in its environment.
    pub(crate) fn first_start_with(&self, environment: &[(&str, String)]) -> (Running, Tokens) {
        let mut running = self.start_with(environment);
        let mut token = |name| {
            let line = running.wait_for(&[name]);
            line.rsplit(' ').next().expect("a token ends the line").to_owned()
        };
        let tokens = Tokens { admin: token("admin token:"), enrolment: token("enrolment token:") };
        (running, tokens)
    }
}

/// SIGTERM, and an orderly end.
pub(crate) fn stop(running: Running) {
    running.signal(Signal::TERM);
    let (status, printed) = running.finish();
    assert!(status.success(), "{printed}");
}

/// A client that takes every status for an answer.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into()
}

/// A sensor's token for a task and a producer.
pub(crate) fn enrol(agent: &ureq::Agent, url: &str, enrolment: &str, task: &str, producer: &str) -> String {
    let body = serde_json::json!({"task": {"arn": task}, "container": {}, "producer": producer}).to_string();
    let mut answer = agent
        .post(format!("{url}/v1/enrol"))
        .header("Authorization", format!("Bearer {enrolment}"))
        .header("Content-Type", "application/json")
        .send(&body)
        .expect("an answer");
    let answer: Value =
        serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON");
    answer["token"].as_str().expect("a token").to_owned()
}

/// Tells the server what ECS says.
pub(crate) fn post(agent: &ureq::Agent, url: &str, token: &str, path: &str, body: &Value) -> Value {
    let mut answer = agent
        .post(format!("{url}{path}"))
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .send(body.to_string())
        .expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    assert_eq!(answer.status(), 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// A heartbeat of a task, as a sensor sends it.
pub(crate) fn beat(agent: &ureq::Agent, url: &str, enrolment: &str, task: &str) {
    let producer = format!("s-{}", task.rsplit('/').next().unwrap_or_default());
    let token = enrol(agent, url, enrolment, task, &producer);
    let named = Task { arn: task.to_owned(), ..Task::default() };
    let beat =
        Heartbeat { time: Timestamp::now(), version: "0.1.0".into(), task: named, ..Heartbeat::default() };
    let sequence = beat.time.0;
    let batch = Batch {
        header: BatchHeader {
            format: FORMAT,
            producer,
            sequence,
            task_arn: task.into(),
            lost: Lost::default(),
        },
        records: vec![Record::Heartbeat(Box::new(beat))],
    };
    let lines = zstd::encode_all(&*batch.to_lines().expect("lines"), 3).expect("zstd compresses");
    let sent = agent
        .post(format!("{url}/v1/batches"))
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Encoding", "zstd")
        .send(&lines[..])
        .expect("an answer");
    assert_eq!(sent.status(), 200);
}

/// Asks the REST interface.
pub(crate) fn get(agent: &ureq::Agent, url: &str, admin: &str, path: &str) -> Value {
    let mut answer = agent
        .get(format!("{url}{path}"))
        .header("Authorization", format!("Bearer {admin}"))
        .call()
        .expect("an answer");
    serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON")
}

/// Asks until the answer is as expected: a batch is acknowledged when it is durable, and folded a moment later.
pub(crate) fn get_until(
    agent: &ureq::Agent,
    url: &str,
    admin: &str,
    path: &str,
    expected: impl Fn(&Value) -> bool,
) -> Value {
    let until = Instant::now() + DEADLINE;
    loop {
        let answer = get(agent, url, admin, path);
        if expected(&answer) || Instant::now() >= until {
            return answer;
        }
        std::thread::yield_now();
    }
}
