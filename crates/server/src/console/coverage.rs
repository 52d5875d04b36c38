//! Coverage: how much of it there is, the clusters, and a cluster with its tasks.

use askama::Template;
use axum::extract::{Path, State};
use fargard_coverage::{
    guardduty::Token,
    rules::{Remedy, TaskStatus},
    view::{ClusterView, TaskView},
};
use fargard_model::Timestamp;
use fargard_store::Counts;

use super::{
    badge::Badge,
    failed::{Page, PageError, render},
    findings::Export,
    frame::{Frame, Reader, Section},
    links::{self, Links},
    text,
    when::When,
};
use crate::{coverage::detail, error::ApiError, query::Params, state::AppState};

/// Most tasks shown of a cluster, those that are not covered first.
const MOST_TASKS: usize = 500;

#[derive(Template)]
#[template(path = "coverage.html")]
struct CoveragePage {
    frame: Frame,
    percent: String,
    healthy: String,
    unhealthy: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    account: String,
    cluster: String,
    statuses: Vec<(&'static str, &'static str, bool)>,
    managements: Vec<(&'static str, &'static str, bool)>,
    is_filtered: bool,
    export: Export,
    none_yet: bool,
}

struct Row {
    status: Badge,
    cluster: String,
    arn: String,
    href: String,
    account: String,
    region: String,
    management: &'static str,
    tasks: String,
    issue: String,
    more: usize,
    updated: When,
}

impl Row {
    fn new(cluster: &ClusterView, now: Timestamp) -> Self {
        Self {
            status: Badge::of_coverage(cluster.status),
            cluster: text::line(&cluster.cluster, text::CELL),
            arn: text::line(&cluster.arn, text::LONG),
            href: links::cluster(&cluster.arn),
            account: text::line(&cluster.account, 40),
            region: text::line(&cluster.region, 40),
            management: cluster.management.name(),
            tasks: format!("{}/{}", cluster.covered_tasks, cluster.covered_tasks + cluster.uncovered_tasks),
            issue: cluster
                .issues
                .first()
                .map_or_else(String::new, |issue| text::line(&issue.kind, text::CELL)),
            more: cluster.issues.len().saturating_sub(1),
            updated: When::new(cluster.updated_at, now),
        }
    }
}

/// `GET /coverage`.
pub(super) async fn page(
    State(state): State<AppState>,
    reader: Reader,
    params: Result<Params, ApiError>,
) -> Page {
    let params = params?;
    let query = params.coverage(reader.now)?;
    let links = Links::of(&params);
    let page = state.coverage.coverage(&query).await?;
    let counts = state.coverage.coverage_counts(&query).await?;
    let is_filtered = ["account", "region", "cluster", "status", "management", "issue"]
        .iter()
        .any(|name| !links.value(name).is_empty());
    let choice = |name: &str, all: &'static str, values: [&'static str; 2]| {
        let chosen = links.value(name).to_owned();
        [("", all), (values[0], values[0]), (values[1], values[1])]
            .map(|(value, label)| (value, label, value == chosen))
            .into()
    };
    let after = page.next.map(|after| Token::of(&query, &after, reader.now));
    render(&CoveragePage {
        frame: reader.frame(&*state.store, "Coverage", Section::Coverage).await?,
        percent: counts.percent().unwrap_or_else(|| "–".to_owned()),
        healthy: text::number(counts.healthy),
        unhealthy: text::number(counts.unhealthy),
        rows: page.rows.iter().map(|row| Row::new(&row.into(), reader.now)).collect(),
        first: query.after.is_some().then(|| links.to("/coverage")),
        next: after.map(|cursor| links.with("cursor", &cursor).to("/coverage")),
        account: text::line(links.value("account"), text::CELL),
        cluster: text::line(links.value("cluster"), text::CELL),
        statuses: choice("status", "Any status", ["HEALTHY", "UNHEALTHY"]),
        managements: choice("management", "Any management", ["AUTO_MANAGED", "DISABLED"]),
        is_filtered,
        export: Export::new(&reader, "/api/v1/coverage", &links),
        none_yet: !is_filtered && counts == Counts::default(),
    })
}

#[derive(Template)]
#[template(path = "cluster.html")]
struct ClusterPage {
    frame: Frame,
    row: Row,
    json_href: String,
    issues: Vec<Issue>,
    tasks: Vec<TaskRow>,
    left_out: usize,
    instances: String,
}

struct Issue {
    text: String,
    remedy: Remedy,
}

struct TaskRow {
    status: Badge,
    id: String,
    arn: String,
    href: String,
    definition: String,
    service: String,
    last_status: String,
    sensor: String,
    heard: Option<When>,
    lost: String,
    issue: String,
}

impl TaskRow {
    fn new(task: &TaskView, now: Timestamp) -> Self {
        Self {
            status: Badge::of_task(task.status),
            id: text::line(task.arn.rsplit('/').next().unwrap_or_default(), 40),
            arn: text::line(&task.arn, text::LONG),
            href: links::task(&task.arn),
            definition: text::line(&task.definition, text::CELL),
            service: text::line(&task.service, text::CELL),
            last_status: text::line(&task.last_status, 40),
            sensor: text::line(&task.sensor, 40),
            heard: task.heard.map(|at| When::new(at, now)),
            lost: text::number(task.lost),
            issue: task.issue.as_ref().map_or_else(String::new, |issue| text::line(&issue.kind, text::CELL)),
        }
    }
}

/// `GET /coverage/{arn}`.
pub(super) async fn cluster(State(state): State<AppState>, reader: Reader, Path(arn): Path<String>) -> Page {
    let unknown = || PageError::not_found(format!("There is no cluster {}.", text::line(&arn, text::CELL)));
    if arn.len() > 2_048 || arn.contains('\0') {
        return Err(unknown());
    }
    let mut detail = detail(&*state.coverage, &state.terms, &arn, reader.now).await?.ok_or_else(unknown)?;
    // What is wrong first, then what is starting.
    let order = |status: TaskStatus| match status {
        TaskStatus::Uncovered => 0,
        TaskStatus::Starting => 1,
        TaskStatus::Covered => 2,
    };
    detail.tasks.sort_by_key(|task| order(task.status));
    let issues = detail.cluster.issues.iter().map(|issue| Issue {
        text: text::line(&issue.text, text::LONG),
        remedy: Remedy {
            text: text::line(&issue.remedy.text, text::LONG),
            command: text::line(&issue.remedy.command, text::LONG),
        },
    });
    let title = format!("Cluster {}", detail.cluster.cluster);
    render(&ClusterPage {
        frame: reader.frame(&*state.store, &title, Section::Coverage).await?,
        row: Row::new(&detail.cluster, reader.now),
        json_href: links::cluster_json(&arn),
        issues: issues.collect(),
        left_out: detail.tasks.len().saturating_sub(MOST_TASKS),
        tasks: detail.tasks.iter().take(MOST_TASKS).map(|task| TaskRow::new(task, reader.now)).collect(),
        instances: format!("{}/{}", detail.cluster.covered_instances, detail.cluster.compatible_instances),
    })
}
