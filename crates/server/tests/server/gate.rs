//! What the gate lets in, and what it answers to the rest.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{Fixture, TASK, batch, batch_of, detection};
use fargard_model::batch::MAX_COMPRESSED;
use fargard_store::{EventLog, SqliteStore};

#[test]
fn a_batch_is_folded_once_however_often_it_is_sent() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let sent = batch(1, vec![detection(1, "/tmp/x", "out"), detection(2, "/tmp/x", "out")]);
    let first = fixture.deliver(&token, &sent);
    assert_eq!((first.status, first.body.as_str()), (200, r#"{"accepted":2,"duplicate":false}"#));
    let again = fixture.deliver(&token, &sent);
    assert_eq!((again.status, again.body.as_str()), (200, r#"{"accepted":2,"duplicate":true}"#));
    let identity = fixture.post("/v1/batches", &token, &[], &sent.to_lines().unwrap());
    assert_eq!(identity.json()["duplicate"], true);
    fixture.deliver(&token, &batch(2, vec![detection(3, "/tmp/x", "out")]));
    let findings = fixture.wait_for(3);
    assert_eq!((findings.len(), findings[0].count), (1, 3));
    let metrics = fixture.get("/metrics").body;
    for line in [
        r#"fargard_batches_total{result="accepted"} 2"#,
        r#"fargard_batches_total{result="duplicate"} 2"#,
        r#"fargard_records_total{kind="detection"} 3"#,
        r#"fargard_findings{state="open"} 1"#,
        r#"fargard_http_requests_total{method="POST",route="/v1/batches",status="200"} 4"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

#[test]
fn whoever_has_not_the_right_token_is_refused_and_nothing_is_stored() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let sent = batch(1, vec![detection(1, "/tmp/x", "out")]);
    for (shown, why) in [
        ("", "no token"),
        ("fargard_sensor_00", "unknown"),
        (fixture.admin.as_str(), "an admin token is no sensor's"),
        (fixture.enrolment.as_str(), "an enrolment token is no sensor's"),
    ] {
        let answer = fixture.deliver(shown, &sent);
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{why}");
    }
    let answer = fixture.post("/v1/enrol", &token, &[("content-type", "application/json")], b"{}");
    assert_eq!(answer.status, 401, "a sensor's token does not enrol");
    let foreign = batch_of("p", 1, "arn:aws:ecs:eu-west-1:123456789012:task/prod/other", Vec::new());
    let answer = fixture.deliver(&token, &foreign);
    assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_task"));
    let mixed = batch_of("p", 1, "local:h:1", vec![detection(1, "/tmp/x", "out")]);
    assert_eq!(fixture.deliver(&token, &mixed).status, 403, "a record of another task than its header's");
    assert_nothing_stored(fixture);
}

#[test]
fn a_sensor_cannot_make_batches_of_another_look_repeated() {
    let fixture = Fixture::start();
    let other = "arn:aws:ecs:eu-west-1:123456789012:task/prod/other";
    let foreign = fixture.enrol_as(other, "q");
    let answer = fixture.deliver(&foreign, &batch_of("p", 1, other, Vec::new()));
    assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_producer"));
    let answer = fixture.deliver(&fixture.enrol(), &batch(1, vec![detection(1, "/tmp/x", "out")]));
    assert_eq!(answer.json()["duplicate"], false, "{}", answer.body);
    assert_eq!(fixture.wait_for(1).len(), 1);
    fixture.stop();
}

#[test]
fn what_is_not_a_batch_is_refused_and_nothing_is_stored() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let zstd: &[(&str, &str)] = &[("content-encoding", "zstd")];
    let compressed = zstd::encode_all(&b"hello"[..], 3).unwrap();
    let long = vec![b'x'; MAX_COMPRESSED + 1];
    for (headers, body, status, code) in [
        (&[][..], &b"hello"[..], 422, "not_a_batch"),
        (&[], b"", 422, "not_a_batch"),
        (zstd, b"hello", 400, "not_zstd"),
        (zstd, &compressed, 422, "not_a_batch"),
        (zstd, &compressed[..compressed.len() - 3], 400, "not_zstd"),
        (&[("content-encoding", "gzip")], b"hello", 415, "unsupported_encoding"),
        (&[], &long, 413, "body_too_large"),
    ] {
        let answer = fixture.post("/v1/batches", &token, headers, body);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.body);
        assert!(!answer.json()["error"]["message"].as_str().unwrap().is_empty());
    }
    assert_nothing_stored(fixture);
}

#[test]
fn a_bomb_costs_neither_time_nor_memory() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let zeros = vec![0_u8; 1 << 20];
    for _ in 0..1024 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let before = peak_memory();
    let started = Instant::now();
    let answer = fixture.post("/v1/batches", &token, &[("content-encoding", "zstd")], &bomb);
    let took = started.elapsed();
    assert_eq!((answer.status, answer.code().as_str()), (413, "batch_too_large"));
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 96 << 20, "memory grew by {grown} bytes");
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    assert_nothing_stored(fixture);
}

