//! What ECS says, from those who read AWS: `POST /v1/ecs-events` takes EventBridge's events (an API destination sends
//! them with the header `Authorization: Bearer TOKEN`), `POST /v1/inventory` a sweep.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use fargard_coverage::{
    event::{self, EventError, MAX_EVENT},
    inventory::{Item, Kind},
    sweep::Sweep,
};
use fargard_store::TokenKind;
use serde::Serialize;

use crate::{
    auth::{bearer, token},
    error::ApiError,
    state::AppState,
};

/// Largest sweep.
pub(super) const MAX_SWEEP: usize = 64 << 20;
/// Largest event with what surrounds it.
pub(super) const MAX_BODY: usize = MAX_EVENT;
/// Resources merged in one transaction.
const AT_ONCE: usize = 500;

/// What became of it.
#[derive(Serialize)]
pub(super) struct Answer {
    /// Resources that changed.
    changed: u64,
}

async fn check(state: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    let shown = bearer(headers).unwrap_or_default();
    for kind in [TokenKind::Inventory, TokenKind::Admin] {
        if token::find(&*state.store, shown, kind).await?.is_some() {
            return Ok(());
        }
    }
    Err(ApiError::unauthorized("an inventory token of this server is needed (Authorization: Bearer ...)"))
}

fn refused(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_inventory", message)
}

pub(super) async fn event(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Answer>, ApiError> {
    check(&state, &headers).await?;
    let items = match event::items(&body) {
        Ok(items) => items,
        // Accepted, or EventBridge would send it again for a day.
        Err(error @ EventError::Unrelated { .. }) => {
            tracing::debug!(%error, "an event was not needed");
            return Ok(Json(Answer { changed: 0 }));
        }
        Err(error) => return Err(refused(error.to_string())),
    };
    Ok(Json(Answer { changed: state.coverage.merge(&items).await? }))
}

pub(super) async fn sweep(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Answer>, ApiError> {
    check(&state, &headers).await?;
    let _place = state.decoders.acquire().await;
    let items = tokio::task::spawn_blocking(move || read(&body)).await;
    let items = items.map_err(|error| {
        tracing::error!(%error, "reading a sweep ended badly");
        ApiError::unavailable("internal", "the sweep could not be read")
    })??;
    let mut changed = 0;
    for some in items.chunks(AT_ONCE) {
        changed += state.coverage.merge(some).await?;
    }
    Ok(Json(Answer { changed }))
}

/// The items in the order they are merged in: what tells that others are gone comes after them.
fn read(body: &[u8]) -> Result<Vec<Item>, ApiError> {
    let sweep: Sweep = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request("bad_json", format!("the sweep cannot be read: {error}")))?;
    let mut items = sweep.items().map_err(|error| refused(error.to_string()))?;
    items.sort_by_key(|item| match item.resource.kind() {
        Kind::Account => 2,
        Kind::Cluster => 1,
        _ => 0,
    });
    Ok(items)
}
