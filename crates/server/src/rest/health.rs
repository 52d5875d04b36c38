//! For load balancers and for Prometheus.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use fargard_model::Timestamp;
use serde::Serialize;

use crate::{auth::Admin, error::ApiError, state::AppState};

/// Says that the server runs and its database answers.
#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
}

/// Open to everybody, as a load balancer needs it.
pub(super) async fn healthz(State(state): State<AppState>) -> Result<Json<Health>, ApiError> {
    if *state.stopping.borrow() {
        return Err(ApiError::unavailable("stopping", "the server is stopping"));
    }
    state.store.ping().await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

pub(super) async fn metrics(State(state): State<AppState>, _admin: Admin) -> Result<Response, ApiError> {
    let overview = state.store.overview(Timestamp::now()).await?;
    let backlog = state.log.backlog().await?;
    state.metrics.notices_waiting(&state.coverage.notices_waiting().await?);
    let page = state.metrics.page(backlog, &overview.by_state).map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        ApiError::unavailable("metrics", "metrics cannot be written")
    })?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], page).into_response())
}
