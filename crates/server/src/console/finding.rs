//! One finding: what, where, since when, by which process, and why the rule matched.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use fargard_model::{ActionResult, ActionTaken, CheckResult, Detection, FindingState, Timestamp, standard};
use fargard_store::FindingDetail;
use serde_json::Value;

use super::{
    badge::Badge,
    call::{Call, Node, lineage},
    condition::{Piece, pieces},
    facet::tag_label,
    failed::{Page, PageError, render},
    file_change::{FileChangeView, writer_line},
    findings::is_id,
    frame::{Frame, Reader, Section},
    links, text,
    when::When,
};
use crate::state::AppState;

/// Occurrences listed on the page.
const MOST_OCCURRENCES: usize = 50;

#[derive(Template)]
#[template(path = "finding.html")]
struct FindingPage {
    frame: Frame,
    id: String,
    title: String,
    check: Option<u32>,
    kind: Badge,
    severity: Badge,
    state: Badge,
    actions: Vec<Action>,
    summary: String,
    count: String,
    first_seen: When,
    last_seen: When,
    place: Vec<PlaceFact>,
    task_href: String,
    standards: Vec<Tag>,
    tags: Vec<Tag>,
    detection: Option<DetectionView>,
    check_result: Option<CheckView>,
    file_change: Option<FileChangeView>,
    occurrences: Vec<Occurrence>,
    history: Vec<Change>,
    json_href: String,
    curl: String,
}

/// A button that changes the state.
struct Action {
    state: &'static str,
    label: &'static str,
    hint: &'static str,
}

/// A part of where the finding is; can be copied.
struct PlaceFact {
    name: &'static str,
    value: String,
    /// Findings of the same place.
    href: String,
    /// Worth a button that copies it.
    copy: bool,
}

struct Tag {
    label: String,
    tag: String,
    href: String,
}

/// The latest detection.
struct DetectionView {
    description: String,
    condition: Vec<Piece>,
    fields: Vec<Field>,
    tree: Vec<Node>,
    call: Call,
    /// What was done about it, empty when the rule asks for nothing.
    action: String,
    json: String,
    hostname: String,
}

struct Field {
    name: String,
    value: String,
    in_condition: bool,
}

/// The latest check result.
struct CheckView {
    cause: String,
    subjects: Vec<String>,
    json: String,
}

struct Occurrence {
    time: When,
    text: String,
    process: String,
    status: Badge,
}

struct Change {
    at: When,
    state: Badge,
    who: String,
    note: String,
}

/// `GET /findings/{id}`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader, Path(id): Path<String>) -> Page {
    let unknown = || PageError::not_found(format!("There is no finding {}.", text::line(&id, 64)));
    if !is_id(&id) {
        return Err(unknown());
    }
    let detail = state.store.finding(&id).await?.ok_or_else(unknown)?;
    let frame = reader.frame(&*state.store, &detail.finding.title, Section::Findings).await?;
    render(&FindingPage::new(frame, &reader, &detail))
}

impl FindingPage {
    fn new(frame: Frame, reader: &Reader, detail: &FindingDetail) -> Self {
        let finding = &detail.finding;
        let now = reader.now;
        let (standards, tags) = tags(&finding.tags);
        let json_href = format!("/api/v1/findings/{}", finding.id);
        Self {
            frame,
            id: finding.id.clone(),
            title: text::line(&finding.title, text::LONG),
            check: finding.check,
            kind: Badge::of_kind(finding.kind),
            severity: Badge::of_priority(finding.priority),
            state: Badge::of_state(finding.state),
            actions: actions(finding.state),
            summary: text::line(&finding.summary, text::LONG),
            count: text::number(finding.count),
            first_seen: When::new(finding.first_seen, now),
            last_seen: When::new(finding.last_seen, now),
            place: place(detail),
            task_href: links::task(&finding.task.arn),
            standards,
            tags,
            detection: detail.detections.first().map(|detection| DetectionView::new(detection, now)),
            check_result: detail.checks.first().map(CheckView::new),
            file_change: detail
                .file_changes
                .first()
                .map(|change| FileChangeView::new(change, json(change), now)),
            occurrences: occurrences(detail, now),
            history: detail.history.iter().rev().map(|change| Change::new(change, now)).collect(),
            curl: format!("curl -H \"Authorization: Bearer $FARGARD_TOKEN\" '{}{json_href}'", reader.origin),
            json_href,
        }
    }
}

