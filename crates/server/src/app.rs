//! All routes in one router, and what is done around each of them.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};

use crate::{auth, console, error::ApiError, gate, guardduty, headers, rest, state::AppState};

/// Largest body where a handler does not set its own limit: forms and small JSON.
const MAX_BODY: usize = 64 << 10;
/// Longest time until an answer begins.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// The whole application.
pub(crate) fn router(state: AppState) -> Router {
    let pages = console::routes().route_layer(from_fn_with_state(state.clone(), auth::require_login));
    Router::new()
        .merge(pages)
        .merge(auth::routes())
        .merge(gate::routes())
        .merge(rest::routes())
        .merge(guardduty::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), around))
        .layer(from_fn(headers::secure))
        .with_state(state)
}

/// Bounds the time, counts and logs. The path is logged without its query string: it may hold a login code.
async fn around(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let method = if method.is_safe() || method == axum::http::Method::POST {
        method.to_string()
    } else {
        "other".into()
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let path = request.uri().path().to_owned();
    let started = tokio::time::Instant::now();
    let response = match tokio::time::timeout(ANSWER_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::unavailable("timeout", "the answer took too long").into_response(),
    };
    let status = response.status().as_u16();
    state.metrics.request(&method, &route, status);
    tracing::debug!(method, path, status, took = ?started.elapsed(), "request");
    response
}

/// A page for browsers, an error of AWS's for those who sign as its clients do, JSON for everybody else.
async fn nothing_here(State(state): State<AppState>, request: Request) -> Response {
    if guardduty::is_signed(request.headers()) {
        return guardduty::serve(State(state), request).await;
    }
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return console::missing(&request);
    }
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::not_found(format!("there is nothing at {path}")).into_response()
}

async fn wrong_method(request: Request) -> ApiError {
    let method: String = request.method().as_str().chars().take(32).collect();
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{method} is not possible here; see /api/v1/openapi.json"),
    )
}
