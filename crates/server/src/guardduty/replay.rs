//! The requests that the AWS CLI and boto3 really sent, byte by byte over HTTP to a server that knows the key they were
//! signed with.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use fargard_coverage::guardduty::create_detector;
use fargard_model::{Secret, Timestamp};
use fargard_store::{AccessKey, KeyRole};
use ring::{digest, hmac};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{Config, Running, Server, state::AppState};

/// The key pair of AWS's documentation, with which the requests were signed.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
const DETECTOR: &str = "12abc34d567e8fa901bc2d34e56789f0";

#[derive(Clone)]
struct Sent {
    case: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

struct Answer {
    status: u16,
    error: String,
    body: String,
}

fn captured() -> Vec<Sent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../coverage/tests/data/signed.json");
    let all: Vec<Value> =
        serde_json::from_slice(&fargard_model::bounded::read(&path, 1 << 20).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .map(|one| Sent {
            case: text(&one["case"]),
            method: text(&one["method"]),
            target: text(&one["target"]),
            headers: one["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            body: text(&one["body"]),
        })
        .collect()
}

/// A connection that is kept.
struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// Sends exactly these bytes.
    fn send(&mut self, sent: &Sent) -> Answer {
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            BufReader::new(stream)
        });
        let mut head = format!("{} {} HTTP/1.1\r\n", sent.method, sent.target);
        for (name, value) in sent.headers.iter().filter(|(name, _)| name != "content-length") {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n{}", sent.body.len(), sent.body).unwrap();
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        assert_ne!(headers.get("content-type").map(String::as_str), Some("text/html"), "{}", sent.case);
        if headers.get("connection").is_none_or(|connection| connection != "close") {
            self.stream = Some(stream);
        }
        let error = headers.remove("x-amzn-errortype").unwrap_or_default();
        Answer { status, error, body: String::from_utf8(body).unwrap() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The same request, signed now, in the way AWS documents and apart from how this server checks.
fn sign(sent: &Sent) -> Sent {
    let mut signed = sent.clone();
    let time: String = Timestamp::now()
        .rfc3339()
        .split('.')
        .next()
        .unwrap()
        .chars()
        .filter(|each| !matches!(each, '-' | ':'))
        .chain(['Z'])
        .collect();
    let value = |name: &str| {
        sent.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let authorization = value("authorization");
    let (_, names) = authorization.split_once("SignedHeaders=").unwrap();
    let names = names.split(',').next().unwrap();
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    // Paths of services other than S3 are encoded twice; these have nothing else that needs it.
    let mut canonical = format!("{}\n{}\n{query}\n", sent.method, path.replace('%', "%25"));
    for name in names.split(';') {
        let value = if name == "x-amz-date" { time.clone() } else { value(name) };
        writeln!(canonical, "{name}:{value}").unwrap();
    }
    let body = digest::digest(&digest::SHA256, sent.body.as_bytes());
    write!(canonical, "\n{names}\n{}", hex(body.as_ref())).unwrap();
    let day = &time[..8];
    let scope = format!("{day}/{REGION}/guardduty/aws4_request");
    let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(digest.as_ref()));
    let key = ["guardduty", "aws4_request"]
        .iter()
        .fold(mac(&mac(format!("AWS4{SECRET}").as_bytes(), day), REGION), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    for (name, value) in &mut signed.headers {
        match name.as_str() {
            "x-amz-date" => value.clone_from(&time),
            "authorization" => {
                *value = format!(
                    "AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
                );
            }
            _ => {}
        }
    }
    signed
}

async fn prepare(state: &AppState) {
    let sealed = state.seal.seal(&Secret::new(SECRET), KEY).unwrap();
    let key = AccessKey {
        id: KEY.to_owned(),
        sealed,
        name: "replay".to_owned(),
        account: ACCOUNT.to_owned(),
        role: KeyRole::Administrator,
        read_only: false,
        created: Timestamp::now(),
    };
    state.coverage.put_access_key(&key).await.unwrap();
    keep_detector(state).await;
}

async fn keep_detector(state: &AppState) {
    let body = br#"{"enable": true, "features": [{"name": "RUNTIME_MONITORING", "status": "ENABLED"}]}"#;
    let detector = create_detector(body, DETECTOR.to_owned(), ACCOUNT, REGION, Timestamp::now()).unwrap();
    state.coverage.add_detector(&detector).await.unwrap();
}

fn start() -> (Runtime, Running, tempfile::TempDir, Client) {
    let runtime = Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let running = runtime.block_on(Server::start(Config::local(data.path()))).unwrap();
    runtime.block_on(prepare(running.state()));
    let client = Client { address: running.addr(), stream: None };
    (runtime, running, data, client)
}

/// What a request, signed now, is answered with: status, and a part of the message.
fn expected(sent: &Sent) -> (u16, &'static str) {
    let tags = sent.target.starts_with("/tags/") && sent.method != "GET";
    match sent.case.as_str() {
        "session token" => (403, "The security token included in the request is invalid."),
        "create-detector" => (400, "a detector already exists"),
        "create-ip-set" | "create-threat-intel-set" => (400, "activating lists is not supported"),
        "archive-findings" | "unarchive-findings" | "update-findings-feedback" => (400, "not owned"),
        _ if sent.body.contains("\"nextToken\": \"AAAA\"") => (400, "The nextToken is not one"),
        _ if tags => (204, ""),
        _ => (200, ""),
    }
}

fn is_signed(sent: &Sent) -> bool {
    sent.headers.iter().any(|(name, _)| name == "authorization")
}

#[test]
fn all_captured_requests_are_known_by_their_signature_and_answered() {
    let (runtime, running, _data, mut client) = start();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for sent in captured() {
        // As captured: only who owns the key is told that the signature is an old one.
        let answer = client.send(&sent);
        let said = if answer.body.contains("Signature expired") { "expired" } else { answer.error.as_str() };
        *counts.entry(format!("as captured: {} {said}", answer.status)).or_default() += 1;
        let signed = if is_signed(&sent) { sign(&sent) } else { sent.clone() };
        let answer = client.send(&signed);
        let (status, said) =
            if is_signed(&sent) { expected(&sent) } else { (403, "Missing Authentication Token") };
        assert_eq!(answer.status, status, "{}: {}", sent.case, answer.body);
        assert!(answer.body.contains(said), "{}: {}", sent.case, answer.body);
        assert!(
            answer.body.is_empty() || serde_json::from_str::<Value>(&answer.body).unwrap().is_object(),
            "{}",
            sent.case
        );
        *counts.entry(format!("signed now: {status} {}", answer.error)).or_default() += 1;
        // One of them deletes the detector.
        runtime.block_on(keep_detector(running.state()));
    }
    println!("{counts:#?}");
    let count = |what: &str| counts.get(what).copied().unwrap_or_default();
    assert_eq!(count("as captured: 403 expired"), 66);
    assert_eq!(count("as captured: 403 UnrecognizedClientException"), 1, "the session token");
    assert_eq!(count("as captured: 403 MissingAuthenticationTokenException"), 1, "the anonymous one");
    assert_eq!(counts.values().sum::<usize>(), 2 * 68);
    runtime.block_on(running.stop());
}

#[test]
fn a_change_of_any_signed_byte_is_answered_with_403() {
    let (runtime, running, _data, mut client) = start();
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let change = |text: &mut String, at: usize| {
        let mut bytes = std::mem::take(text).into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        *text = String::from_utf8(bytes).unwrap();
    };
    for sent in captured().iter().filter(|sent| is_signed(sent)) {
        let signed = sign(sent);
        let mut changed: Vec<Sent> = Vec::new();
        // The slash at the front stays, and a question mark would become a part of the path.
        for at in (0..sent.target.len()).filter(|at| *at > 0) {
            let mut one = signed.clone();
            change(&mut one.target, at);
            changed.push(one);
        }
        for at in 0..sent.body.len() {
            let mut one = signed.clone();
            change(&mut one.body, at);
            changed.push(one);
        }
        let names = sent.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
        let names = names.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap().to_owned();
        for (header, (name, value)) in signed.headers.iter().enumerate() {
            let counts = name == "authorization" || names.split(';').any(|each| each == name);
            for at in (0..value.len()).filter(|_| counts) {
                let mut one = signed.clone();
                change(&mut one.headers[header].1, at);
                changed.push(one);
            }
        }
        for one in changed {
            let answer = client.send(&one);
            assert_eq!(
                answer.status,
                403,
                "{}: {one_target}: {}",
                sent.case,
                answer.body,
                one_target = one.target
            );
            *codes.entry(answer.error).or_default() += 1;
        }
    }
    println!("{codes:#?}");
    let total: usize = codes.values().sum();
    assert!(total > 20_000, "{codes:?}");
    runtime.block_on(running.stop());
}