/// The changes that make sense from a state.
fn actions(state: FindingState) -> Vec<Action> {
    const ACTIONS: [(FindingState, Action); 4] = [
        (
            FindingState::Acknowledged,
            Action { state: "acknowledged", label: "Acknowledge", hint: "somebody works on it" },
        ),
        (
            FindingState::Suppressed,
            Action {
                state: "suppressed",
                label: "Suppress",
                hint: "not wanted: it keeps counting and does not reopen",
            },
        ),
        (
            FindingState::Closed,
            Action { state: "closed", label: "Close", hint: "done: a new occurrence opens it again" },
        ),
        (FindingState::Open, Action { state: "open", label: "Reopen", hint: "it needs somebody again" }),
    ];
    ACTIONS.into_iter().filter(|(to, _)| *to != state).map(|(_, action)| action).collect()
}

fn place(detail: &FindingDetail) -> Vec<PlaceFact> {
    let (task, container) = (&detail.finding.task, &detail.finding.container);
    let filter = |name: &'static str, value: &str| links::link("/findings", &[(name, value)]);
    let facts = [
        ("Account", &task.account, String::new(), true),
        ("Region", &task.region, String::new(), false),
        ("Cluster", &task.cluster, filter("cluster", &task.cluster), false),
        ("Service", &task.service, String::new(), false),
        ("Family", &task.family, filter("family", &task.family), false),
        ("Revision", &task.revision, String::new(), false),
        ("Task", &task.arn, links::task(&task.arn), true),
        ("Launch type", &task.launch_type, String::new(), false),
        ("Container", &container.name, String::new(), false),
        ("Container id", &container.id, String::new(), true),
        ("Image", &container.image, filter("image", &container.image), true),
        ("Digest", &container.image_digest, String::new(), true),
    ];
    facts
        .into_iter()
        .filter(|(_, value, _, _)| !value.is_empty())
        .map(|(name, value, href, copy)| PlaceFact { name, value: text::line(value, text::LONG), href, copy })
        .collect()
}

/// Tags that name a standard, and the others.
fn tags(tags: &[String]) -> (Vec<Tag>, Vec<Tag>) {
    const MOST_TAGS: usize = 100;
    let (standards, plain): (Vec<&String>, Vec<&String>) =
        tags.iter().take(MOST_TAGS).partition(|tag| standard::of_tag(tag).is_some());
    let view = |tag: &String| Tag {
        label: tag_label(tag),
        tag: text::line(tag, text::CELL),
        href: links::link("/findings", &[("state", "open"), ("tag", tag)]),
    };
    (standards.into_iter().map(view).collect(), plain.into_iter().map(view).collect())
}

/// The output, and what was done about the match.
fn told(detection: &Detection) -> String {
    match &detection.action {
        Some(action) => format!("{} ({action})", detection.output),
        None => detection.output.clone(),
    }
}

impl DetectionView {
    fn new(detection: &Detection, now: Timestamp) -> Self {
        let values: BTreeMap<String, String> =
            detection.output_fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        let condition = text::block(detection.condition.trim(), text::BLOCK);
        let pieces = pieces(&condition, &values);
        let fields = values
            .into_iter()
            .map(|(name, value)| Field {
                in_condition: pieces.iter().any(|piece| piece.text == name),
                name: text::line(&name, text::CELL),
                value,
            })
            .collect();
        Self {
            description: text::block(&detection.description, text::LONG),
            condition: pieces,
            fields,
            tree: lineage(&detection.event.process, now),
            call: Call::new(&detection.event, now),
            action: detection.action.as_ref().map(action_text).unwrap_or_default(),
            json: json(detection),
            hostname: text::line(&detection.hostname, text::CELL),
        }
    }
}

