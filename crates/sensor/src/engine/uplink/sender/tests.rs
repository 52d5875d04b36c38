use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use fargard_model::{Batch, Container, Heartbeat, Record, Secret, Task};

use super::Sender;
use crate::{
    config::{Server, Spool as SpoolSettings},
    engine::{
        identity::Identity,
        uplink::{
            client::Client,
            outbox::Outbox,
            packer::{self, SharedSpool},
            spool::{Enrolment, Spool, drain},
        },
    },
};

const ARN: &str = "local:test:1";

/// A server that answers as told and remembers what it took.
#[derive(Default)]
struct Fake {
    /// Status codes for the next requests by path; when used up, 200.
    script: HashMap<&'static str, Vec<u16>>,
    taken: Vec<Batch>,
    bodies: Vec<Vec<u8>>,
    enrolments: u32,
}

struct Request {
    path: String,
    token: String,
    body: Vec<u8>,
}

fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => token = value.trim().trim_start_matches("Bearer ").to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { path, token, body })
}

impl Fake {
    fn answer(&mut self, request: &Request) -> (u16, String) {
        let path = if request.path == "/v1/enrol" { "/v1/enrol" } else { "/v1/batches" };
        let scripted =
            self.script.get_mut(path).and_then(|codes| (!codes.is_empty()).then(|| codes.remove(0)));
        if let Some(code) = scripted.filter(|code| *code != 200) {
            return (code, "as told".to_owned());
        }
        if path == "/v1/enrol" {
            assert_eq!(request.token, "enrol-me");
            let enrolment: Enrolment = serde_json::from_slice(&request.body).unwrap();
            assert!(enrolment.producer.starts_with("p-"));
            self.enrolments += 1;
            return (200, format!("{{\"token\":\"task-{}\"}}", self.enrolments));
        }
        assert_eq!(request.token, format!("task-{}", self.enrolments));
        let lines = zstd::decode_all(&request.body[..]).unwrap();
        self.taken.push(Batch::from_lines(&lines).unwrap());
        self.bodies.push(request.body.clone());
        (200, "{\"status\":\"accepted\"}".to_owned())
    }

    fn serve(self, listener: TcpListener) -> Arc<Mutex<Self>> {
        let shared = Arc::new(Mutex::new(self));
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut reader = BufReader::new(stream);
                let Some(request) = read_request(&mut reader) else { continue };
                let (code, body) = state.lock().unwrap().answer(&request);
                let answer = format!(
                    "HTTP/1.1 {code} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        });
        shared
    }
}

fn server_at(address: SocketAddr) -> Server {
    Server::new(&format!("http://{address}"), Secret::new("enrol-me"), None).unwrap()
}

fn enrolment(producer: &str) -> Enrolment {
    let task = Task { arn: ARN.to_owned(), ..Task::default() };
    Enrolment { task, container: Container::default(), producer: producer.to_owned() }
}

fn heartbeat(events: u64) -> Record {
    Record::Heartbeat(Box::new(Heartbeat { events, ..Heartbeat::default() }))
}

/// Sends `records`, each as a batch of its own, to a server that may come up only `late`.
fn send(records: u64, fake: Fake, late: Duration, drain: Duration) -> (Arc<Mutex<Fake>>, Outbox, Duration) {
    // An address nobody listens at yet.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server_at(address);
    let outbox = Outbox::default();
    let spool = SharedSpool::new(Spool::in_memory());
    let identity = Identity::new(enrolment("p-0").task, Container::default(), true);
    let (ready, is_ready) = mpsc::channel();
    let before = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || {
            let (_alarm, never) = mpsc::channel::<()>();
            let _ = never.recv_timeout(late);
            ready.send(fake.serve(TcpListener::bind(address).unwrap())).unwrap();
        });
        scope.spawn(|| {
            let client = Client::new(&server).unwrap();
            let enrolment = enrolment("p-0");
            Sender {
                client,
                server: &server,
                leftovers: None,
                enrolment,
                spool: &spool,
                outbox: &outbox,
                drain,
            }
            .run();
        });
        scope.spawn(|| packer::run(&outbox, &spool, &identity, "p-0"));
        for number in 1..=records {
            outbox.push(heartbeat(number));
            while outbox.waits() {
                thread::yield_now();
            }
        }
        outbox.close();
    });
    (is_ready.recv().unwrap(), outbox, before.elapsed())
}

