//! Logging in: name and password, or a token for them (distribution-spec's token authentication).

use std::{
    fmt,
    fmt::Write as _,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use ureq::http::StatusCode;

use super::{
    RegistryProblem,
    challenge::Challenge,
    client::Client,
    credentials::{self, Login},
    http::{self, Post, Request},
};
use crate::Reference;

/// Life of a token that does not say (as the specification says).
const DEFAULT_LIFE: u64 = 60;
/// A token is not used in its last seconds.
const MARGIN: u64 = 10;
/// Life of name and password, which ECR ends after 12 hours.
const PASSWORD_LIFE: Duration = Duration::from_secs(3600);
const MAX_ANSWER: usize = 256 << 10;

/// What is sent to prove the login.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) header: String,
    pub(super) until: Instant,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("until", &self.until).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

/// Does what a challenge asks for. When credentials cannot be had, the image may still be public: that they could not is
/// told only when it is not.
pub(super) fn log_in(
    client: &Client,
    reference: &Reference,
    secret: Option<&str>,
    wanted: &Challenge,
) -> Result<Grant, RegistryProblem> {
    let login = credentials::find(client, reference, secret);
    match (wanted, login) {
        (Challenge::Basic, Ok(Some(login))) => {
            Ok(Grant { header: basic(&login), until: Instant::now() + PASSWORD_LIFE })
        }
        (Challenge::Basic, Ok(None)) => {
            Err(RegistryProblem::Unauthorized(format!("no credentials for {}", reference.host())))
        }
        (Challenge::Basic, Err(problem)) => Err(problem),
        (Challenge::Bearer { realm, service, scope }, login) => {
            let (login, problem) = match login {
                Ok(login) => (login, None),
                Err(problem) => (None, Some(problem)),
            };
            let scope =
                scope.clone().unwrap_or_else(|| format!("repository:{}:pull", reference.repository()));
            let granted = token(client, reference, realm, service.as_deref(), &scope, login.as_ref());
            match (granted, problem) {
                (Err(RegistryProblem::Unauthorized(_)), Some(problem)) => Err(problem),
                (granted, _) => granted,
            }
        }
    }
}

fn basic(login: &Login) -> String {
    let pair = format!("{}:{}", login.username, login.password.reveal());
    format!("Basic {}", STANDARD.encode(pair))
}

/// Fetches a token. A realm on this machine is asked only for a registry on this machine.
fn token(
    client: &Client,
    reference: &Reference,
    realm: &str,
    service: Option<&str>,
    scope: &str,
    login: Option<&Login>,
) -> Result<Grant, RegistryProblem> {
    let loopback = |url: &str| url.parse().is_ok_and(|uri| http::is_loopback(&uri));
    if loopback(realm) && !loopback(&client.endpoint(reference.host())) {
        let reason = "it wants the login to go to a service on this machine, which is not done";
        return Err(RegistryProblem::Answer(reason.to_owned()));
    }
    let mut query = String::new();
    for (key, value) in [("service", service), ("scope", Some(scope))] {
        if let Some(value) = value {
            let lead = if query.is_empty() { "" } else { "&" };
            // Writing to a string cannot fail.
            let _ = write!(query, "{lead}{key}={}", encoded(value));
        }
    }
    let identity = login.and_then(|login| login.identity_token.as_ref());
    let answer = if let Some(identity) = identity {
        let form = format!(
            "grant_type=refresh_token&client_id=fargard&refresh_token={}&{query}",
            encoded(identity.reveal())
        );
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = Some(Post { body: form.as_bytes(), headers: &headers });
        client.http.send(realm, Request { body, ..Request::default() })?
    } else {
        let lead = if realm.contains('?') { '&' } else { '?' };
        let header = login.map(basic);
        let request = Request { authorization: header.as_deref(), ..Request::default() };
        client.http.send(&format!("{realm}{lead}{query}"), request)?
    };
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            return Err(RegistryProblem::Unauthorized(http::problem(answer)));
        }
        _ => return Err(RegistryProblem::Answer(http::problem(answer))),
    }
    let bytes = http::body(answer, MAX_ANSWER)?;
    let wrong = || RegistryProblem::Answer("the login gave no token".to_owned());
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let text = if token.token.is_empty() { token.access_token } else { token.token };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let life = token.expires_in.unwrap_or(DEFAULT_LIFE).clamp(MARGIN, 86_400) - MARGIN;
    Ok(Grant { header: format!("Bearer {text}"), until: Instant::now() + Duration::from_secs(life) })
}

/// Percent-encodes a value of a query.
fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
