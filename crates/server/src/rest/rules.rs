//! The rules that come with the server.

use axum::{Json, extract::State};
use fargard_model::{Priority, Source};
use fargard_rules::Rule;
use serde::Serialize;

use crate::{auth::Admin, error::ApiError, query::Params, state::AppState};

/// All rules.
#[derive(Serialize)]
pub(super) struct Rules {
    rules: Vec<Row>,
}

/// One rule.
#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    condition: String,
    output: String,
    priority: Priority,
    source: Source,
    tags: Vec<String>,
    enabled: bool,
}

pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<Rules>, ApiError> {
    params.finish()?;
    Ok(Json(Rules { rules: state.rules.rules().iter().map(row).collect() }))
}

fn row(rule: &Rule) -> Row {
    Row {
        name: rule.name.clone(),
        description: rule.description.clone(),
        condition: rule.condition.clone(),
        output: rule.output.clone(),
        priority: rule.priority,
        source: rule.source,
        tags: rule.tags.clone(),
        enabled: rule.enabled,
    }
}
