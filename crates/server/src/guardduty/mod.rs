//! GuardDuty's API. Its clients are pointed here by `--endpoint-url` or `AWS_ENDPOINT_URL_GUARDDUTY`, with this
//! server's address, or with `/guardduty` behind it where a proxy needs a prefix.
//!
//! Every answer is one AWS's clients understand, whatever is asked.

mod anonymous;
mod answer;
mod filters;
mod findings;
mod lists;
mod members;
mod operations;
mod organization;
#[cfg(test)]
mod replay;
mod sign_in;
mod visible;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, header, request::Parts},
    response::Response,
    routing::any,
};
use fargard_coverage::{
    guardduty::{AwsError, MAX_BODY, route},
    sigv4,
};
use fargard_model::Timestamp;

use crate::state::AppState;
use answer::{Answer, respond};
pub(crate) use filters::archive;

/// What may stand before every path.
const PREFIX: &str = "/guardduty";

/// Paths that GuardDuty's clients use.
pub(crate) fn routes() -> Router<AppState> {
    const ROOTS: [&str; 7] = [
        "detector",
        "tags",
        "invitation",
        "admin",
        "organization",
        "malware-scan",
        "malware-protection-plan",
    ];
    let mut router = Router::new().route(PREFIX, any(serve)).route("/guardduty/{*rest}", any(serve));
    for root in ROOTS {
        router =
            router.route(&format!("/{root}"), any(serve)).route(&format!("/{root}/{{*rest}}"), any(serve));
    }
    router
}

/// Whether somebody signs as AWS's clients do, and so wants an error as AWS's services give.
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"))
}

/// Answers a request of GuardDuty's API.
pub(crate) async fn serve(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    respond(handle(&state, &parts, body).await)
}

async fn handle(state: &AppState, parts: &Parts, body: Body) -> Result<Answer, AwsError> {
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
        AwsError::bad_request("The request is rejected because its body is too large or broken.")
    })?;
    let headers = texts(&parts.headers)?;
    let query = parts.uri.query().unwrap_or_default();
    let path = parts.uri.path();
    let signed =
        sigv4::Request { method: parts.method.as_str(), path, query, headers: &headers, body: &body };
    let now = Timestamp::now();
    let caller = match anonymous::caller(state.terms.anonymous.as_ref(), parts) {
        Some(caller) => caller,
        None => sign_in::sign_in(state, &signed, now).await?,
    };
    let routed = route(parts.method.as_str(), path.strip_prefix(PREFIX).unwrap_or(path))?;
    operations::run(state, &caller, &routed, query, &body, now).await
}

fn texts(headers: &HeaderMap) -> Result<Vec<(String, String)>, AwsError> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.trim().to_owned()))
    };
    // A header that is no text could not have been signed; one that was not signed does not matter.
    let all = headers.iter().filter_map(text).collect::<Vec<_>>();
    if headers.keys_len() == 0 { Err(sigv4::AuthError::Missing.into()) } else { Ok(all) }
}
