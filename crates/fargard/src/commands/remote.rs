//! A server's REST interface, for commands that ask one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use fargard_model::{Secret, bounded};
use fargard_sensor::config::{Server, token_from_file};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body, RequestBuilder,
    http::Response,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::failure::BadInput;

/// Largest answer.
const MAX_ANSWER: u64 = 64 << 20;
const MAX_CA: usize = 1 << 20;

/// Which server, and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Access {
    /// Base URL of the server that is asked
    #[arg(long, value_name = "URL", env = "FARGARD_SERVER", default_value = "http://127.0.0.1:8440")]
    server: String,
    /// Admin token for the server
    #[arg(long, value_name = "TOKEN", env = "FARGARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File that holds the admin token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// PEM file with the only authorities trusted for the server
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Access {
    /// This server instead of the one there is an option for.
    pub(crate) fn at(server: String, token: Option<String>, token_file: Option<PathBuf>) -> Self {
        Self { server, token, token_file, ca_file: None }
    }

    /// The server, ready to be asked.
    pub(crate) fn open(&self) -> anyhow::Result<Remote> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Secret::new(token.clone()),
            (None, Some(file)) => token_from_file(file).map_err(BadInput::because)?,
            (None, None) => {
                return Err(BadInput::because(
                    "the server wants an admin token: --token, --token-file or FARGARD_TOKEN",
                )
                .into());
            }
        };
        // The same rules as for sensors: no token goes out in clear.
        let server = Server::new(&self.server, token, self.ca_file.clone())
            .map_err(|error| BadInput::because(format!("--server: {}", error.reason)))?;
        Remote::new(&server.url, server.token.reveal().to_owned(), self.ca_file.as_deref())
    }
}

/// A server that is asked with an admin token.
pub(crate) struct Remote {
    agent: Agent,
    base: String,
    token: String,
}

impl Remote {
    /// A server at that base URL.
    pub(crate) fn new(base: &str, token: String, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(std::time::Duration::from_secs(60)));
        if let Some(path) = ca_file {
            let bad = |reason: String| BadInput::because(format!("--ca-file {}: {reason}", path.display()));
            let pem = bounded::read(path, MAX_CA).map_err(|error| bad(error.to_string()))?;
            let roots: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(bad("no certificate in it".to_owned()).into());
            }
            config =
                config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build());
        }
        Ok(Self { agent: config.build().into(), base: base.trim_end_matches('/').to_owned(), token })
    }

    /// Asks for what is at a path.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let request = self.signed(self.agent.get(&url).query_pairs(query.iter().copied()));
        let text = answer(&url, request.call().with_context(|| format!("asking {url}"))?)?;
        serde_json::from_str(&text).with_context(|| format!("{url} does not answer as Fargard does"))
    }

    /// Sends something to a path.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let body = serde_json::to_string(body).context("writing JSON")?;
        let request = self.signed(self.agent.post(&url)).header("Content-Type", "application/json");
        let text = answer(&url, request.send(body).with_context(|| format!("asking {url}"))?)?;
        serde_json::from_str(&text).with_context(|| format!("{url} does not answer as Fargard does"))
    }

    /// Puts something in the place of what is at a path.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let body = serde_json::to_string(body).context("writing JSON")?;
        let request = self.signed(self.agent.put(&url)).header("Content-Type", "application/json");
        let text = answer(&url, request.send(body).with_context(|| format!("asking {url}"))?)?;
        serde_json::from_str(&text).with_context(|| format!("{url} does not answer as Fargard does"))
    }

    /// Deletes what is at a path.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.base);
        let request = self.signed(self.agent.delete(&url));
        answer(&url, request.call().with_context(|| format!("asking {url}"))?).map(drop)
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        request.header("Authorization", format!("Bearer {}", self.token))
    }
}

fn answer(url: &str, mut answer: Response<Body>) -> anyhow::Result<String> {
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
    let body = body.with_context(|| format!("reading the answer of {url}"))?;
    let said = || body.chars().take(300).collect::<String>();
    match status {
        200..=299 => Ok(body),
        401 => Err(BadInput::because(format!("{url} refuses the token: an admin token is needed")).into()),
        400 | 404 | 409 | 422 => Err(BadInput::because(format!("{url} answers {status}: {}", said())).into()),
        _ => bail!("{url} answers {status}: {}", said()),
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}
