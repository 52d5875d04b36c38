//! One task: its sensors, what they lost, its checks, findings and latest events.

use askama::Template;
use axum::extract::{Path, State};
use fargard_model::{Container, Event, Heartbeat, Timestamp};
use fargard_store::{EventQuery, EventStore, FindingQuery, StoreError, TaskDetail, query::MAX_PAGE};

use super::{
    badge::Badge,
    call::Call,
    failed::{Page, PageError, render},
    findings,
    frame::{Frame, Reader, Section},
    links, tasks, text,
    when::When,
};
use crate::state::AppState;

/// Events listed.
const MOST_EVENTS: usize = 100;
/// Findings listed.
const MOST_FINDINGS: usize = 50;
/// Events are looked for in these spans before the latest record, in seconds, until there are enough.
const SPANS: [u64; 5] = [10, 60, 600, 3_600, 86_400];

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    row: tasks::Row,
    facts: Vec<(&'static str, String, bool)>,
    containers: Vec<ContainerView>,
    sensors: Vec<SensorView>,
    checks: Vec<CheckView>,
    findings: Vec<findings::Row>,
    findings_total: String,
    events: Vec<Call>,
    json_href: String,
    events_href: String,
}

struct ContainerView {
    name: String,
    id: String,
    image: String,
    digest: String,
    started: Option<When>,
}

struct SensorView {
    producer: String,
    container: String,
    version: String,
    backend: String,
    reason: String,
    notes: Vec<String>,
    events: String,
    detections: String,
    rules: String,
    restarts: u64,
    lost: Vec<Loss>,
    heard: When,
    last: bool,
}

struct Loss {
    class: String,
    count: String,
    meaning: &'static str,
}

struct CheckView {
    number: u32,
    title: String,
    severity: Badge,
    status: Badge,
    cause: String,
    container: String,
    time: When,
}

/// `GET /tasks/{arn}`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader, Path(arn): Path<String>) -> Page {
    let unknown = || PageError::not_found(format!("There is no task {}.", text::line(&arn, text::CELL)));
    if arn.len() > 2_048 || arn.contains('\0') {
        return Err(unknown());
    }
    let detail = state.store.task(&arn).await?.ok_or_else(unknown)?;
    let query = FindingQuery { tasks: vec![arn.clone()], limit: MOST_FINDINGS, ..FindingQuery::default() };
    let found = state.store.findings(&query).await?;
    let events = latest_events(&*state.events, &arn, detail.row.last_seen).await?;
    let title = format!("Task {}", detail.row.task.id());
    let now = reader.now;
    render(&TaskPage {
        frame: reader.frame(&*state.store, &title, Section::Tasks).await?,
        row: tasks::Row::new(&detail.row, Some(&detail), now),
        facts: facts(&detail),
        containers: detail
            .row
            .containers
            .iter()
            .map(|container| ContainerView::new(container, now))
            .collect(),
        sensors: detail.sensors.iter().map(|(name, beat)| SensorView::new(name, beat, now)).collect(),
        checks: checks(&detail, now),
        findings: found.findings.iter().map(|finding| findings::Row::new(finding, now)).collect(),
        findings_total: text::number(found.total),
        events: events.iter().rev().take(MOST_EVENTS).map(|event| Call::new(event, now)).collect(),
        json_href: links::task_json(&arn),
        events_href: links::link("/api/v1/events", &[("task", &arn), ("limit", "500")]),
    })
}

/// The latest events of a task, in order of time; the store pages forward only.
async fn latest_events(
    store: &dyn EventStore,
    arn: &str,
    last_seen: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    for span in SPANS {
        let from = Timestamp(last_seen.0.saturating_sub(span * 1_000_000_000));
        let query =
            EventQuery { task: arn.to_owned(), from: Some(from), limit: MAX_PAGE, ..EventQuery::default() };
        events = store.events(&query).await?.events;
        if events.len() >= MOST_EVENTS {
            break;
        }
    }
    Ok(events)
}

