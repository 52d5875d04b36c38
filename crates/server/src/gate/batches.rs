//! `POST /v1/batches`: takes a batch and acknowledges it when it is durable.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use fargard_model::{Batch, batch::MAX_COMPRESSED};
use fargard_store::TokenKind;
use http_body_util::BodyExt;
use serde::Serialize;

use super::decode::{Encoding, decode};
use crate::{
    auth::{bearer, token},
    error::ApiError,
    state::AppState,
};

/// Longest time for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Longest wait for a place among the batches that are read at the same time.
const PLACE_TIME: Duration = Duration::from_secs(5);

/// Most bytes of a refused body that are read, and for how long.
const MAX_DISCARDED: usize = 8 * MAX_COMPRESSED;
const DISCARD_TIME: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Answer {
    accepted: usize,
    duplicate: bool,
}

pub(super) async fn receive(
    State(state): State<AppState>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Json<Answer>, ApiError> {
    let outcome = accept(&state, &headers, &mut body).await;
    state.metrics.batch(match &outcome {
        Ok(Answer { duplicate: true, .. }) => "duplicate",
        Ok(_) => "accepted",
        Err(error) => error.code(),
    });
    if outcome.is_err() && !headers.contains_key(header::EXPECT) {
        discard(body).await;
    }
    outcome.map(Json)
}

/// The cheap checks come first: who it is, whether there is room, how long the body says it is.
async fn accept(state: &AppState, headers: &HeaderMap, body: &mut Body) -> Result<Answer, ApiError> {
    let shown = bearer(headers).unwrap_or_default();
    let Some(token) = token::find(&*state.store, shown, TokenKind::Sensor).await? else {
        return Err(ApiError::unauthorized("the token is not one this server gave to a sensor; enrol again"));
    };
    let encoding = Encoding::of(headers)?;
    if *state.stopping.borrow() {
        return Err(ApiError::unavailable("stopping", "the server is stopping"));
    }
    if !state.backlog.has_room(&*state.log).await? {
        return Err(ApiError::unavailable("backlog", "too many batches wait; come back later").retry_after(5));
    }
    let bytes = collect(headers, body).await?;
    let batch = read(state, bytes, encoding).await?;
    if batch.header.task_arn != token.task_arn {
        return Err(ApiError::forbidden(
            "foreign_task",
            format!("the token is bound to task {:?}, not to {:?}", token.task_arn, batch.header.task_arn),
        ));
    }
    // Otherwise one sensor could use up another's sequence numbers, whose batches would then count as repeated.
    if batch.header.producer != token.name {
        return Err(ApiError::forbidden(
            "foreign_producer",
            format!("the token is bound to producer {:?}, not to {:?}", token.name, batch.header.producer),
        ));
    }
    let appended = state.log.append(&batch).await?;
    if appended {
        state.backlog.grew();
    }
    Ok(Answer { accepted: batch.records.len(), duplicate: !appended })
}

async fn collect(headers: &HeaderMap, body: &mut Body) -> Result<Vec<u8>, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_COMPRESSED as u64) {
        return Err(too_large());
    }
    let collected = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                ApiError::bad_request("body_broken", format!("the body could not be read: {error}"))
            })?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > MAX_COMPRESSED {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(bytes)
    };
    tokio::time::timeout(BODY_TIME, collected).await.unwrap_or_else(|_| {
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive within 30 s"))
    })
}

/// Reads what is left of a refused body, within bounds: a client that is still writing would not see the answer if
/// the connection were closed on it.
async fn discard(mut body: Body) {
    let mut left = MAX_DISCARDED;
    let discarded = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len());
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIME, discarded).await;
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body is larger than {MAX_COMPRESSED} bytes"),
    )
}

/// Decompressing and parsing take a processor for some time and up to a few times 16 MiB, so they run beside the
/// event loop and only so many at once.
async fn read(state: &AppState, bytes: Vec<u8>, encoding: Encoding) -> Result<Batch, ApiError> {
    let place = tokio::time::timeout(PLACE_TIME, state.decoders.clone().acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        return Err(ApiError::unavailable("busy", "too many batches are being read; come back later"));
    };
    tokio::task::spawn_blocking(move || {
        let batch = decode(&bytes, encoding);
        drop(place);
        batch
    })
    .await
    .unwrap_or_else(|error| {
        tracing::error!(%error, "reading a batch failed");
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "not_a_batch", "the batch could not be read"))
    })
}
