//! A small HTTP server for `GET` of the endpoint's documents.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};

use super::document::TaskRecord;

/// Longest request line and headers.
const MAX_HEAD: u64 = 16 << 10;
/// Most connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// Time for a request and its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The endpoint of one task; ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(record: Arc<Mutex<TaskRecord>>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name("metadata".to_owned())
            .spawn(move || serve(&listener, &record, &stop))?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// `ECS_CONTAINER_METADATA_URI_V4` of the container with that runtime id.
    pub(crate) fn uri(&self, docker_id: &str) -> String {
        format!("http://{}/v4/{docker_id}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // The thread waits for a connection, so it gets one.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, record: &Arc<Mutex<TaskRecord>>, ended: &AtomicBool) {
    let connections = Arc::new(AtomicUsize::new(0));
    while let Ok((stream, _)) = listener.accept() {
        if ended.load(SeqCst) {
            return;
        }
        if connections.fetch_add(1, SeqCst) >= MAX_CONNECTIONS {
            connections.fetch_sub(1, SeqCst);
            continue;
        }
        let (record, count) = (Arc::clone(record), Arc::clone(&connections));
        let spawned = std::thread::Builder::new().name("metadata".to_owned()).spawn(move || {
            // A client that went away is its own business.
            let _ = answer(&stream, &record);
            count.fetch_sub(1, SeqCst);
        });
        if spawned.is_err() {
            connections.fetch_sub(1, SeqCst);
        }
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