/// Name, value, worth a button that copies it.
fn facts(detail: &TaskDetail) -> Vec<(&'static str, String, bool)> {
    let task = &detail.row.task;
    [
        ("ARN", &task.arn, true),
        ("Account", &task.account, true),
        ("Region", &task.region, false),
        ("Zone", &task.availability_zone, false),
        ("Service", &task.service, false),
    ]
    .into_iter()
    .filter(|(_, value, _)| !value.is_empty())
    .map(|(name, value, copy)| (name, text::line(value, text::LONG), copy))
    .collect()
}

impl ContainerView {
    fn new(container: &Container, now: Timestamp) -> Self {
        Self {
            name: text::line(&container.name, text::CELL),
            id: text::line(&container.id, text::CELL),
            image: text::line(&container.image, text::LONG),
            digest: text::line(&container.image_digest, text::CELL),
            started: (container.started_at > 0).then(|| When::new(Timestamp(container.started_at), now)),
        }
    }
}

impl SensorView {
    fn new(producer: &str, heartbeat: &Heartbeat, now: Timestamp) -> Self {
        const MOST_NOTES: usize = 50;
        Self {
            producer: text::line(producer, text::CELL),
            container: text::line(&heartbeat.container.name, text::CELL),
            version: text::line(&heartbeat.version, 40),
            backend: text::line(&heartbeat.backend, 40),
            reason: text::line(&heartbeat.backend_reason, text::LONG),
            notes: heartbeat.notes.iter().take(MOST_NOTES).map(|note| text::line(note, text::LONG)).collect(),
            events: text::number(heartbeat.events),
            detections: text::number(heartbeat.detections),
            rules: text::number(heartbeat.rules),
            restarts: heartbeat.engine_restarts,
            lost: losses(heartbeat),
            heard: When::new(heartbeat.time, now),
            last: heartbeat.last,
        }
    }
}

fn losses(heartbeat: &Heartbeat) -> Vec<Loss> {
    const MOST_CLASSES: usize = 50;
    let mut losses: Vec<(&String, &u64)> = heartbeat.lost.0.iter().filter(|(_, count)| **count > 0).collect();
    losses.sort_by(|(one, count), (other, other_count)| other_count.cmp(count).then(one.cmp(other)));
    losses
        .into_iter()
        .take(MOST_CLASSES)
        .map(|(class, count)| Loss {
            class: text::line(class, 60),
            count: text::number(*count),
            meaning: meaning(class),
        })
        .collect()
}

/// What a class of loss means for a reader.
fn meaning(class: &str) -> &'static str {
    match class {
        "ring_read" | "ring_file" => {
            "Opens and changes of files came faster than the engine read them; the app was not held up."
        }
        "ring_network" | "ring_privilege" | "ring_exec" => {
            "Calls came faster than the engine read them, or it was away; the app was not held up."
        }
        "refused" => "A process of the sensor sent what is no record.",
        "keeper_died" => {
            "The keeper was killed; calls went on without being looked at until another took over."
        }
        "cancelled" => "The caller was interrupted or killed before its call was made.",
        "poison" => "The engine died twice on these calls and leaves them out.",
        "malformed" | "unreadable" => "The call's memory could not be read, or made no sense.",
        "outbox_full" => "Detections, results or heartbeats came faster than they could be packed.",
        "outbox_full_event" => "Events came faster than they could be packed; detections went first.",
        "spool_full" => "The server was out of reach for longer than the spool lasts.",
        "spool_full_event" => "The server was out of reach for long; events gave way to detections.",
        "spool_unreadable" => "What waited for the server on disk could not be read back.",
        _ => "",
    }
}

fn checks(detail: &TaskDetail, now: Timestamp) -> Vec<CheckView> {
    const MOST_CHECKS: usize = 50;
    detail
        .checks
        .iter()
        .take(MOST_CHECKS)
        .map(|result| CheckView {
            number: result.check,
            title: text::line(&result.title, text::CELL),
            severity: Badge::of_priority(result.severity),
            status: Badge::of_check(result.status),
            cause: text::line(&result.cause, text::LONG),
            container: text::line(&result.container.name, text::CELL),
            time: When::new(result.time, now),
        })
        .collect()
}
