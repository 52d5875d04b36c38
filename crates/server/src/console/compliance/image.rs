//! One image: its checks with what the policy makes of them, the evidence, and the tasks that use it.

use askama::Template;
use axum::extract::{Path, State};
use fargard_model::{CheckStatus, check::CheckFinding};
use fargard_policy::Effect;
use fargard_scan::all_checks;

use super::images::Row;
use crate::{
    compliance::JudgedCheck,
    console::{
        badge::Badge,
        facet::tag_label,
        failed::{Page, PageError, render},
        findings::is_id,
        frame::{Frame, Reader, Section},
        links, text,
        when::When,
    },
    state::AppState,
};

/// Subjects listed of a check; JSON has all.
const MOST_SUBJECTS: usize = 100;

#[derive(Template)]
#[template(path = "compliance_image.html")]
struct ImagePage {
    frame: Frame,
    row: Row,
    is_ci: bool,
    digest: String,
    account: String,
    region: String,
    service: String,
    launch_type: String,
    checks: Vec<CheckView>,
    not_made: Vec<(u32, &'static str)>,
    rules: Vec<(String, String)>,
    collections: Vec<(String, String)>,
    used_by: Vec<UseView>,
    findings_href: String,
    json_href: String,
}

struct CheckView {
    number: u32,
    title: String,
    container: String,
    severity: Badge,
    status: Badge,
    is_failed: bool,
    effect: &'static str,
    why: String,
    cause: String,
    subjects: Vec<(String, bool)>,
    /// What the sensor saw being done: what was found, why it counts, who did it, when.
    acts: Vec<(String, String, String, When)>,
    left_out: usize,
    description: &'static str,
    remedy: &'static str,
    tags: Vec<String>,
    time: When,
}

struct UseView {
    href: String,
    host: String,
    arn: String,
    family: String,
    cluster: String,
    ended: bool,
    last_seen: When,
}

impl CheckView {
    fn new(check: &JudgedCheck, now: fargard_model::Timestamp) -> Self {
        let result = &check.result;
        let known = all_checks().find(|known| known.number == result.check);
        let subject = |subject: &String| (text::line(subject, text::LONG), check.excepted.contains(subject));
        Self {
            number: result.check,
            title: text::line(&result.title, text::LONG),
            container: text::line(&result.container.name, 80),
            severity: Badge::of_priority(result.severity),
            status: Badge::of_check(result.status),
            is_failed: result.status == CheckStatus::Failed,
            effect: check.effect.map_or("", Effect::name),
            why: why(check),
            cause: text::line(&result.cause, text::LONG),
            subjects: result.subjects.iter().take(MOST_SUBJECTS).map(subject).collect(),
            acts: result.found.iter().filter_map(|found| act(found, now)).collect(),
            left_out: result.subjects.len().saturating_sub(MOST_SUBJECTS),
            description: known.map_or("", |known| known.description),
            remedy: known.map_or("", |known| known.remedy),
            tags: result.tags.iter().take(50).map(|tag| tag_label(tag)).collect(),
            time: When::new(result.time, now),
        }
    }
}

/// What was done by somebody who was seen.
fn act(found: &CheckFinding, now: fargard_model::Timestamp) -> Option<(String, String, String, When)> {
    let by = found.by.as_ref()?;
    let parent = if by.parent.is_empty() { String::new() } else { format!(", child of {}", by.parent) };
    let who = format!("{} by {} (pid {}, uid {}{parent})", by.call.name(), by.exepath, by.pid, by.uid);
    Some((
        text::line(&found.subject, text::CELL),
        text::line(&found.reason, text::CELL),
        text::line(&who, text::CELL),
        When::new(by.time, now),
    ))
}

/// What decided, in words.
fn why(check: &JudgedCheck) -> String {
    let name = |name: &str| text::line(name, text::CELL);
    match (&check.exception, &check.rule) {
        (Some(exception), _) => format!("Decided by exception “{}”.", name(exception)),
        (None, Some(rule)) => format!("Decided by rule “{}”.", name(rule)),
        (None, None) => "No rule applies, so the default counts.".to_owned(),
    }
}

/// `GET /compliance/images/{id}`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader, Path(id): Path<String>) -> Page {
    let unknown = || PageError::not_found(format!("There is no image {}.", text::line(&id, 64)));
    if !is_id(&id) {
        return Err(unknown());
    }
    let target = state.compliance.target(&id, reader.now).await?.ok_or_else(unknown)?;
    let used_by = state.compliance.of_image(&target.target).await?;
    let task = target.target.task.clone();
    let is_ci = task.arn.is_empty();
    let mut checks: Vec<&JudgedCheck> = target.checks.iter().collect();
    // Alerts first, then what is ignored, then what could not be made, then what passed.
    checks.sort_by_key(|check| {
        let rank = match (check.is_alert(), check.result.status) {
            (true, _) => 0,
            (false, CheckStatus::Failed) => 1,
            (false, CheckStatus::Error) => 2,
            (false, CheckStatus::Passed) => 3,
        };
        (rank, check.result.severity, check.result.check)
    });
    let made = |number: u32| target.checks.iter().any(|check| check.result.check == number);
    let named = |page: &str, names: &std::collections::BTreeSet<String>| {
        names
            .iter()
            .map(|name| (text::line(name, text::CELL), links::link(page, &[("edit", name)])))
            .collect::<Vec<_>>()
    };
    let title = text::line(&target.target.image, text::CELL);
    let uses = used_by.iter().filter(|each| each.id != id).map(|each| UseView {
        href: format!("/compliance/images/{}", each.id),
        host: text::line(each.task.id(), 80),
        arn: text::line(&each.task.arn, text::LONG),
        family: text::line(&each.task.family, text::CELL),
        cluster: text::line(&each.task.cluster, text::CELL),
        ended: each.ended,
        last_seen: When::new(each.last_seen, reader.now),
    });
    render(&ImagePage {
        frame: reader.frame(&*state.store, &title, Section::Compliance).await?,
        row: Row::new(&target, reader.now),
        is_ci,
        digest: text::line(&target.target.image_digest, text::CELL),
        account: text::line(&task.account, 40),
        region: text::line(&task.region, 40),
        service: text::line(&task.service, text::CELL),
        launch_type: text::line(&task.launch_type, 40),
        checks: checks.into_iter().map(|check| CheckView::new(check, reader.now)).collect(),
        not_made: all_checks()
            .filter(|check| !made(check.number))
            .map(|check| (check.number, check.title))
            .collect(),
        rules: named("/compliance/rules", &target.rules),
        collections: named("/compliance/collections", &target.collections)
            .into_iter()
            .filter(|(name, _)| name != fargard_policy::ALL)
            .collect(),
        used_by: uses.collect(),
        findings_href: links::link("/findings", &[("kind", "check"), ("task", &task.arn)]),
        json_href: format!("/api/v1/compliance/images/{id}"),
    })
}
