//! `POST /v1/enrol`: a sensor shows the enrolment token and gets one of its own, bound to its task.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use fargard_model::{Container, Task, Timestamp, batch::MAX_PRODUCER};
use fargard_store::{Token, TokenKind};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{bearer, token},
    error::ApiError,
    state::AppState,
};

/// How long a sensor's token works; a sensor whose token is refused enrols again.
const LIFETIME: u64 = 7 * 86_400 * 1_000_000_000;
/// Longest ARN of a task.
const MAX_ARN: usize = 2048;

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    task: Task,
    #[expect(
        dead_code,
        reason = "checked to be a container; its place in the inventory comes with heartbeats"
    )]
    #[serde(default)]
    container: Container,
    producer: String,
}

#[derive(Serialize)]
pub(super) struct Answer {
    token: String,
}

pub(super) async fn enrol(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Answer>, ApiError> {
    let shown = bearer(&headers).unwrap_or_default();
    if token::find(&*state.store, shown, TokenKind::Enrolment).await?.is_none() {
        return Err(ApiError::unauthorized("the enrolment token is not one of this server's"));
    }
    let Json(request) = body.map_err(|rejection| ApiError::from_json(&rejection))?;
    request.check()?;
    let secret = token::mint(TokenKind::Sensor)?;
    let now = Timestamp::now();
    let token = Token {
        hash: token::hash(secret.reveal()),
        kind: TokenKind::Sensor,
        name: request.producer,
        task_arn: request.task.arn,
        created: now,
        expires: Some(Timestamp(now.0.saturating_add(LIFETIME))),
    };
    state.store.put_token(&token).await?;
    tracing::info!(task = token.task_arn, producer = token.name, "sensor enrolled");
    Ok(Json(Answer { token: secret.reveal().to_owned() }))
}

impl Request {
    fn check(&self) -> Result<(), ApiError> {
        let bad =
            |message: String| Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_enrolment", message));
        let arn = &self.task.arn;
        if arn.is_empty() || arn.len() > MAX_ARN || !arn.bytes().all(|byte| byte.is_ascii_graphic()) {
            return bad(format!("task.arn must be 1 to {MAX_ARN} printable ASCII characters without blanks"));
        }
        let producer = &self.producer;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if producer.is_empty() || producer.len() > MAX_PRODUCER || !producer.bytes().all(allowed) {
            return bad(format!("producer must be 1 to {MAX_PRODUCER} letters, digits, '-', '_', '.', ':'"));
        }
        Ok(())
    }
}
