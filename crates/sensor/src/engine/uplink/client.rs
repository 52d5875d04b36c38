//! The server as the sensor sees it: `POST /v1/enrol` and `POST /v1/batches`.

use std::{io, time::Duration};

use fargard_model::{Secret, bounded};
use serde::Deserialize;
use ureq::{
    Agent,
    http::StatusCode,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::spool::Enrolment;
use crate::config::Server;

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
const MAX_ANSWER: u64 = 64 << 10;
const MAX_CA_FILE: usize = 1 << 20;

/// Why something did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// Later it may work.
    #[error("{0}")]
    Later(String),
    /// The token is not accepted.
    #[error("the server does not accept the token: {0}")]
    Unauthorized(String),
    /// The batch will never be accepted.
    #[error("the server refuses the batch: {0}")]
    Refused(String),
}

/// The CA file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("CA file {path}: {reason}")]
pub(crate) struct CaError {
    path: String,
    reason: String,
}

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
}

#[derive(Deserialize)]
struct Enrolled {
    token: String,
}

impl Client {
    /// A client for that server.
    pub(crate) fn new(server: &Server) -> Result<Self, CaError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .max_redirects(0)
            // A task's environment may name a proxy for the application; the sensor goes straight.
            .proxy(None)
            .max_idle_connections(1)
            .user_agent(concat!("fargard-sensor/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &server.ca_file {
            let fail = |reason: String| CaError { path: path.display().to_string(), reason };
            let pem = bounded::read(path, MAX_CA_FILE).map_err(|error| fail(error.to_string()))?;
            let mut roots = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(certificate) = item.map_err(|error| fail(error.to_string()))? {
                    roots.push(certificate);
                }
            }
            if roots.is_empty() {
                return Err(fail("holds no certificate in PEM form".to_owned()));
            }
            let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
            config = config.tls_config(tls);
        }
        Ok(Self { agent: config.build().new_agent(), url: server.url.clone() })
    }

    /// Exchanges the enrolment token for one that is bound to the task.
    pub(crate) fn enrol(&self, token: &Secret, enrolment: &Enrolment) -> Result<Secret, SendError> {
        let body = serde_json::to_vec(enrolment).map_err(|error| SendError::Refused(error.to_string()))?;
        let answer = self
            .agent
            .post(format!("{}/v1/enrol", self.url))
            .header("Authorization", format!("Bearer {}", token.reveal()))
            .header("Content-Type", "application/json")
            .send(&body[..]);
        let (status, text) = read(answer)?;
        judge(status, &text)?;
        let enrolled: Enrolled = serde_json::from_str(&text).map_err(|error| {
            SendError::Later(format!("the answer to the enrolment is not understood: {error}"))
        })?;
        Ok(Secret::new(enrolled.token))
    }

    /// Sends a compressed batch.
    pub(crate) fn send(&self, token: &Secret, batch: &[u8]) -> Result<(), SendError> {
        let answer = self
            .agent
            .post(format!("{}/v1/batches", self.url))
            .header("Authorization", format!("Bearer {}", token.reveal()))
            .header("Content-Type", "application/x-ndjson")
            .header("Content-Encoding", "zstd")
            .send(batch);
        let (status, text) = read(answer)?;
        judge(status, &text)
    }
}

fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(StatusCode, String), SendError> {
    let mut answer = answer.map_err(|error| SendError::Later(error.to_string()))?;
    let status = answer.status();
    let reader = answer.body_mut().with_config().limit(MAX_ANSWER).reader();
    let text = io::read_to_string(reader).map_err(|error| SendError::Later(error.to_string()))?;
    Ok((status, text))
}

fn judge(status: StatusCode, text: &str) -> Result<(), SendError> {
    if status.is_success() {
        return Ok(());
    }
    let reason = format!("{status}: {}", text.trim().chars().take(300).collect::<String>());
    Err(match status.as_u16() {
        401 | 403 => SendError::Unauthorized(reason),
        400 | 413 | 422 => SendError::Refused(reason),
        _ => SendError::Later(reason),
    })
}
