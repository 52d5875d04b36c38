//! A registry on loopback that answers as a test tells it to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::json;

use super::super::http::pause;
use crate::{
    Digest,
    made::{self, archive, file, gzip},
    manifest::media_type::{OCI_INDEX, OCI_MANIFEST},
};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Bytes after which the connection is cut.
    pub(super) cut: Option<usize>,
    /// Whether there is no answer at all, until the asker goes.
    pub(super) silent: bool,
    /// Time before the answer begins.
    pub(super) delay: Duration,
    /// Time between two bytes, those of the headers too.
    pub(super) pace: Option<Duration>,
}

pub(super) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, body: body.into(), ..Reply::default() }
}

impl Reply {
    pub(super) fn with(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

type Handler = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A server on loopback that answers as it is told and remembers what it was asked.
pub(super) struct Server {
    pub(super) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(super) fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(Box::new(handler));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                thread::spawn(move || serve(stream.unwrap(), &handler, &seen));
            }
        });
        Self { port, asked }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.path().to_owned()).collect()
    }
}

fn serve(stream: impl Read + Write, handler: &Handler, seen: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = Asked { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).unwrap() };
    seen.lock().unwrap().push(asked.clone());
    let reply = handler(&asked);
    let stream = reader.get_mut();
    if reply.silent {
        let _ = stream.read(&mut [0]);
        return;
    }
    pause(reply.delay);
    let mut text = format!(
        "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let mut bytes = format!("{text}\r\n").into_bytes();
    bytes.extend_from_slice(&reply.body[..reply.cut.unwrap_or(reply.body.len())]);
    let piece = if reply.pace.is_some() { 1 } else { bytes.len() };
    for part in bytes.chunks(piece) {
        // Whoever asked may have had enough.
        if stream.write_all(part).and_then(|()| stream.flush()).is_err() {
            return;
        }
        pause(reply.pace.unwrap_or_default());
    }
}

/// Documents and blobs of an image for two platforms, by path below the repository.
#[derive(Clone, Default)]
pub(super) struct Content {
    paths: BTreeMap<String, (String, Vec<u8>)>,
    pub(super) index: String,
}

impl Content {
    pub(super) fn new() -> Self {
        let mut content = Self::default();
        let mut manifests = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let layers = [archive(&[file("etc/os-release", "x"), file(format!("bin/{architecture}"), "y")])];
            let config = String::from_utf8(made::config(&layers)).unwrap().replace("amd64", architecture);
            let config =
                content.put("blobs", "application/vnd.oci.image.config.v1+json", config.into_bytes());
            let layer = content.put("blobs", "application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layers[0]));
            let manifest =
                json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
            let mut manifest = content.put("manifests", OCI_MANIFEST, serde_json::to_vec(&manifest).unwrap());
            manifest["platform"] = json!({"os": "linux", "architecture": architecture});
            manifests.push(manifest);
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        let index = content.put("manifests", OCI_INDEX, serde_json::to_vec(&index).unwrap());
        content.index = index["digest"].as_str().unwrap().to_owned();
        content
    }

    fn put(&mut self, kind: &str, media_type: &str, bytes: Vec<u8>) -> serde_json::Value {
        let digest = Digest::of(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.paths.insert(format!("{kind}/{digest}"), (media_type.to_owned(), bytes));
        descriptor
    }

    /// As a registry answers for `/v2/team/app/`, with the tag `1`.
    pub(super) fn answer(&self, asked: &Asked) -> Reply {
        let rest = asked.path().trim_start_matches("/v2/team/app/").to_owned();
        let rest = if rest == "manifests/1" { format!("manifests/{}", self.index) } else { rest };
        match self.paths.get(&rest) {
            Some((media_type, bytes)) => reply(200, bytes.clone())
                .with("Content-Type", media_type)
                .with("Docker-Content-Digest", rest.rsplit('/').next().unwrap()),
            None => reply(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    }
}

/// As [`Server`], with a certificate for `localhost`; its port and the certificate.
pub(super) fn start_tls(content: Content) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, seen) = (Arc::new(config), Mutex::default());
    thread::spawn(move || {
        let handler: Handler = Box::new(move |asked| content.answer(asked));
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            if tls.conn.complete_io(&mut tls.sock).is_ok() {
                serve(&mut tls, &handler, &seen);
                tls.conn.send_close_notify();
                let _ = tls.conn.complete_io(&mut tls.sock);
            }
        }
    });
    (port, made.cert.pem())
}
