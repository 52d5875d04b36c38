//! HTTP/1.1 with whoever connects: bounded heads and bodies, connections stay open.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;

use super::forward::Forwarder;

/// Longest request line and headers.
const MAX_HEAD: u64 = 64 << 10;
/// Longest body: some times ECS's largest input.
const MAX_BODY: u64 = 4 << 20;
/// Longest silence on a connection.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The first header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }
}

/// An answer to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// An error as ECS gives it.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let kind = ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned());
        let body = json!({"__type": code, "message": message}).to_string().into_bytes();
        Self { status, headers: vec![kind], body }
    }

    fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(&[head.as_bytes(), &self.body].concat())?;
        stream.flush()
    }
}

/// Answers requests until the client closes.
pub(super) fn converse(stream: &TcpStream, forwarder: &Forwarder) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        match read(&mut reader, stream) {
            Ok(Some(request)) => forwarder.answer(&request).write(stream)?,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Response::error(400, "SerializationException", &error.to_string()).write(stream);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The next request; `None` when the client has closed the connection.
fn read(reader: &mut impl BufRead, answers: impl Write) -> io::Result<Option<Request>> {
    let bad = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    let mut head = reader.by_ref().take(MAX_HEAD);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.trim_end().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("this is no HTTP/1.1 request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(bad("the request's headers do not end, or are too long"));
        }
        let line = line.trim_end_matches(['\r', '\n']);
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
                request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None if line.is_empty() => break,
            _ => return Err(bad("a header is malformed")),
        }
    }
    request.body = body(reader, &request, answers)?;
    Ok(Some(request))
}

fn body(reader: &mut impl BufRead, request: &Request, mut answers: impl Write) -> io::Result<Vec<u8>> {
    let bad = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    if request.header("transfer-encoding").is_some() {
        return Err(bad("chunked bodies are not taken here; no AWS tool sends them to ECS"));
    }
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length");
    let length: u64 = match (lengths.next(), lengths.next()) {
        (None, _) => 0,
        (Some((_, text)), None) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(|_| bad("content-length is no number"))?
        }
        _ => return Err(bad("content-length is no number, or there twice")),
    };
    if length > MAX_BODY {
        return Err(bad("the body is too long"));
    }
    if request.header("expect").is_some_and(|text| text.eq_ignore_ascii_case("100-continue")) {
        answers.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut bytes = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::read;

    #[test]
    fn requests_are_read_one_after_another() {
        let bytes = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhiGET / HTTP/1.1\r\n\r\n";
        let mut reader = BufReader::new(bytes.as_bytes());
        let mut answers = Vec::new();
        let first = read(&mut reader, &mut answers).unwrap().unwrap();
        assert_eq!(
            (first.path.as_str(), first.query.as_str(), &*first.body),
            ("/a", "b=c", b"hi".as_slice())
        );
        assert_eq!(first.header("host"), Some("x"));
        assert_eq!(answers, b"HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(read(&mut reader, &mut answers).unwrap().unwrap().method, "GET");
        assert_eq!(read(&mut reader, &mut answers).unwrap(), None);
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        for bytes in [
            "POST /\r\n\r\n",
            "POST / HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n",
            "POST / HTTP/1.1\r\nname : x\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabc",
            "POST / HTTP/1.1\r\na: b",
        ] {
            assert!(read(&mut BufReader::new(bytes.as_bytes()), Vec::new()).is_err(), "{bytes:?}");
        }
        let endless = format!("POST / HTTP/1.1\r\na: {}", "x".repeat(1 << 20));
        assert!(read(&mut BufReader::new(endless.as_bytes()), Vec::new()).is_err());
    }
}
