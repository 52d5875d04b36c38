//! The console: pages rendered on the server, which work without a script and stay current with one.
//!
//! The URL is the state of every page. Values that come from watched processes pass through [`text`] before a
//! template escapes them.

mod assets;
mod badge;
mod call;
mod chart;
mod compliance;
mod condition;
mod coverage;
mod facet;
mod failed;
mod file_change;
mod finding;
mod findings;
mod frame;
mod links;
mod login;
mod overview;
mod rules;
mod task;
mod tasks;
mod text;
mod theme;
mod when;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use axum::{
    Router,
    extract::Request,
    middleware::from_fn,
    response::Response,
    routing::{get, post},
};

pub(crate) use login::login_page;

use crate::state::AppState;

/// The console's routes. All but those below `/assets/` need a login, which the caller sees to.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(overview::page))
        .route("/findings", get(findings::page))
        .route("/findings/state", post(findings::change))
        .route("/findings/{id}", get(finding::page))
        .route("/tasks", get(tasks::page))
        .route("/tasks/{*arn}", get(task::page))
        .route("/coverage", get(coverage::page))
        .route("/coverage/{*arn}", get(coverage::cluster))
        .merge(compliance::routes())
        .route("/rules", get(rules::page))
        .route("/theme", post(theme::choose))
        .route("/assets/{name}", get(assets::serve))
        .layer(from_fn(failed::dress))
}

/// The page for a browser's request that leads nowhere.
pub(crate) fn missing(request: &Request) -> Response {
    let reader = frame::Reader::of(request.headers(), request.uri(), String::new(), false);
    failed::missing(&reader, &text::line(request.uri().path(), text::CELL))
}
