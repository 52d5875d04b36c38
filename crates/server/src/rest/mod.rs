//! The REST interface for people's scripts: `/api/v1`, `/healthz`, `/metrics`. The console shows the same data.
//!
//! [`table`] is the list of routes; the OpenAPI document in `docs/openapi.json` is checked against it.

mod compliance;
mod coverage;
mod csv;
mod findings;
mod health;
mod keys;
mod rules;
mod stream;
mod tasks;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use fargard_model::Timestamp;
use fargard_store::{EventPage, Overview};

use crate::{auth::Admin, error::ApiError, query::Params, state::AppState};

/// The interface's description.
const OPENAPI: &str = include_str!("../../../../docs/openapi.json");

/// Largest policy, bytes.
const MAX_POLICY: usize = 4 << 20;
/// Largest results of a scan, bytes.
const MAX_RESULTS: usize = 8 << 20;

/// The routes: method, path, handler.
pub(crate) fn table() -> Vec<(&'static str, &'static str, MethodRouter<AppState>)> {
    vec![
        ("get", "/healthz", get(health::healthz)),
        ("get", "/metrics", get(health::metrics)),
        ("get", "/api/v1/openapi.json", get(openapi)),
        ("get", "/api/v1/overview", get(overview)),
        ("get", "/api/v1/findings", get(findings::list)),
        ("get", "/api/v1/findings/{id}", get(findings::one)),
        ("get", "/api/v1/findings/{id}/detections", get(findings::detections)),
        ("post", "/api/v1/findings/{id}/state", post(findings::set_state)),
        ("get", "/api/v1/facets", get(findings::facets)),
        ("get", "/api/v1/tasks", get(tasks::list)),
        ("get", "/api/v1/tasks/{arn}", get(tasks::one)),
        ("get", "/api/v1/events", get(events)),
        ("get", "/api/v1/coverage", get(coverage::list)),
        ("get", "/api/v1/coverage/statistics", get(coverage::statistics)),
        ("get", "/api/v1/coverage/clusters/{arn}", get(coverage::cluster)),
        ("get", "/api/v1/coverage/tasks/{task}", get(coverage::task)),
        ("get", "/api/v1/compliance/images", get(compliance::list)),
        ("get", "/api/v1/compliance/images/{id}", get(compliance::one)),
        ("get", "/api/v1/compliance/standards", get(compliance::standards)),
        ("get", "/api/v1/compliance/policy", get(compliance::show)),
        ("put", "/api/v1/compliance/policy", put(compliance::put).layer(DefaultBodyLimit::max(MAX_POLICY))),
        ("get", "/api/v1/compliance/policy/history", get(compliance::history)),
        (
            "post",
            "/api/v1/compliance/results",
            post(compliance::scan).layer(DefaultBodyLimit::max(MAX_RESULTS)),
        ),
        ("get", "/api/v1/access-keys", get(keys::list)),
        ("post", "/api/v1/access-keys", post(keys::create)),
        ("delete", "/api/v1/access-keys/{id}", delete(keys::revoke)),
        ("post", "/api/v1/inventory-tokens", post(keys::inventory_token)),
        ("get", "/api/v1/rules", get(rules::list)),
        ("get", "/api/v1/stream", get(stream::stream)),
    ]
}

/// All of it.
pub(crate) fn routes() -> Router<AppState> {
    table().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
}

/// Open to everybody: it says nothing about this installation.
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn overview(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<Overview>, ApiError> {
    params.finish()?;
    Ok(Json(state.store.overview(Timestamp::now()).await?))
}

async fn events(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<EventPage>, ApiError> {
    let query = params.events(Timestamp::now())?;
    Ok(Json(state.events.events(&query).await?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    #[test]
    fn every_route_is_in_the_document_and_nothing_else() {
        let document: Value = serde_json::from_str(super::OPENAPI).unwrap();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
            })
            .collect();
        let built: BTreeSet<String> = super::table()
            .into_iter()
            .chain(crate::gate::table())
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect();
        assert_eq!(described, built);
    }
}
