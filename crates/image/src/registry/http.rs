//! Requests: which addresses are allowed, redirects, waiting, bounds.

use std::{
    io::Read,
    net::IpAddr,
    path::Path,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fargard_model::{bounded, foreign::shown};
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, StatusCode, Uri, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{Options, RegistryProblem};
use crate::ImageError;

const CONNECT: Duration = Duration::from_secs(10);
/// Silence after which a connection counts as dead.
const SILENCE: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
/// Times that a request is made when the registry or the network fails.
const TRIES: u64 = 3;
const MAX_CA_FILE: usize = 1 << 20;
/// Bytes of an answer that is an error.
const MAX_PROBLEM: u64 = 64 << 10;
/// Slowest rate at which content is waited for, bytes a second.
const SLOWEST: u64 = 32 << 10;

/// Makes requests.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
    timeout: Duration,
    patience: Duration,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) accept: &'a str,
    /// Goes to the first host alone, not where it redirects to.
    pub(super) authorization: Option<&'a str>,
    /// Whether the headers of the answer are enough.
    pub(super) headers_only: bool,
    /// Sent by POST.
    pub(super) body: Option<Post<'a>>,
    /// Bytes that are expected: more of them get more time.
    pub(super) expected: u64,
}

/// A body with its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    pub(super) body: &'a [u8],
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl Http {
    pub(super) fn new(options: &Options) -> Result<Self, ImageError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE.min(options.timeout)))
            .max_redirects(0)
            .user_agent(concat!("fargard/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &options.ca_file {
            config = config.tls_config(trusting(path)?);
        }
        Ok(Self { agent: config.build().new_agent(), timeout: options.timeout, patience: options.patience })
    }

    /// Makes a request and follows redirects. Any status that is no redirect is an answer.
    pub(super) fn send(&self, url: &str, request: Request<'_>) -> Result<Response<Body>, RegistryProblem> {
        let deadline = Instant::now() + self.timeout + Duration::from_secs(request.expected / SLOWEST);
        let mut at = address(url)?;
        let mut request = request;
        let mut elsewhere = false;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.patiently(&at, &request, deadline)?;
            if elsewhere && answer.status() == StatusCode::UNAUTHORIZED {
                // A login that it asks for must not be mistaken for one that the registry asks for.
                let host = at.authority().map_or("", |authority| authority.as_str());
                return Err(RegistryProblem::Answer(format!(
                    "{host}, to which the registry redirects, wants a login, which it does not get"
                )));
            }
            let target = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let Some(target) = target.filter(|_| answer.status().is_redirection()) else { return Ok(answer) };
            let next = join(&at, target)?;
            if at.scheme() != next.scheme() && next.scheme_str() != Some("https") {
                return Err(RegistryProblem::Answer(format!(
                    "a redirect from https to {}, which is not followed",
                    shown(target.as_bytes(), 200)
                )));
            }
            if (at.scheme(), at.authority()) != (next.scheme(), next.authority()) {
                request.authorization = None;
                elsewhere = true;
            }
            request.body = None;
            at = next;
        }
        Err(RegistryProblem::Answer(format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Makes one request, again where that may help.
    fn patiently(
        &self,
        uri: &Uri,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Response<Body>, RegistryProblem> {
        let mut waited = Duration::ZERO;
        for tries in 1.. {
            let answer = self.once(uri, request, deadline);
            let wait = match &answer {
                Ok(answer) if is_passing(answer.status()) => {
                    retry_after(answer.headers()).unwrap_or(Duration::from_secs(tries))
                }
                Ok(_) => return answer,
                Err(_) => Duration::from_millis(200),
            };
            if tries >= TRIES || waited + wait > self.patience || Instant::now() + wait > deadline {
                return match answer {
                    Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                        Err(RegistryProblem::RateLimited(Some(wait)))
                    }
                    answer => answer,
                };
            }
            pause(wait);
            waited += wait;
        }
        Err(RegistryProblem::Unreachable("no answer".to_owned()))
    }

    fn once(
        &self,
        uri: &Uri,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Response<Body>, RegistryProblem> {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let lost = |error: ureq::Error| {
            let host = uri.authority().map_or("", |authority| authority.as_str());
            RegistryProblem::Unreachable(format!("no answer from {host}: {error}"))
        };
        let sent = if let Some(Post { body, headers }) = request.body {
            let mut post = self.agent.post(uri);
            for (name, value) in headers {
                post = post.header(*name, *value);
            }
            if let Some(authorization) = request.authorization {
                post = post.header(header::AUTHORIZATION, authorization);
            }
            let mut config = post.config().timeout_global(Some(left));
            if is_loopback(uri) {
                config = config.proxy(None);
            }
            config.build().send(body)
        } else {
            let mut get = if request.headers_only { self.agent.head(uri) } else { self.agent.get(uri) };
            if !request.accept.is_empty() {
                get = get.header(header::ACCEPT, request.accept);
            }
            if let Some(authorization) = request.authorization {
                get = get.header(header::AUTHORIZATION, authorization);
            }
            let mut config = get.config().timeout_global(Some(left));
            if is_loopback(uri) {
                config = config.proxy(None);
            }
            config.build().call()
        };
        sent.map_err(lost)
    }
}

/// Whether the same request may be answered later.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The bytes of an answer, at most so many.
pub(super) fn body(answer: Response<Body>, limit: usize) -> Result<Vec<u8>, RegistryProblem> {
    let reader = answer.into_body().into_with_config().limit(limit as u64 + 1).reader();
    bounded::read_from(reader, limit)
        .map_err(|error| RegistryProblem::Unreachable(format!("the answer broke off: {error}")))
}

/// What an answer that is an error says, for people: the API's own codes and messages where it has them.
pub(super) fn problem(answer: Response<Body>) -> String {
    let status = answer.status();
    let mut bytes = Vec::new();
    // A problem that cannot be read to its end is told of as far as it was.
    let _ = answer.into_body().into_reader().take(MAX_PROBLEM).read_to_end(&mut bytes);
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |member: &str, error: &serde_json::Value| {
        error.get(member).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let first = document.get("errors").and_then(|errors| errors.get(0));
    let said = match first {
        Some(error) => format!("{}: {}", text("code", error), text("message", error)),
        None => ["message", "details", "error"].iter().map(|name| text(name, &document)).collect::<String>(),
    };
    let said = shown(said.as_bytes(), 300);
    if said.is_empty() { status.to_string() } else { format!("{status}, {said}") }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    // What is over by now is no reason to wait.
    Some(Duration::try_from(date.timestamp().duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

/// An address that may be asked: `https`, or `http` on this machine.
fn address(url: &str) -> Result<Uri, RegistryProblem> {
    let wrong = |reason: &str| {
        RegistryProblem::Answer(format!("the address {} {reason}", shown(url.as_bytes(), 200)))
    };
    let uri: Uri = url.parse().map_err(|_| wrong("is malformed"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(uri),
        (Some("http"), Some(_)) if is_loopback(&uri) => Ok(uri),
        (Some("http"), Some(_)) => Err(wrong("is not encrypted, which is allowed on loopback only")),
        _ => Err(wrong("is neither https nor http")),
    }
}

/// Whether an address is on this machine.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Where a redirect leads.
fn join(from: &Uri, to: &str) -> Result<Uri, RegistryProblem> {
    let origin = || {
        let authority = from.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}", from.scheme_str().unwrap_or("https"))
    };
    if to.starts_with("//") {
        address(&format!("{}:{to}", from.scheme_str().unwrap_or("https")))
    } else if to.starts_with('/') {
        address(&format!("{}{to}", origin()))
    } else if to.contains("://") {
        address(to)
    } else {
        let directory = from.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        address(&format!("{}{directory}/{to}", origin()))
    }
}

/// Trusts the certificates of a file alone.
fn trusting(path: &Path) -> Result<TlsConfig, ImageError> {
    let what = || format!("the CA file {}", path.display());
    let pem = bounded::read(path, MAX_CA_FILE).map_err(|error| ImageError::reading(what(), error))?;
    let mut roots = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| ImageError::malformed(what(), &error))?
        {
            roots.push(certificate);
        }
    }
    if roots.is_empty() {
        return Err(ImageError::malformed(what(), "it holds no certificate in PEM form"));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
}

/// Waits, because a registry said so.
pub(super) fn pause(time: Duration) {
    let until = Instant::now() + time;
    let (lock, nobody) = (Mutex::new(()), Condvar::new());
    let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        guard = nobody.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[cfg(test)]
mod tests {
    use super::{address, join};

    #[test]
    fn addresses_are_encrypted_but_on_loopback() {
        for good in
            ["https://a.b/v2/", "http://localhost:5000/", "http://127.0.0.1/", "http://[::1]:5000/v2/"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.b/",
            "http://169.254.169.254/",
            "ftp://a/",
            "file:///etc/passwd",
            "/v2/",
            "http://localhost.evil.org/",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redirects_are_relative_or_whole() {
        let from = address("https://a.b:1/v2/x/blobs/y").unwrap();
        for (to, expected) in [
            ("/z", "https://a.b:1/z"),
            ("z?q=1", "https://a.b:1/v2/x/blobs/z?q=1"),
            ("//c.d/z", "https://c.d/z"),
            ("https://s3.amazonaws.com/z", "https://s3.amazonaws.com/z"),
        ] {
            assert_eq!(join(&from, to).unwrap().to_string(), expected);
        }
        assert!(join(&from, "http://c.d/z").is_err());
    }
}
