//! Findings: list, one, its state, facets.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fargard_model::{Detection, Finding, FindingState, Timestamp};
use fargard_store::{Facets, FindingDetail, FindingQuery, StoreError};
use serde::{Deserialize, Serialize};

use super::csv;
use crate::{
    auth::Admin,
    error::ApiError,
    query::{Format, Params},
    state::AppState,
};

/// Longest note with a change of state, characters.
const MAX_NOTE: usize = 2000;

pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.take_format()?;
    let query = params.findings(Timestamp::now())?;
    if format == Format::Json {
        return Ok(Json(state.store.findings(&query).await?).into_response());
    }
    let header = [
        "id",
        "kind",
        "title",
        "check",
        "priority",
        "state",
        "first_seen",
        "last_seen",
        "count",
        "summary",
        "tags",
        "task",
        "cluster",
        "family",
        "container",
        "image",
    ];
    let only_one = query.limit != 0 || query.cursor.is_some();
    csv::pages(&header, only_one, query, move |query: FindingQuery| {
        let store = state.store.clone();
        async move {
            let page = store.findings(&query).await?;
            let rows = page.findings.iter().map(row).collect();
            let next = page.next.map(|cursor| FindingQuery { cursor: Some(cursor), ..query });
            Ok::<_, StoreError>((rows, next))
        }
    })
    .await
}

fn row(finding: &Finding) -> Vec<String> {
    vec![
        finding.id.clone(),
        finding.kind.to_string(),
        finding.title.clone(),
        finding.check.map(|check| check.to_string()).unwrap_or_default(),
        finding.priority.to_string(),
        finding.state.to_string(),
        finding.first_seen.rfc3339(),
        finding.last_seen.rfc3339(),
        finding.count.to_string(),
        finding.summary.clone(),
        finding.tags.join(" "),
        finding.task.arn.clone(),
        finding.task.cluster.clone(),
        finding.task.family.clone(),
        finding.container.name.clone(),
        finding.container.image.clone(),
    ]
}

pub(super) async fn one(
    State(state): State<AppState>,
    _admin: Admin,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<FindingDetail>, ApiError> {
    params.finish()?;
    known(&state, &id).await.map(Json)
}

/// Latest detections of a finding.
#[derive(Serialize)]
pub(super) struct Detections {
    detections: Vec<Detection>,
}

pub(super) async fn detections(
    State(state): State<AppState>,
    _admin: Admin,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Detections>, ApiError> {
    params.finish()?;
    Ok(Json(Detections { detections: known(&state, &id).await?.detections }))
}

async fn known(state: &AppState, id: &str) -> Result<FindingDetail, ApiError> {
    state.store.finding(id).await?.ok_or_else(no_such_finding)
}

fn no_such_finding() -> ApiError {
    ApiError::not_found("there is no finding with this id")
}

/// What a change of state needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    state: FindingState,
    #[serde(default)]
    note: String,
}

pub(super) async fn set_state(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Finding>, ApiError> {
    let Json(change) = body.map_err(|rejection| ApiError::from_json(&rejection))?;
    if change.note.chars().count() > MAX_NOTE || change.note.contains('\0') {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_note",
            format!("the note is longer than {MAX_NOTE} characters or contains a NUL"),
        ));
    }
    let changed =
        state.store.set_state(&id, change.state, &admin.name, &change.note, Timestamp::now()).await?;
    let finding = changed.ok_or_else(no_such_finding)?;
    state.updates.publish("", [id]);
    Ok(Json(finding))
}

pub(super) async fn facets(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<Facets>, ApiError> {
    Ok(Json(state.store.facets(&params.findings(Timestamp::now())?).await?))
}
