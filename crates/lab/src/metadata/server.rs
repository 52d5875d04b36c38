//! A small HTTP server for `GET` of the endpoint's documents.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::document::TaskRecord;
use crate::loopback::Loopback;

/// Longest request line and headers.
const MAX_HEAD: u64 = 16 << 10;
/// Most connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// Time for a request and its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The endpoint of one task; ends when dropped.
#[derive(Debug)]
pub(crate) struct Server(Loopback);

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(record: Arc<Mutex<TaskRecord>>) -> io::Result<Self> {
        Loopback::start("metadata", MAX_CONNECTIONS, move |stream| answer(stream, &record)).map(Self)
    }

    /// `ECS_CONTAINER_METADATA_URI_V4` of the container with that runtime id.
    pub(crate) fn uri(&self, docker_id: &str) -> String {
        format!("http://{}/v4/{docker_id}", self.0.address())
    }
}

fn answer(stream: &TcpStream, record: &Mutex<TaskRecord>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream.take(MAX_HEAD));
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut header = String::new();
    while head.read_line(&mut header)? > 0 && !header.trim_end().is_empty() {
        header.clear();
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, body) = match method {
        "GET" => respond(target, record),
        _ => ("405 Method Not Allowed", problem("only GET is answered")),
    };
    let body = body.to_string();
    let mut writer = stream;
    write!(
        writer,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    writer.flush()
}

fn problem(reason: &str) -> Value {
    json!({"error": reason})
}

fn respond(target: &str, record: &Mutex<TaskRecord>) -> (&'static str, Value) {
    const NOT_FOUND: &str = "404 Not Found";
    let path = target.split('?').next().unwrap_or_default();
    let Some(rest) = path.strip_prefix("/v4/") else {
        return (NOT_FOUND, problem("paths begin with /v4/<container id>"));
    };
    let (id, document) = rest.split_once('/').unwrap_or((rest, ""));
    let record = record.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(container) = record.document_of(id) else {
        return (NOT_FOUND, problem("no container of this task has that id"));
    };
    match document.trim_end_matches('/') {
        "" => ("200 OK", container),
        "task" => ("200 OK", record.task_document()),
        "taskWithTags" => ("200 OK", with_tags(record.task_document())),
        "stats" | "task/stats" => (NOT_FOUND, problem("a local task has no statistics")),
        _ => (NOT_FOUND, problem("no such document")),
    }
}

fn with_tags(mut document: Value) -> Value {
    if let Value::Object(members) = &mut document {
        members.insert("TaskTags".to_owned(), json!({}));
    }
    document
}