/// What was done about a match, in a sentence.
fn action_text(action: &ActionTaken) -> String {
    let subject = match action.kind {
        fargard_model::Action::Kill => "The process",
        fargard_model::Action::Prevent | fargard_model::Action::Alert => "The call",
    };
    let done = text::line(&action.to_string(), text::LONG);
    match action.result {
        ActionResult::Prevented => {
            format!("{subject} was {done}: the sensor answered it instead of the kernel, as the rule asks.")
        }
        ActionResult::Killed => format!("{subject} was {done} by the sensor, as the rule asks."),
        ActionResult::DryRun => format!("{subject} {done}; FARGARD_PREVENT=on lets the sensor act."),
        ActionResult::Refused | ActionResult::Failed => format!("{subject} was {done}."),
    }
}

/// A field's value without JSON's quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(value) => text::line(value, text::LONG),
        other => text::line(&other.to_string(), text::LONG),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(json) => text::block(&json, text::BLOCK),
        Err(error) => format!("cannot be written as JSON: {error}"),
    }
}

impl CheckView {
    fn new(result: &CheckResult) -> Self {
        const MOST_SUBJECTS: usize = 200;
        Self {
            cause: text::line(&result.cause, text::LONG),
            subjects: result
                .subjects
                .iter()
                .take(MOST_SUBJECTS)
                .map(|subject| text::line(subject, text::LONG))
                .collect(),
            json: json(result),
        }
    }
}

fn occurrences(detail: &FindingDetail, now: Timestamp) -> Vec<Occurrence> {
    let detections = detail.detections.iter().map(|detection| Occurrence {
        time: When::new(detection.time, now),
        text: text::line(&told(detection), text::LONG),
        process: format!(
            "{} ({})",
            text::line(&detection.event.process.name, 40),
            detection.event.process.pid
        ),
        status: Badge::of_outcome(detection.event.outcome),
    });
    let checks = detail.checks.iter().map(|result| Occurrence {
        time: When::new(result.time, now),
        text: text::line(&result.cause, text::LONG),
        process: String::new(),
        status: Badge::of_check(result.status),
    });
    let changes = detail.file_changes.iter().map(|change| Occurrence {
        time: When::new(change.time, now),
        text: text::line(&change.summary(), text::LONG),
        process: writer_line(change),
        status: Badge::of_writer(change.writer.is_some()),
    });
    detections.chain(checks).chain(changes).take(MOST_OCCURRENCES).collect()
}

impl Change {
    fn new(change: &fargard_store::StateChange, now: Timestamp) -> Self {
        Self {
            at: When::new(change.at, now),
            state: Badge::of_state(change.state),
            who: text::line(&change.who, text::CELL),
            note: text::line(&change.note, text::LONG),
        }
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::{Action, ActionResult, ActionTaken};

    #[test]
    fn what_was_done_is_a_sentence() {
        let said = [
            (Action::Prevent, ActionResult::Prevented, ""),
            (Action::Kill, ActionResult::Killed, ""),
            (Action::Kill, ActionResult::DryRun, ""),
            (Action::Kill, ActionResult::Refused, "it is the container's first process"),
        ]
        .map(|(kind, result, reason)| {
            super::action_text(&ActionTaken { kind, result, reason: reason.to_owned() })
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        The call was prevented: the sensor answered it instead of the kernel, as the rule asks.
        The process was killed by the sensor, as the rule asks.
        The process would have been killed; FARGARD_PREVENT=on lets the sensor act.
        The process was not killed: it is the container's first process.
        ");
    }
}
