//! Coverage: clusters, counts, one cluster with its tasks, one task.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use fargard_coverage::{
    guardduty::Token,
    query::CoverageQuery,
    view::{ClusterDetail, ClusterPage, ClusterView, TaskView},
};
use fargard_model::Timestamp;
use fargard_store::{Counts, StoreError};
use serde::Serialize;

use super::csv;
use crate::{
    auth::Admin,
    coverage::detail,
    error::ApiError,
    query::{Format, Params},
    state::AppState,
};

const HEADING: [&str; 12] = [
    "arn",
    "account",
    "region",
    "cluster",
    "status",
    "management",
    "covered_tasks",
    "uncovered_tasks",
    "covered_instances",
    "compatible_instances",
    "updated_at",
    "issues",
];

pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.take_format()?;
    let now = Timestamp::now();
    let query = params.coverage(now)?;
    if format == Format::Csv {
        let only_one = params.0.iter().any(|(name, _)| matches!(name.as_str(), "limit" | "cursor"));
        return export(state, query, only_one).await;
    }
    let page = state.coverage.coverage(&query).await?;
    let counts = state.coverage.coverage_counts(&query).await?;
    let answer = ClusterPage {
        clusters: page.rows.iter().map(ClusterView::from).collect(),
        total: counts.healthy + counts.unhealthy,
        next: page.next.map(|after| Token::of(&query, &after, now)),
    };
    Ok(Json(answer).into_response())
}

async fn export(state: AppState, query: CoverageQuery, only_one: bool) -> Result<Response, ApiError> {
    csv::pages(&HEADING, only_one, query, move |query: CoverageQuery| {
        let store = state.coverage.clone();
        async move {
            let page = store.coverage(&query).await?;
            let rows = page.rows.iter().map(|each| row(&each.into())).collect();
            let next = page.next.map(|after| CoverageQuery { after: Some(after), ..query });
            Ok::<_, StoreError>((rows, next))
        }
    })
    .await
}

fn row(cluster: &ClusterView) -> Vec<String> {
    let issues: Vec<&str> = cluster.issues.iter().map(|issue| issue.text.as_str()).collect();
    vec![
        cluster.arn.clone(),
        cluster.account.clone(),
        cluster.region.clone(),
        cluster.cluster.clone(),
        cluster.status.name().to_owned(),
        cluster.management.name().to_owned(),
        cluster.covered_tasks.to_string(),
        cluster.uncovered_tasks.to_string(),
        cluster.covered_instances.to_string(),
        cluster.compatible_instances.to_string(),
        cluster.updated_at.rfc3339(),
        issues.join("; "),
    ]
}

pub(super) async fn statistics(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<Counts>, ApiError> {
    let query = params.coverage(Timestamp::now())?;
    Ok(Json(state.coverage.coverage_counts(&query).await?))
}

pub(super) async fn cluster(
    State(state): State<AppState>,
    _admin: Admin,
    Path(arn): Path<String>,
    params: Params,
) -> Result<Json<ClusterDetail>, ApiError> {
    params.finish()?;
    let detail = detail(&*state.coverage, &state.terms, &arn, Timestamp::now()).await?;
    detail.map(Json).ok_or_else(|| {
        ApiError::not_found(
            "there is no cluster with this ARN; its slashes must be written as %2F in the path",
        )
    })
}

/// A task and its cluster.
#[derive(Serialize)]
pub(super) struct Explained {
    cluster: ClusterView,
    task: TaskView,
}

pub(super) async fn task(
    State(state): State<AppState>,
    _admin: Admin,
    Path(task): Path<String>,
    params: Params,
) -> Result<Json<Explained>, ApiError> {
    params.finish()?;
    let unknown =
        || ApiError::not_found("no task of this ARN or id is known, or it stopped too long ago to count");
    let cluster = state.coverage.cluster_of_task(&task).await?.ok_or_else(unknown)?;
    let detail =
        detail(&*state.coverage, &state.terms, &cluster, Timestamp::now()).await?.ok_or_else(unknown)?;
    let is_it = |each: &TaskView| each.arn == task || each.arn.rsplit('/').next() == Some(task.as_str());
    let task = detail.tasks.into_iter().find(is_it).ok_or_else(unknown)?;
    Ok(Json(Explained { cluster: detail.cluster, task }))
}
