//! Lambda's Runtime API (version 2018-06-01): the next event is fetched, its response is posted, one after another.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use fargard_image::Registry;
use fargard_model::Timestamp;
use serde_json::json;
use ureq::{Agent, http::header::HeaderMap};

use crate::{answer::answer, options::Options};

/// Largest event that is read; Lambda's own limit is 6 MB.
const MAX_EVENT: u64 = 8 << 20;
/// What is left of a call's time for everything but asking registries.
const RESERVE: Duration = Duration::from_secs(2);
/// A call's time where Lambda does not tell it.
const USUAL: Duration = Duration::from_secs(30);
/// How long a response may take to be taken.
const POST: Duration = Duration::from_secs(30);

/// The Runtime API does not work as it should; Lambda starts the program again.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It cannot be asked.
    #[error("Lambda's Runtime API: {0}")]
    Api(String),
    /// An event came without its number.
    #[error("Lambda's Runtime API: an event without a Lambda-Runtime-Aws-Request-Id")]
    NoRequestId,
}

/// The functions's end of the API.
struct Api {
    base: String,
    agent: Agent,
}

struct Event {
    id: String,
    text: String,
    until: Instant,
}

/// Serves events for ever; `address` is what `AWS_LAMBDA_RUNTIME_API` holds.
///
/// # Errors
/// Events cannot be fetched or responses not be given.
pub fn serve(
    address: &str,
    options: Result<Options, String>,
    registry: &Registry,
) -> Result<std::convert::Infallible, RuntimeError> {
    let api = Api::new(address);
    let options = match options {
        Ok(options) => options,
        Err(reason) => {
            api.post("init/error", &problem("Configuration", &reason))?;
            return Err(RuntimeError::Api(reason));
        }
    };
    loop {
        let event = api.next()?;
        let path = |what: &str| format!("invocation/{}/{what}", event.id);
        match answer(&event.text, &options, registry, event.until, &mut log) {
            Ok(response) => api.post(&path("response"), &response)?,
            Err(error) => api.post(&path("error"), &problem("Event", &error.to_string()))?,
        }
    }
}

/// A line in the function's log. Nobody else reads standard error.
fn log(line: &str) {
    let _ = writeln!(io::stderr().lock(), "fargard: {line}");
}

fn problem(kind: &str, message: &str) -> String {
    json!({"errorType": kind, "errorMessage": message, "stackTrace": []}).to_string()
}

impl Api {
    fn new(address: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build()
            .new_agent();
        Self { base: format!("http://{address}/2018-06-01/runtime"), agent }
    }

    /// Waits for an event, as long as it takes.
    fn next(&self) -> Result<Event, RuntimeError> {
        let lost = |error: ureq::Error| RuntimeError::Api(error.to_string());
        let mut response = self.agent.get(format!("{}/invocation/next", self.base)).call().map_err(lost)?;
        if response.status() != 200 {
            return Err(RuntimeError::Api(format!("{} instead of an event", response.status())));
        }
        let text = |headers: &HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let id =
            text(response.headers(), "lambda-runtime-aws-request-id").ok_or(RuntimeError::NoRequestId)?;
        let deadline =
            text(response.headers(), "lambda-runtime-deadline-ms").and_then(|text| text.parse().ok());
        let time = deadline.map_or(USUAL, time_left).saturating_sub(RESERVE);
        let body = response.body_mut().with_config().limit(MAX_EVENT).read_to_vec().map_err(lost)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Event { id, text, until: Instant::now() + time })
    }

    fn post(&self, path: &str, body: &str) -> Result<(), RuntimeError> {
        let request =
            self.agent.post(format!("{}/{path}", self.base)).header("content-type", "application/json");
        let sent = request.config().timeout_global(Some(POST)).build().send(body);
        match sent {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(RuntimeError::Api(format!("{} for {path}", response.status()))),
            Err(error) => Err(RuntimeError::Api(format!("{path}: {error}"))),
        }
    }
}

/// Time until a moment in milliseconds of the epoch; never more than Lambda's longest call.
fn time_left(deadline: u64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(900);
    let now = Timestamp::now().0 / 1_000_000;
    Duration::from_millis(deadline.saturating_sub(now)).min(LONGEST)
}
