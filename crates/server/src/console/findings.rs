//! The list of findings.

use askama::Template;
use axum::{
    extract::{Form, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use fargard_model::{Finding, FindingState, Timestamp};

use super::{
    badge::Badge,
    facet::{Facet, Restriction, facets, restrictions},
    failed::{Page, PageError, render},
    frame::{DONE_COOKIE, Frame, Reader, Section, done_value},
    links::{self, Links},
    text,
    when::When,
};
use crate::{error::ApiError, query::Params, state::AppState};

/// Most findings changed by one request: as many as a page can hold.
const MOST_CHANGED: usize = fargard_store::query::MAX_PAGE;
/// Characters of a task id that are enough to tell tasks apart in a list.
const SHORT_ID: usize = 12;
/// Longest note kept with a change, in characters.
const LONGEST_NOTE: usize = 2_000;

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    frame: Frame,
    total: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    facets: Vec<Facet>,
    restrictions: Vec<Restriction>,
    spans: Vec<(&'static str, String, bool)>,
    text: String,
    /// The other parameters, kept by the search form.
    kept: Vec<(String, String)>,
    export: Export,
    /// There is no finding at all, under any query.
    none_yet: bool,
    server: String,
}

/// The same list for programs.
pub(super) struct Export {
    /// As CSV.
    pub(super) csv: String,
    /// As JSON.
    pub(super) json: String,
    /// As a command line.
    pub(super) curl: String,
}

/// A finding in a list.
pub(super) struct Row {
    /// Identity.
    pub(super) id: String,
    /// Its page.
    pub(super) href: String,
    /// Name of the rule or the check.
    pub(super) title: String,
    /// Check number.
    pub(super) check: Option<u32>,
    /// Severity.
    pub(super) severity: Badge,
    /// State.
    pub(super) state: Badge,
    /// Latest output or cause.
    pub(super) summary: String,
    /// Family of the task.
    pub(super) family: String,
    /// Container.
    pub(super) container: String,
    /// Cluster.
    pub(super) cluster: String,
    /// Start of the task's id.
    pub(super) task: String,
    /// ARN of the task.
    pub(super) arn: String,
    /// The task's page.
    pub(super) task_href: String,
    /// Occurrences.
    pub(super) count: String,
    /// Latest occurrence.
    pub(super) last_seen: When,
}

impl Row {
    /// The row of a finding.
    pub(super) fn new(finding: &Finding, now: Timestamp) -> Self {
        Self {
            href: links::finding(&finding.id),
            id: finding.id.clone(),
            title: text::line(&finding.title, text::CELL),
            check: finding.check,
            severity: Badge::of_priority(finding.priority),
            state: Badge::of_state(finding.state),
            summary: text::line(&finding.summary, text::CELL * 2),
            family: text::line(&finding.task.family, 80),
            container: text::line(&finding.container.name, 80),
            cluster: text::line(&finding.task.cluster, 80),
            task: finding.task.id().chars().take(SHORT_ID).collect(),
            arn: text::line(&finding.task.arn, text::LONG),
            task_href: links::task(&finding.task.arn),
            count: text::number(finding.count),
            last_seen: When::new(finding.last_seen, now),
        }
    }
}

/// `GET /findings`.
pub(super) async fn page(
    State(state): State<AppState>,
    reader: Reader,
    params: Result<Params, ApiError>,
) -> Page {
    let params = params?;
    let query = params.findings(reader.now)?;
    let links = Links::of(&params);
    let page = state.store.findings(&query).await?;
    let counts = state.store.facets(&query).await?;
    let overview = state.store.overview(reader.now).await?;
    render(&FindingsPage {
        frame: reader.frame_with(Some(&overview), "Findings", Section::Findings),
        total: text::number(page.total),
        rows: page.findings.iter().map(|finding| Row::new(finding, reader.now)).collect(),
        first: query.cursor.is_some().then(|| links.to("/findings")),
        next: page.next.map(|cursor| links.with("cursor", &cursor).to("/findings")),
        facets: facets(&counts, &links),
        restrictions: restrictions(&links),
        spans: spans(&links),
        text: text::line(links.value("text"), text::CELL),
        kept: links.set("text", "").pairs().to_vec(),
        export: Export::new(&reader, "/api/v1/findings", &links),
        none_yet: overview.by_state.values().all(|count| *count == 0),
        server: reader.origin.clone(),
    })
}

impl Export {
    /// The list at `path` of the REST interface with the page's parameters.
    pub(super) fn new(reader: &Reader, path: &str, links: &Links) -> Self {
        let all = links.set("limit", "500");
        let json = all.to(path);
        Self {
            csv: all.with("format", "csv").to(path),
            curl: format!(
                "curl -H \"Authorization: Bearer $FARGARD_TOKEN\" '{}{}'",
                reader.origin,
                links.to(path)
            ),
            json,
        }
    }
}

/// Spans of time to restrict to: label, link, whether it is the present one.
fn spans(links: &Links) -> Vec<(&'static str, String, bool)> {
    [("1 h", "1h"), ("24 h", "24h"), ("7 d", "7d"), ("30 d", "30d"), ("Any time", "")]
        .map(|(label, span)| (label, links.set("since", span).to("/findings"), links.value("since") == span))
        .into()
}

/// `POST /findings/state`: changes the state of the findings `id` (repeated) to `state`, with a `note`, and goes
/// `back`.
pub(super) async fn change(
    State(state): State<AppState>,
    reader: Reader,
    form: Result<Form<Vec<(String, String)>>, axum::extract::rejection::FormRejection>,
) -> Result<Response, PageError> {
    let Form(fields) = form.map_err(|error| PageError::bad_request(error.body_text()))?;
    let change = Change::of(&fields)?;
    let mut changed = 0_usize;
    for id in &change.ids {
        let at = Timestamp::now();
        if state.store.set_state(id, change.state, &reader.who, &change.note, at).await?.is_some() {
            changed += 1;
        }
    }
    let mut response = Redirect::to(&change.back).into_response();
    let cookie = format!(
        "{DONE_COOKIE}={}; Path=/; Max-Age=10; HttpOnly; SameSite=Strict",
        done_value(change.state, changed)
    );
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// What a form asks to change.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    ids: Vec<String>,
    state: FindingState,
    note: String,
    back: String,
}

impl Change {
    fn of(fields: &[(String, String)]) -> Result<Self, PageError> {
        let last = |name: &str| {
            fields.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        let state =
            last("state").parse().map_err(|error| PageError::bad_request(format!("state: {error}")))?;
        let note: String = last("note").trim().chars().take(LONGEST_NOTE + 1).collect();
        if note.chars().count() > LONGEST_NOTE {
            return Err(PageError::bad_request(format!(
                "The note is longer than {LONGEST_NOTE} characters."
            )));
        }
        if note.contains('\0') {
            return Err(PageError::bad_request("The note contains a NUL character."));
        }
        let ids: Vec<String> =
            fields.iter().filter(|(key, _)| key == "id").map(|(_, id)| id.clone()).collect();
        if ids.len() > MOST_CHANGED {
            return Err(PageError::bad_request(format!("More than {MOST_CHANGED} findings at once.")));
        }
        if let Some(id) = ids.iter().find(|id| !is_id(id)) {
            let id = text::line(id, 64);
            return Err(PageError::bad_request(format!("{id:?} is not the id of a finding.")));
        }
        Ok(Self { ids, state, note, back: links::local(last("back")).to_owned() })
    }
}

/// 32 lower-case hexadecimal digits.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use fargard_model::FindingState;

    use super::Change;

    fn change(fields: &[(&str, &str)]) -> Result<Change, super::PageError> {
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Change::of(&fields)
    }

    #[test]
    fn a_change_names_its_findings_state_note_and_way_back() {
        let id = "0123456789abcdef0123456789abcdef";
        let read = change(&[("id", id), ("state", "acknowledged"), ("note", " seen "), ("back", "//evil")]);
        let expected = Change {
            ids: vec![id.into()],
            state: FindingState::Acknowledged,
            note: "seen".into(),
            back: "/".into(),
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_is_no_change_is_refused() {
        let long = "x".repeat(2_001);
        for fields in [
            &[("state", "gone")][..],
            &[("id", "1"), ("state", "open")],
            &[("state", "open"), ("note", &long)],
            &[("state", "open"), ("note", "a\0b")],
            &[],
        ] {
            assert!(change(fields).is_err(), "{fields:?}");
        }
    }
}
