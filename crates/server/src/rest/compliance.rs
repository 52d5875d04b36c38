//! Compliance: images and their results under the policy, standards, the policy itself, results of scans.

mod policy;
mod view;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use fargard_model::Timestamp;
use fargard_policy::standards::{Control, Framework, Tally};
use fargard_scan::all_checks;
use fargard_store::StandardDay;
use serde::Serialize;

use super::csv;
use crate::{
    auth::Admin,
    compliance::ListQuery,
    error::ApiError,
    query::{Format, Params},
    state::AppState,
};
pub(super) use policy::{history, put, scan, show};
use view::{HEADING, ImageDetail, ImagePage, ImageView};

/// `GET /api/v1/compliance/images`.
pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.take_format()?;
    let query = params.compliance()?;
    if format == Format::Json {
        let page = state.compliance.list(&query, Timestamp::now()).await?;
        return Ok(Json(ImagePage::from(page)).into_response());
    }
    let only_one = query.stored.limit != 0 || query.stored.cursor.is_some();
    csv::pages(&HEADING, only_one, query, move |query: ListQuery| {
        let compliance = state.compliance.clone();
        async move {
            let page = compliance.list(&query, Timestamp::now()).await?;
            let rows = page.rows.iter().map(|row| ImageView::from(row).cells()).collect();
            let next = page.next.map(|cursor| {
                let mut next = query;
                next.stored.cursor = Some(cursor);
                next
            });
            Ok((rows, next))
        }
    })
    .await
}

/// `GET /api/v1/compliance/images/{id}`.
pub(super) async fn one(
    State(state): State<AppState>,
    _admin: Admin,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<ImageDetail>, ApiError> {
    params.finish()?;
    let target = state.compliance.target(&id, Timestamp::now()).await?;
    let target = target.ok_or_else(|| ApiError::not_found("there is no image of this id"))?;
    let used_by = state.compliance.of_image(&target.target).await?;
    Ok(Json(ImageDetail::new(&target, &used_by)))
}

/// A standard and how deployed containers stand with it.
#[derive(Serialize)]
struct StandardView {
    name: &'static str,
    title: &'static str,
    failed: u64,
    passed: u64,
    not_assessed: u64,
    controls: Vec<Control>,
}

/// A check and how deployed containers stand with it.
#[derive(Serialize)]
struct CheckView {
    check: u32,
    title: &'static str,
    #[serde(flatten)]
    tally: Tally,
}

/// How deployed containers stand.
#[derive(Serialize)]
pub(super) struct Standards {
    at: Timestamp,
    targets: u64,
    alerted: u64,
    standards: Vec<StandardView>,
    checks: Vec<CheckView>,
    trend: Vec<StandardDay>,
}

/// `GET /api/v1/compliance/standards`.
pub(super) async fn standards(
    State(state): State<AppState>,
    _admin: Admin,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.take_format()?;
    params.finish()?;
    let now = Timestamp::now();
    let summary = state.compliance.summary(now).await?;
    let standard = |framework: Framework| {
        let (failed, passed, not_assessed) = summary.report.states(framework);
        let controls = summary.report.controls(framework);
        StandardView {
            name: framework.name(),
            title: framework.title(),
            failed,
            passed,
            not_assessed,
            controls,
        }
    };
    let standards: Vec<StandardView> = Framework::ALL.map(standard).into();
    if format == Format::Csv {
        return by_control(&standards).await;
    }
    let title = |number| all_checks().find(|check| check.number == number).map_or("", |check| check.title);
    let checks = summary.report.checks();
    let answer = Standards {
        at: summary.at,
        targets: summary.report.targets(),
        alerted: summary.alerted,
        standards,
        checks: checks.map(|(check, tally)| CheckView { check, title: title(check), tally }).collect(),
        trend: state.compliance.trend(now).await?,
    };
    Ok(Json(answer).into_response())
}

async fn by_control(standards: &[StandardView]) -> Result<Response, ApiError> {
    const HEADING: [&str; 8] =
        ["standard", "control", "state", "passed", "failed", "ignored", "not_assessed", "checks"];
    let row = |standard: &StandardView, control: &Control| {
        let state = match control.state {
            fargard_policy::standards::State::Failed => "failed",
            fargard_policy::standards::State::Passed => "passed",
            fargard_policy::standards::State::NotAssessed => "not_assessed",
        };
        let checks: Vec<String> = control.checks.iter().map(u32::to_string).collect();
        let tally = control.tally;
        vec![
            standard.title.to_owned(),
            control.control.clone(),
            state.to_owned(),
            tally.passed.to_string(),
            tally.failed.to_string(),
            tally.ignored.to_string(),
            tally.not_assessed.to_string(),
            checks.join(" "),
        ]
    };
    let rows: Vec<Vec<String>> = standards
        .iter()
        .flat_map(|standard| standard.controls.iter().map(move |control| row(standard, control)))
        .collect();
    csv::pages(&HEADING, true, rows, |rows| async move { Ok((rows, None)) }).await
}
