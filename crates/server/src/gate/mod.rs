//! The only way in: enrolment of sensors, and their batches.

mod batches;
mod decode;
mod enrol;

use axum::{
    Router,
    routing::{MethodRouter, post},
};

use crate::state::AppState;

/// The gate's routes: method, path, handler.
pub(crate) fn table() -> Vec<(&'static str, &'static str, MethodRouter<AppState>)> {
    vec![("post", "/v1/enrol", post(enrol::enrol)), ("post", "/v1/batches", post(batches::receive))]
}

/// The gate.
pub(crate) fn routes() -> Router<AppState> {
    table().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
}
