//! One HTTP exchange, with limits on everything.

use std::time::Duration;

use ureq::{Agent, http};

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(60);
/// Largest answer: ECS's largest is 100 tasks with their containers, well below 4 MiB.
const MAX_ANSWER: u64 = 16 << 20;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// Headers but `host` and `content-length`.
    pub headers: &'a [(String, String)],
    /// The body; none is sent when it is empty and the method is GET.
    pub body: &'a [u8],
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers as they came, names in lower case; without those whose value is not text.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }
}

/// No answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoAnswer {
    /// Why.
    pub reason: String,
    /// The request cannot have reached the service.
    pub not_sent: bool,
}

/// Connections, kept open and used again. Proxies are taken from `HTTPS_PROXY` and `NO_PROXY`, as AWS's tools do.
#[derive(Clone, Debug)]
pub struct Transport {
    agent: Agent,
}

impl Default for Transport {
    fn default() -> Self {
        Self::build(false, WHOLE)
    }
}

impl Transport {
    /// Goes straight to its address, for the credential endpoints of a container.
    pub(crate) fn direct() -> Self {
        Self::build(true, WHOLE)
    }

    /// Waits no longer than this for a whole exchange.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self::build(false, time)
    }

    fn build(direct: bool, whole: Duration) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_connect(Some(CONNECT.min(whole)))
            .timeout_global(Some(whole))
            .max_redirects(0)
            .user_agent(concat!("fargard/", env!("CARGO_PKG_VERSION")));
        if direct {
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent() }
    }

    /// Asks and waits for the answer, at most a minute or what was given. Redirects are not followed.
    ///
    /// # Errors
    /// No answer came, or one too large.
    pub fn exchange(&self, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        let unsent = |reason: String| NoAnswer { reason, not_sent: true };
        let mut builder = http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let answer = if request.body.is_empty() && request.method == "GET" {
            let built = builder.body(()).map_err(|error| unsent(error.to_string()))?;
            self.agent.run(built)
        } else {
            let built = builder.body(request.body).map_err(|error| unsent(error.to_string()))?;
            self.agent.run(built)
        };
        let mut answer = answer.map_err(|error| {
            let not_sent = matches!(&error, ureq::Error::HostNotFound | ureq::Error::ConnectionFailed)
                || matches!(&error, ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused)
                || matches!(&error, ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve));
            NoAnswer { reason: error.to_string(), not_sent }
        })?;
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = body.map_err(|error| NoAnswer { reason: error.to_string(), not_sent: false })?;
        Ok(Answer { status, headers, body })
    }
}
