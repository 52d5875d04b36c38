//! Tasks: list, one.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use fargard_store::{StoreError, TaskDetail, TaskQuery, TaskRow};

use super::csv;
use crate::{
    auth::Admin,
    error::ApiError,
    query::{Format, Params},
    state::AppState,
};

pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.take_format()?;
    let query = params.tasks()?;
    if format == Format::Json {
        return Ok(Json(state.store.tasks(&query).await?).into_response());
    }
    let header = [
        "arn",
        "cluster",
        "family",
        "revision",
        "service",
        "launch_type",
        "account",
        "region",
        "containers",
        "first_seen",
        "last_seen",
        "open_findings",
        "lost",
        "ended",
    ];
    let only_one = query.limit != 0 || query.cursor.is_some();
    csv::pages(&header, only_one, query, move |query: TaskQuery| {
        let store = state.store.clone();
        async move {
            let page = store.tasks(&query).await?;
            let rows = page.tasks.iter().map(row).collect();
            let next = page.next.map(|cursor| TaskQuery { cursor: Some(cursor), ..query });
            Ok::<_, StoreError>((rows, next))
        }
    })
    .await
}

fn row(row: &TaskRow) -> Vec<String> {
    let task = &row.task;
    let containers: Vec<&str> = row.containers.iter().map(|container| container.name.as_str()).collect();
    vec![
        task.arn.clone(),
        task.cluster.clone(),
        task.family.clone(),
        task.revision.clone(),
        task.service.clone(),
        task.launch_type.clone(),
        task.account.clone(),
        task.region.clone(),
        containers.join(" "),
        row.first_seen.rfc3339(),
        row.last_seen.rfc3339(),
        row.open_findings.to_string(),
        row.lost.to_string(),
        row.ended.to_string(),
    ]
}

pub(super) async fn one(
    State(state): State<AppState>,
    _admin: Admin,
    Path(arn): Path<String>,
    params: Params,
) -> Result<Json<TaskDetail>, ApiError> {
    params.finish()?;
    let task = state.store.task(&arn).await?;
    task.map(Json).ok_or_else(|| {
        ApiError::not_found("there is no task with this ARN; its slashes must be written as %2F in the path")
    })
}