fn numbers(fake: &Mutex<Fake>) -> Vec<u64> {
    let fake = fake.lock().unwrap();
    let records = fake.taken.iter().flat_map(|batch| &batch.records);
    records
        .filter_map(|record| match record {
            Record::Heartbeat(heartbeat) => Some(heartbeat.events),
            _ => None,
        })
        .collect()
}

#[test]
fn everything_arrives_after_an_outage_in_order_with_the_same_bytes() {
    let mut fake = Fake::default();
    fake.script.insert("/v1/enrol", vec![503]);
    fake.script.insert("/v1/batches", vec![500, 429, 200, 502]);
    let (fake, outbox, _) = send(5, fake, Duration::from_millis(700), Duration::from_secs(30));
    assert_eq!(numbers(&fake), [1, 2, 3, 4, 5]);
    let sequences: Vec<u64> = fake.lock().unwrap().taken.iter().map(|batch| batch.header.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    assert!(fake.lock().unwrap().taken.iter().all(|batch| batch.header.task_arn == ARN));
    assert_eq!(outbox.lost().total(), 0);
}

#[test]
fn a_refused_token_leads_to_a_new_enrolment() {
    let mut fake = Fake::default();
    fake.script.insert("/v1/batches", vec![200, 401, 200, 403]);
    let (fake, _, _) = send(4, fake, Duration::ZERO, Duration::from_secs(30));
    assert_eq!(numbers(&fake), [1, 2, 3, 4]);
    assert_eq!(fake.lock().unwrap().enrolments, 3);
}

#[test]
fn a_poisonous_batch_is_dropped_counted_and_does_not_stop_the_rest() {
    let mut fake = Fake::default();
    fake.script.insert("/v1/batches", vec![200, 422, 200, 413]);
    let (fake, outbox, _) = send(5, fake, Duration::ZERO, Duration::from_secs(30));
    assert_eq!(numbers(&fake), [1, 3, 5]);
    assert_eq!(outbox.lost().0.get("refused"), Some(&2));
}

#[test]
fn an_absent_server_holds_up_the_end_no_longer_than_told() {
    let (_, _, elapsed) = send(3, Fake::default(), Duration::from_millis(2500), Duration::from_millis(600));
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
}

#[test]
fn what_an_ended_producer_left_is_sent_later() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::default();
    let identity = Identity::new(enrolment("p-9").task, Container::default(), true);
    let spool = SharedSpool::new(Spool::create(directory.path(), 4 << 20, &enrolment("p-9")).unwrap());
    outbox.push(heartbeat(7));
    outbox.close();
    packer::run(&outbox, &spool, &identity, "p-9");
    // The producer is killed: nothing is finished in order.
    drop(spool);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server_at(listener.local_addr().unwrap());
    let mut fake = Fake::default();
    fake.script.insert("/v1/enrol", vec![500]);
    let fake = fake.serve(listener);
    let settings = SpoolSettings { directory: directory.path().to_owned(), max_bytes: 4 << 20 };
    let down = drain(&settings.directory, &server, Duration::from_secs(5)).unwrap();
    assert_eq!((down.sent, down.left), (0, 1));
    assert!(down.trouble.unwrap().contains("500"));
    let up = drain(&settings.directory, &server, Duration::from_secs(5)).unwrap();
    assert_eq!((up.sent, up.left, up.trouble), (1, 0, None));
    assert_eq!(numbers(&fake), [7]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_ca_file_without_certificates_is_an_error_of_its_own() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = Server::new("https://localhost:1", Secret::new("t"), Some(file.path().to_owned())).unwrap();
    let error = Client::new(&server).unwrap_err().to_string();
    assert!(error.contains("holds no certificate"), "{error}");
}
