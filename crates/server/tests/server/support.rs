//! A server of its own for a test, and a client that shows what it gets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fargard_model::{
    Action, ActionResult, ActionTaken, Batch, BatchHeader, Container, Detection, Event, EventType, Finding,
    Lost, Outcome, Priority, Process, Record, Source, Task, Timestamp, batch::FORMAT,
};
use fargard_server::{Config, Running, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The task the tests' sensors watch.
pub(crate) const TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef";

/// A server on a free loopback port, with its tokens.
pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) running: Option<Running>,
    pub(crate) data: TempDir,
    pub(crate) url: String,
    pub(crate) admin: String,
    pub(crate) enrolment: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::local(data.path());
        change(&mut config);
        Self::on(data, config)
    }

    pub(crate) fn on(data: TempDir, config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(Server::start(config)).unwrap();
        let (admin, enrolment) = runtime.block_on(async {
            (running.admin_token("tester").await.unwrap(), running.enrolment_token("test").await.unwrap())
        });
        Self {
            runtime,
            url: running.url(),
            running: Some(running),
            data,
            admin: admin.reveal().to_owned(),
            enrolment: enrolment.reveal().to_owned(),
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// A token for [`TASK`] and the producer `p`.
    pub(crate) fn enrol(&self) -> String {
        self.enrol_as(TASK, "p")
    }

    /// A sensor's token.
    pub(crate) fn enrol_as(&self, task: &str, producer: &str) -> String {
        let body =
            json!({"task": {"arn": task}, "container": {"name": "app"}, "producer": producer}).to_string();
        let answer =
            self.post("/v1/enrol", &self.enrolment, &[("content-type", "application/json")], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &format!("Bearer {}", self.admin))], b"")
    }

    pub(crate) fn post(&self, path: &str, token: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.send("POST", path, &all, body)
    }

    pub(crate) fn deliver(&self, token: &str, batch: &Batch) -> Answer {
        let body = zstd::encode_all(&*batch.to_lines().unwrap(), 3).unwrap();
        self.post("/v1/batches", token, &[("content-encoding", "zstd")], &body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = agent().run(request.body(body).unwrap()).unwrap();
        let (parts, mut body) = response.into_parts();
        let body = body.read_to_string().unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Waits until the worker has folded this many occurrences.
    pub(crate) fn wait_for(&self, occurrences: u64) -> Vec<Finding> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let page = self.get("/api/v1/findings?limit=500").json();
            let findings: Vec<Finding> = serde_json::from_value(page["findings"].clone()).unwrap();
            if findings.iter().map(|finding| finding.count).sum::<u64>() >= occurrences {
                return findings;
            }
            assert!(Instant::now() < until, "{occurrences} occurrences did not arrive: {findings:?}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(mut self) -> TempDir {
        self.runtime.block_on(self.running.take().unwrap().stop());
        self.data
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

pub(crate) fn detection(number: u64, exepath: &str, output: &str) -> Record {
    let event = Event {
        num: number,
        time: Timestamp(Timestamp::now().0 - 1_000_000_000 + number),
        source: Source::Syscall,
        kind: EventType::Execve,
        tid: 7,
        process: Arc::new(Process {
            pid: 7,
            name: "x".into(),
            exepath: exepath.into(),
            parent: Some(Arc::new(Process { pid: 1, name: "sh".into(), ..Process::default() })),
            ..Process::default()
        }),
        args: Vec::new(),
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Confirmed(0),
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task {
            arn: TASK.into(),
            cluster: "prod".into(),
            family: "web".into(),
            ..Task::default()
        }),
        container: Arc::new(Container {
            name: "app".into(),
            image: "nginx:1".into(),
            ..Container::default()
        }),
    };
    Record::Detection(Box::new(Detection {
        id: format!("p-{number}-0"),
        time: event.time,
        rule: "Drop and execute".into(),
        priority: Priority::Critical,
        source: Source::Syscall,
        hostname: "h".into(),
        output: output.into(),
        tags: vec!["PCI_DSS_11.5.2".into(), "T1059".into()],
        output_fields: serde_json::Map::new(),
        description: "d".into(),
        condition: "c".into(),
        folded: 0,
        action: Some(ActionTaken {
            kind: Action::Kill,
            result: ActionResult::Refused,
            reason: "it is PID 1".into(),
        }),
        event,
    }))
}

pub(crate) fn batch(sequence: u64, records: Vec<Record>) -> Batch {
    batch_of("p", sequence, TASK, records)
}

pub(crate) fn batch_of(producer: &str, sequence: u64, task: &str, records: Vec<Record>) -> Batch {
    Batch {
        header: BatchHeader {
            format: FORMAT,
            producer: producer.into(),
            sequence,
            task_arn: task.into(),
            lost: Lost::default(),
        },
        records,
    }
}
