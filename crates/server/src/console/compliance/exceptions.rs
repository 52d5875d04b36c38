//! Exceptions: failed checks that somebody answers for, for a time.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use fargard_policy::{ALL, Exception, Policy};

use super::{
    Tab, Tabs,
    form::{self, Fields, Outcome, Sent},
};
use crate::{
    compliance::Current,
    console::{
        failed::{Page, PageError, render},
        frame::{Frame, Reader, Section},
        links, text,
    },
    error::ApiError,
    query::Params,
    state::AppState,
};

const PAGE: &str = "/compliance/exceptions";

#[derive(Template)]
#[template(path = "compliance_exceptions.html")]
struct ExceptionsPage {
    frame: Frame,
    tabs: Tabs,
    revision: u64,
    provenance: String,
    done: bool,
    problems: Vec<String>,
    exceptions: Vec<ExceptionView>,
    form: Option<ExceptionForm>,
}

struct ExceptionView {
    name: String,
    original: String,
    check: u32,
    collections: Vec<String>,
    subjects: Vec<String>,
    owner: String,
    expires: String,
    has_expired: bool,
    reason: String,
    edit_href: String,
}

/// An exception as it is edited.
struct ExceptionForm {
    original: String,
    heading: String,
    name: String,
    check: String,
    collections: Vec<(String, bool)>,
    subjects: String,
    owner: String,
    expires: String,
    reason: String,
}

impl ExceptionView {
    fn new(exception: &Exception, today: &str) -> Self {
        let lines = |texts: &[String]| texts.iter().take(20).map(|each| text::line(each, 120)).collect();
        Self {
            name: text::line(&exception.name, text::CELL),
            original: exception.name.clone(),
            check: exception.check,
            collections: lines(&exception.collections),
            subjects: lines(&exception.subjects),
            owner: text::line(&exception.owner, 80),
            expires: text::line(&exception.expires, 10),
            has_expired: today > exception.expires.as_str(),
            reason: text::line(&exception.reason, text::CELL),
            edit_href: format!("{}#form", links::link(PAGE, &[("edit", &exception.name)])),
        }
    }
}

impl ExceptionForm {
    fn new(exception: &Exception, original: &str, policy: &Policy) -> Self {
        let names = std::iter::once(ALL.to_owned())
            .chain(policy.collections.iter().map(|each| each.name.clone()).filter(|name| name != ALL));
        Self {
            original: original.to_owned(),
            heading: match original {
                "" => "New exception".to_owned(),
                name => format!("Change exception “{}”", text::line(name, 80)),
            },
            name: exception.name.clone(),
            check: if exception.check == 0 { String::new() } else { exception.check.to_string() },
            collections: names.map(|name| (name.clone(), exception.collections.contains(&name))).collect(),
            subjects: exception.subjects.join("\n"),
            owner: exception.owner.clone(),
            expires: exception.expires.clone(),
            reason: exception.reason.clone(),
        }
    }
}

fn empty() -> Exception {
    Exception {
        name: String::new(),
        check: 0,
        collections: vec![ALL.to_owned()],
        subjects: Vec::new(),
        owner: String::new(),
        expires: String::new(),
        reason: String::new(),
    }
}

/// `GET /compliance/exceptions`; `edit` names the exception that is changed, `new` asks for an empty form.
pub(super) async fn page(
    State(state): State<AppState>,
    reader: Reader,
    params: Result<Params, ApiError>,
) -> Page {
    let mut params = params?;
    let (edit, is_new) = (params.take("edit").unwrap_or_default(), params.take("new").is_some());
    let done = params.take("done").is_some();
    params.finish()?;
    let current = state.compliance.policy().await?;
    let exception = current.policy.exceptions.iter().find(|each| each.name == edit);
    let form = match exception {
        Some(exception) => Some(ExceptionForm::new(exception, &edit, &current.policy)),
        None if is_new => Some(ExceptionForm::new(&empty(), "", &current.policy)),
        None => None,
    };
    show(&state, &reader, &current, form, Vec::new(), done).await
}

async fn show(
    state: &AppState,
    reader: &Reader,
    current: &Current,
    form: Option<ExceptionForm>,
    problems: Vec<String>,
    done: bool,
) -> Page {
    let today = reader.now.rfc3339();
    let today = today.get(..10).unwrap_or_default();
    let exceptions = &current.policy.exceptions;
    render(&ExceptionsPage {
        frame: reader.frame(&*state.store, "Exceptions", Section::Compliance).await?,
        tabs: Tabs(Tab::Exceptions),
        revision: current.revision,
        provenance: form::provenance(current),
        done,
        problems,
        exceptions: exceptions.iter().map(|each| ExceptionView::new(each, today)).collect(),
        form,
    })
}

/// `POST /compliance/exceptions`.
pub(super) async fn change(
    State(state): State<AppState>,
    reader: Reader,
    sent: Sent,
) -> Result<Response, PageError> {
    let fields = Fields::of(sent)?;
    let mut current = state.compliance.policy().await?;
    let original = fields.value("original");
    let at = current.policy.exceptions.iter().position(|each| each.name == original);
    let mut policy = current.policy.clone();
    let mut form = None;
    if fields.value("action") == "save" {
        let exception = exception_of(&fields)?;
        form = Some(ExceptionForm::new(&exception, original, &policy));
        form::put(&mut policy.exceptions, at, exception);
    } else {
        form::rearrange(&mut policy.exceptions, at, fields.value("action"))
            .ok_or_else(|| PageError::bad_request("The form asks for nothing that is known."))?;
    }
    if policy == current.policy {
        return Ok(Redirect::to(PAGE).into_response());
    }
    match form::keep(&state, &reader, &policy, fields.revision()?, PAGE).await? {
        Outcome::Kept(response) => Ok(response),
        Outcome::Refused(problems) => {
            current = state.compliance.policy().await?;
            form::refused(show(&state, &reader, &current, form, problems, false).await)
        }
    }
}

fn exception_of(fields: &Fields) -> Result<Exception, PageError> {
    let check = fields.value("check").parse();
    Ok(Exception {
        name: fields.value("name").to_owned(),
        check: check
            .map_err(|_| PageError::bad_request("The number of the check is not a number, as 426."))?,
        collections: fields.values("collection"),
        subjects: fields.lines("subjects"),
        owner: fields.value("owner").to_owned(),
        expires: fields.value("expires").to_owned(),
        reason: fields.value("reason").to_owned(),
    })
}
