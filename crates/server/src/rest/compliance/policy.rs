//! The policy, whole, by revision; and results of scans before deployment.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use fargard_model::{CheckResult, Timestamp};
use fargard_policy::Policy;
use serde::{Deserialize, Serialize};

use crate::{
    auth::Admin,
    compliance::{Current, NotKept},
    error::ApiError,
    query::Params,
    state::AppState,
};

/// Longest history that is given.
const HISTORY: usize = 200;
/// Most results sent at once.
const MOST_RESULTS: usize = 1_000;
/// Longest texts of a result, bytes.
const MAX_TEXT: usize = 64 << 10;

/// The policy and where it comes from.
#[derive(Serialize)]
pub(in crate::rest) struct Shown {
    revision: u64,
    at: Option<Timestamp>,
    who: Option<String>,
    policy: Policy,
}

impl From<Current> for Shown {
    fn from(current: Current) -> Self {
        let (at, who) = current.made.unzip();
        Self { revision: current.revision, at, who, policy: current.policy }
    }
}

/// `GET /api/v1/compliance/policy`.
pub(in crate::rest) async fn show(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<Shown>, ApiError> {
    params.finish()?;
    Ok(Json(state.compliance.policy().await?.into()))
}

/// A policy, and the revision it was made out of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    revision: u64,
    policy: Policy,
}

/// `PUT /api/v1/compliance/policy`.
pub(in crate::rest) async fn put(
    State(state): State<AppState>,
    admin: Admin,
    body: Bytes,
) -> Result<Json<Shown>, ApiError> {
    let wanted: Wanted = read(&body)?;
    match state.compliance.keep(&wanted.policy, wanted.revision, &admin.name).await {
        Ok(_) => Ok(Json(state.compliance.policy().await?.into())),
        Err(NotKept::Conflict(now)) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "revision_conflict",
            format!(
                "the policy has been changed: it is of revision {now}, not {}; read it again and change that",
                wanted.revision
            ),
        )),
        Err(NotKept::Problems(problems)) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_policy", problems.join("\n")))
        }
        Err(NotKept::Store(error)) => Err(error.into()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request("bad_json", error.to_string()))
}

/// A change of the policy.
#[derive(Serialize)]
struct Change {
    revision: u64,
    at: Timestamp,
    who: String,
}

/// Changes of the policy, newest first.
#[derive(Serialize)]
pub(in crate::rest) struct History {
    changes: Vec<Change>,
}

/// `GET /api/v1/compliance/policy/history`.
pub(in crate::rest) async fn history(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<History>, ApiError> {
    params.finish()?;
    let revisions = state.compliance.store().policy_history(HISTORY).await?;
    let change =
        |each: fargard_store::PolicyRevision| Change { revision: each.revision, at: each.at, who: each.who };
    Ok(Json(History { changes: revisions.into_iter().map(change).collect() }))
}

/// Results of scans.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    results: Vec<CheckResult>,
}

/// What was kept.
#[derive(Serialize)]
pub(in crate::rest) struct Kept {
    /// Ids of the images.
    images: Vec<String>,
}

/// `POST /api/v1/compliance/results`.
pub(in crate::rest) async fn scan(
    State(state): State<AppState>,
    admin: Admin,
    body: Bytes,
) -> Result<Json<Kept>, ApiError> {
    let mut scan: Scan = read(&body)?;
    let refuse =
        |message: String| Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_results", message));
    if scan.results.len() > MOST_RESULTS {
        return refuse(format!("more than {MOST_RESULTS} results"));
    }
    let latest = Timestamp::now();
    for (index, result) in scan.results.iter_mut().enumerate() {
        if !result.task.arn.is_empty() || result.container.image.is_empty() {
            return refuse(format!(
                "result {index} must name an image and no task: results of tasks come from their sensors"
            ));
        }
        let texts = [&result.id, &result.title, &result.cause, &result.container.image];
        let lists = result.subjects.iter().chain(&result.tags);
        if texts.into_iter().chain(lists).any(|text| text.len() > MAX_TEXT) {
            return refuse(format!("result {index} has a text of more than {MAX_TEXT} bytes"));
        }
        result.time = result.time.min(latest);
    }
    let images = state.compliance.keep_scan(&scan.results).await?;
    tracing::info!(results = scan.results.len(), by = admin.name, "results of a scan kept");
    Ok(Json(Kept { images }))
}
