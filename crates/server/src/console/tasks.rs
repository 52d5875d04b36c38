//! The list of tasks.

use askama::Template;
use axum::extract::State;
use fargard_model::Timestamp;
use fargard_store::{TaskDetail, TaskRow};

use super::{
    badge::{Badge, Life},
    failed::{Page, render},
    findings::Export,
    frame::{Frame, Reader, Section},
    links::{self, Links},
    text,
    when::When,
};
use crate::{error::ApiError, query::Params, state::AppState};

/// A task is watched when it was heard within this many nanoseconds, as the store counts tasks alive.
const ALIVE: u64 = 300 * 1_000_000_000;

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    frame: Frame,
    total: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    text: String,
    kept: Vec<(String, String)>,
    restricted: Vec<(&'static str, String, String)>,
    export: Export,
    none_yet: bool,
    server: String,
}

/// A task in the list.
pub(super) struct Row {
    /// Short id.
    pub(super) id: String,
    /// ARN.
    pub(super) arn: String,
    /// Its page.
    pub(super) href: String,
    /// Family and revision.
    pub(super) family: String,
    /// Cluster.
    pub(super) cluster: String,
    /// Launch type.
    pub(super) launch_type: String,
    /// Names of the containers.
    pub(super) containers: Vec<String>,
    /// How calls are observed, by each sensor.
    pub(super) backends: Vec<String>,
    /// Whether its sensors are heard.
    pub(super) life: Badge,
    /// Latest record.
    pub(super) last_seen: When,
    /// First record.
    pub(super) first_seen: When,
    /// Open findings.
    pub(super) open: u64,
    /// Its open findings.
    pub(super) findings_href: String,
    /// What its sensors lost.
    pub(super) lost: u64,
    /// The same for people.
    pub(super) lost_shown: String,
}

impl Row {
    /// The row of a task; `detail` tells about its sensors.
    pub(super) fn new(row: &TaskRow, detail: Option<&TaskDetail>, now: Timestamp) -> Self {
        let task = &row.task;
        let family = if task.revision.is_empty() {
            task.family.clone()
        } else {
            format!("{}:{}", task.family, task.revision)
        };
        Self {
            id: text::line(task.id(), 40),
            arn: text::line(&task.arn, text::LONG),
            href: links::task(&task.arn),
            family: text::line(&family, text::CELL),
            cluster: text::line(&task.cluster, text::CELL),
            launch_type: text::line(&task.launch_type, 40),
            containers: row.containers.iter().map(|container| text::line(&container.name, 80)).collect(),
            backends: detail.map(backends).unwrap_or_default(),
            life: Badge::of_life(life(row, now)),
            last_seen: When::new(row.last_seen, now),
            first_seen: When::new(row.first_seen, now),
            open: row.open_findings,
            findings_href: links::link("/findings", &[("state", "open"), ("task", &task.arn)]),
            lost: row.lost,
            lost_shown: text::number(row.lost),
        }
    }
}

fn backends(detail: &TaskDetail) -> Vec<String> {
    let mut names: Vec<String> =
        detail.sensors.values().map(|heartbeat| text::line(&heartbeat.backend, 40)).collect();
    names.sort();
    names.dedup();
    names
}

fn life(row: &TaskRow, now: Timestamp) -> Life {
    match () {
        () if row.ended => Life::Ended,
        () if now.0.saturating_sub(row.last_seen.0) <= ALIVE => Life::Watched,
        () => Life::Silent,
    }
}

/// `GET /tasks`.
pub(super) async fn page(
    State(state): State<AppState>,
    reader: Reader,
    params: Result<Params, ApiError>,
) -> Page {
    let params = params?;
    let query = params.tasks()?;
    let links = Links::of(&params);
    let page = state.store.tasks(&query).await?;
    let mut rows = Vec::with_capacity(page.tasks.len());
    for row in &page.tasks {
        let detail = state.store.task(&row.task.arn).await?;
        rows.push(Row::new(row, detail.as_ref(), reader.now));
    }
    let overview = state.store.overview(reader.now).await?;
    render(&TasksPage {
        none_yet: overview.tasks_total == 0,
        frame: reader.frame_with(Some(&overview), "Tasks", Section::Tasks),
        total: text::number(page.total),
        rows,
        first: query.cursor.is_some().then(|| links.to("/tasks")),
        next: page.next.map(|cursor| links.with("cursor", &cursor).to("/tasks")),
        text: text::line(links.value("text"), text::CELL),
        kept: links.set("text", "").pairs().to_vec(),
        restricted: restricted(&links),
        export: Export::new(&reader, "/api/v1/tasks", &links),
        server: reader.origin.clone(),
    })
}

/// Restrictions in force: name, value, the link that takes it off.
fn restricted(links: &Links) -> Vec<(&'static str, String, String)> {
    let name = |key: &str| match key {
        "cluster" => Some("Cluster"),
        "family" => Some("Family"),
        "text" => Some("Text"),
        _ => None,
    };
    links
        .pairs()
        .iter()
        .filter_map(|(key, value)| {
            Some((name(key)?, text::line(value, text::CELL), links.without(key, value).to("/tasks")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use fargard_model::{Task, Timestamp};
    use fargard_store::TaskRow;

    use super::{ALIVE, life};
    use crate::console::badge::Life;

    #[test]
    fn a_task_is_silent_when_it_was_not_heard_and_did_not_end() {
        let row = |ended| TaskRow {
            task: Task::default(),
            containers: vec![],
            first_seen: Timestamp(0),
            last_seen: Timestamp(1),
            open_findings: 0,
            lost: 0,
            ended,
        };
        assert_eq!(life(&row(false), Timestamp(1 + ALIVE)), Life::Watched);
        assert_eq!(life(&row(false), Timestamp(2 + ALIVE)), Life::Silent);
        assert_eq!(life(&row(true), Timestamp(1)), Life::Ended);
    }
}
