//! HTTP for the control plane: POST of JSON 1.1, connections stay open.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fargard_coverage::sigv4::{self, AuthError};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use super::{answer::Refusal, protocol, world::World};
use crate::loopback::Loopback;

/// Longest request line and headers.
const MAX_HEAD: u64 = 32 << 10;
/// Longest body: some times ECS's largest input.
const MAX_BODY: u64 = 1 << 20;
/// Most connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Longest silence on a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// What `X-Amz-Target` begins with.
const TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

/// Listens; ends when dropped.
#[derive(Debug)]
pub(super) struct Server(Loopback);

impl Server {
    pub(super) fn start(world: Arc<Mutex<World>>) -> io::Result<Self> {
        Loopback::start("control plane", MAX_CONNECTIONS, move |stream| converse(stream, &world)).map(Self)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0.address())
    }
}

fn converse(stream: &TcpStream, world: &Mutex<World>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let (status, body) = request.answer(world);
        let id = request.number();
        let (kind, rest) = ("application/x-amz-json-1.1", body.len());
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {rest}\r\n");
        head.push_str(&format!("x-amzn-requestid: {id}\r\n\r\n"));
        let mut writer = stream;
        writer.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        writer.flush()?;
    }
    Ok(())
}

/// A request.
struct Request {
    method: String,
    path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// The next request; `None` when the client has closed the connection.
    fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Self>> {
        let mut head = reader.by_ref().take(MAX_HEAD);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut request = Self { method, path, headers: Vec::new(), body: Vec::new() };
        let mut length = 0;
        loop {
            line.clear();
            if head.read_line(&mut line)? == 0 || !line.ends_with('\n') {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let text = line.trim_end();
            let Some((name, value)) = text.split_once(':') else {
                if text.is_empty() {
                    break;
                }
                return Err(io::ErrorKind::InvalidData.into());
            };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            match name.as_str() {
                "content-length" => length = value.parse().map_err(|_| io::ErrorKind::InvalidData)?,
                // Nobody sends these here, and bodies would be misread.
                "transfer-encoding" => return Err(io::ErrorKind::InvalidData.into()),
                _ => {}
            }
            request.headers.push((name, value));
        }
        if length > MAX_BODY {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        reader.by_ref().take(length).read_to_end(&mut request.body)?;
        Ok((request.body.len() as u64 == length).then_some(request))
    }

    fn answer(&self, world: &Mutex<World>) -> (&'static str, String) {
        const REFUSED: &str = "400 Bad Request";
        match self.carry_out(world) {
            Ok(answer) => ("200 OK", answer.to_string()),
            Err(refusal) => {
                let body = json!({"__type": refusal.code, "message": refusal.message});
                (REFUSED, body.to_string())
            }
        }
    }

    fn carry_out(&self, world: &Mutex<World>) -> Result<Value, Refusal> {
        let target =
            self.headers.iter().find(|(name, _)| name == "x-amz-target").map(|(_, value)| value.as_str());
        let operation =
            target.and_then(|target| target.strip_prefix(TARGET)).filter(|_| self.method == "POST");
        let operation =
            operation.ok_or_else(|| Refusal::other("UnknownOperationException", "Unknown operation"))?;
        let input = serde_json::from_slice(&self.body)
            .map_err(|_| Refusal::other("SerializationException", "The request is not JSON."))?;
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        self.authenticate(&world).map_err(|error| Refusal::other(error.code(), &error.to_string()))?;
        let now = world.now;
        if world.throttle.as_mut().is_some_and(|throttle| !throttle.take(operation, now)) {
            *world.calls.entry("throttled".to_owned()).or_default() += 1;
            return Err(Refusal::other("ThrottlingException", "Rate exceeded"));
        }
        *world.calls.entry(operation.chars().take(80).collect()).or_default() += 1;
        protocol::call(&mut world, operation, &input)
    }

    /// Checks who signed it; by the machine's clock, which the client signs by.
    fn authenticate(&self, world: &World) -> Result<(), AuthError> {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let request =
            sigv4::Request { method: &self.method, path, query, headers: &self.headers, body: &self.body };
        let claim = sigv4::claim(&request)?;
        if world.keys.is_empty() {
            return Ok(());
        }
        let secret = world.keys.get(&*claim.key).ok_or(AuthError::Unrecognized)?;
        sigv4::verify(&request, &claim, secret, "ecs", Timestamp::now())
    }

    /// A request id in UUID's form, for error messages.
    fn number(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}
