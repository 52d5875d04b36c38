//! Changes of coverage told to a webhook, while the server is killed between a change and its delivery.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::server::{Place, agent, beat, get, get_until, post, stop};

const CLUSTERS: usize = 5;
const ROUNDS: usize = 6;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Takes a request and answers nothing.
const SILENT: u16 = 0;

/// A request as it came.
#[derive(Clone, Debug)]
struct Told {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
    /// It was answered 200.
    taken: bool,
}

/// A receiver of webhooks.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (status, told) = (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let (answers, kept) = (status.clone(), told.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, kept) = (answers.clone(), kept.clone());
                std::thread::spawn(move || converse(&stream, &answers, &kept));
            }
        });
        Self { url, status, told }
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until so many different changes were taken.
    fn wait_for(&self, changes: usize) {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let told = self.told();
            let taken: BTreeSet<&str> =
                told.iter().filter(|each| each.taken).map(|each| each.id.as_str()).collect();
            if taken.len() >= changes {
                return;
            }
            assert!(Instant::now() < until, "{} of {changes} changes; {} requests", taken.len(), told.len());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// Requests of a connection.
fn converse(stream: &TcpStream, answers: &AtomicU16, kept: &Mutex<Vec<Told>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let status = answers.load(Ordering::SeqCst);
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        kept.lock().unwrap().push(Told {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body: String::from_utf8(body).unwrap(),
            taken: status == 200,
        });
        if status == SILENT {
            // The connection stays open and nothing comes, as from a receiver that hangs.
            let _ = reader.read(&mut [0]);
            return;
        }
        let mut writer = stream;
        let _ = writer.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes());
    }
}

fn cluster(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:cluster/c{number}")
}

fn task(cluster: usize, round: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task/c{cluster}/{:032x}", cluster * 100 + round)
}

/// An event of a task that has run for ten minutes, whose agent has ended.
fn event(number: usize, round: usize, version: u64) -> Value {
    let now = jiff::Timestamp::now();
    let ago = |seconds: i64| (now - jiff::SignedDuration::from_secs(seconds)).to_string();
    json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": now.to_string(),
        "detail": {"taskArn": task(number, round), "clusterArn": cluster(number), "version": version,
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "launchType": "FARGATE", "group": "family:web",
            "createdAt": ago(610), "startedAt": ago(600), "updatedAt": now.to_string(),
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7",
            "attachments": [{"type": "eni", "details": [{"name": "subnetId", "value": "subnet-1"},
                {"name": "networkInterfaceId", "value": "eni-1"}]}],
            "containers": [{"name": "fargard-sensor", "lastStatus": "STOPPED", "exitCode": 2}]}})
}

/// Judges every signature with Python's own HMAC.
fn signatures_are_right(told: &[Told]) -> bool {
    let program = "
import base64, hashlib, hmac, json, sys
secret = base64.b64decode(sys.argv[1].removeprefix('whsec_'))
for id, timestamp, body, signature in json.load(sys.stdin):
    tag = hmac.new(secret, f'{id}.{timestamp}.{body}'.encode(), hashlib.sha256).digest()
    assert signature == 'v1,' + base64.b64encode(tag).decode(), (id, signature)
    assert json.loads(body)['id'] == id";
    let input: Vec<_> =
        told.iter().map(|each| json!([each.id, each.timestamp, each.body, each.signature])).collect();
    let mut child =
        Command::new("python3").args(["-c", program, SECRET]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(input).to_string().as_bytes()).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn no_change_is_lost_or_told_as_another_though_the_server_is_killed() {
    let receiver = Receiver::start();
    let place = Place::new();
    let settings = [
        ("FARGARD_NOTIFY_WEBHOOK", receiver.url.clone()),
        ("FARGARD_NOTIFY_WEBHOOK_SECRET", SECRET.to_owned()),
        ("FARGARD_NOTIFY_HOLD", "0".to_owned()),
        // Nothing may change but what is done here.
        ("FARGARD_SILENCE", "3600".to_owned()),
    ];
    let (mut server, tokens) = place.first_start_with(&settings);
    let (agent, url) = (agent(), place.url());
    let mut kills = 0;
    for round in 0..ROUNDS {
        let healthy = round % 2 == 1;
        // A receiver that takes and never answers, one that refuses, one that works.
        receiver.status.store([SILENT, 500, 200][round % 3], Ordering::SeqCst);
        for number in 0..CLUSTERS {
            if healthy {
                beat(&agent, &url, &tokens.enrolment, &task(number, round - 1));
            }
            // A heartbeat is folded a moment after it is acknowledged; news has the cluster judged at once.
            let (of_round, version) = if healthy { (round - 1, 2) } else { (round, 1) };
            post(&agent, &url, &tokens.admin, "/v1/ecs-events", &event(number, of_round, version));
        }
        let wanted = if healthy { "healthy" } else { "unhealthy" };
        let counts = get_until(&agent, &url, &tokens.admin, "/api/v1/coverage/statistics", |counts| {
            counts[wanted] == CLUSTERS
        });
        assert_eq!(counts[wanted], CLUSTERS, "{counts}");
        if round % 2 == 0 {
            server.kill();
            kills += 1;
            server = place.start_with(&settings);
        }
    }
    receiver.status.store(200, Ordering::SeqCst);
    receiver.wait_for(CLUSTERS * ROUNDS);
    let metrics = agent
        .get(format!("{url}/metrics"))
        .header("Authorization", format!("Bearer {}", tokens.admin))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(metrics.contains("fargard_notices_total{sink=\"webhook\",result=\"told\"}"), "{metrics}");
    let told = receiver.told();
    assert!(signatures_are_right(&told));
    let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for each in &told {
        // What comes again comes unchanged.
        assert_eq!(*bodies.entry(&each.id).or_insert(&each.body), each.body);
        let event: Value = serde_json::from_str(&each.body).unwrap();
        let of_cluster = changes.entry(event["resources"][0].as_str().unwrap().to_owned()).or_default();
        if !of_cluster.iter().any(|known| known["id"] == event["id"]) {
            of_cluster.push(event);
        }
    }
    assert_eq!(changes.len(), CLUSTERS);
    for (cluster, changes) in changes {
        // By the order in which they first came: each once, none missing, none invented.
        let seen: Vec<_> = changes
            .iter()
            .map(|event| {
                (event["detail"]["changeNumber"].as_u64(), event["detail"]["currentStatus"].as_str())
            })
            .collect();
        let expected: Vec<_> = (0..ROUNDS)
            .map(|round| (Some(round as u64 + 1), Some(["Unhealthy", "Healthy"][round % 2])))
            .collect();
        assert_eq!(seen, expected, "{cluster}");
        assert_eq!(changes[0]["detail"]["issue"], "Agent exited");
    }
    println!("{} changes in {} requests over {kills} kills", CLUSTERS * ROUNDS, told.len());
    let rest = get(&agent, &url, &tokens.admin, "/api/v1/coverage/statistics");
    assert_eq!(rest["healthy"], CLUSTERS);
    stop(server);
}