#[test]
fn an_enrolment_must_name_a_task_and_a_producer() {
    let fixture = Fixture::start();
    for (body, status) in [
        ("hello", 400),
        ("{}", 422),
        (r#"{"task":{},"producer":"p"}"#, 422),
        (r#"{"task":{"arn":"a b"},"producer":"p"}"#, 422),
        (r#"{"task":{"arn":"local:h:1"},"producer":"../p"}"#, 422),
        (r#"{"task":{"arn":"local:h:1"},"producer":""}"#, 422),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = fixture.post("/v1/enrol", &fixture.enrolment, &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[test]
fn a_full_log_sends_sensors_away_for_a_while() {
    let fixture = Fixture::with(|config| config.max_backlog = 1);
    let token = fixture.enrol();
    // The worker empties the log at the same time, so only some of a quick series meet a full log.
    let answers: Vec<_> = (1..400)
        .map(|sequence| fixture.deliver(&token, &batch(sequence, vec![detection(sequence, "/x", "o")])))
        .collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty(), "no batch met a full log");
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (503, "backlog"));
        assert_eq!(answer.header("retry-after"), "5");
    }
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    let findings = fixture.wait_for(accepted as u64);
    assert_eq!(findings[0].count, accepted as u64, "what was refused was not stored");
}

#[test]
fn what_was_acknowledged_is_folded_before_the_server_ends() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    for sequence in 1..=200 {
        let answer = fixture.deliver(&token, &batch(sequence, vec![detection(sequence, "/tmp/x", "out")]));
        assert_eq!(answer.status, 200);
    }
    let data = fixture.stop();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backlog = runtime.block_on(async {
        SqliteStore::open(&data.path().join("fargard.db")).unwrap().backlog().await.unwrap()
    });
    assert_eq!(backlog, 0);
    let config = fargard_server::Config::local(data.path());
    let fixture = Fixture::on(data, config);
    assert_eq!(fixture.wait_for(200)[0].count, 200);
}

#[test]
fn a_request_in_progress_finishes_while_the_server_stops() {
    let mut fixture = Fixture::start();
    let token = fixture.enrol();
    let lines = batch(1, vec![detection(1, "/tmp/x", "out")]).to_lines().unwrap();
    let mut stream = TcpStream::connect(fixture.running().addr()).unwrap();
    let (half, rest) = lines.split_at(lines.len() / 2);
    write!(
        stream,
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        lines.len()
    )
    .unwrap();
    // The interim answer says that the handler waits for the body.
    let mut interim = [0_u8; 25];
    stream.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&interim));
    stream.write_all(half).unwrap();
    let running = fixture.running.take().unwrap();
    let addr = running.addr();
    let stopping = fixture.runtime.spawn(running.stop());
    while TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    stream.write_all(rest).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    fixture.runtime.block_on(stopping).unwrap();
    let config = fargard_server::Config::local(fixture.data.path());
    let fixture = Fixture::on(fixture.data, config);
    assert_eq!(fixture.wait_for(1)[0].task.arn, TASK);
}

#[test]
fn heads_without_end_are_cut_off() {
    let fixture = Fixture::start();
    let mut stream = TcpStream::connect(fixture.running().addr()).unwrap();
    let line = format!("x-{}: y\r\n", "a".repeat(1000));
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    let mut written = 0;
    while written < 10 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        written += line.len();
    }
    assert!(written < 10 << 20, "ten MiB of headers were taken");
}

fn assert_nothing_stored(fixture: Fixture) {
    assert_eq!(fixture.get("/api/v1/findings").json()["total"], 0);
    assert_eq!(fixture.get("/api/v1/tasks").json()["total"], 0);
    assert!(fixture.get("/metrics").body.contains("fargard_backlog_batches 0"));
    fixture.stop();
}

/// Highest resident memory of this process so far, bytes.
fn peak_memory() -> u64 {
    let status = fargard_model::bounded::read_to_string("/proc/self/status".as_ref(), 1 << 16).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
