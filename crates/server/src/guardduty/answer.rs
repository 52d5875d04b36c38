//! Answers as AWS's clients parse them.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use fargard_coverage::guardduty::AwsError;
use fargard_store::StoreError;
use serde_json::Value;

/// Success.
#[derive(Debug)]
pub(super) enum Answer {
    /// 200.
    Body(Value),
    /// 204, for tags.
    Nothing,
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self::Body(body)
    }
}

/// The store's own words go to the log, not to the client.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
pub(super) fn failed(error: StoreError) -> AwsError {
    match error {
        StoreError::Cursor => AwsError::invalid("The nextToken is not one of this request's."),
        _ => {
            tracing::error!(%error, "the store failed");
            AwsError::internal()
        }
    }
}

/// The response.
pub(super) fn respond(answer: Result<Answer, AwsError>) -> Response {
    let (status, error_type, body) = match answer {
        Ok(Answer::Body(body)) => (200, None, body.to_string()),
        Ok(Answer::Nothing) => (204, None, String::new()),
        Err(error) => (error.status, Some(error.code), error.body().to_string()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(error_type) = error_type {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    }
    response
}
