//! The only way in: enrolment of sensors, their batches, and what ECS says of its resources.

mod batches;
mod decode;
mod enrol;
mod inventory;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodRouter, post},
};

use crate::state::AppState;

/// The gate's routes: method, path, handler.
pub(crate) fn table() -> Vec<(&'static str, &'static str, MethodRouter<AppState>)> {
    vec![
        ("post", "/v1/enrol", post(enrol::enrol)),
        ("post", "/v1/batches", post(batches::receive)),
        ("post", "/v1/ecs-events", post(inventory::event).layer(DefaultBodyLimit::max(inventory::MAX_BODY))),
        ("post", "/v1/inventory", post(inventory::sweep).layer(DefaultBodyLimit::max(inventory::MAX_SWEEP))),
    ]
}

/// The gate.
pub(crate) fn routes() -> Router<AppState> {
    table().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
}
