//! Collections: which containers rules and exceptions are about.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use fargard_policy::{Collection, FIELDS, Field, Policy};

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

const PAGE: &str = "/compliance/collections";

#[derive(Template)]
#[template(path = "compliance_collections.html")]
struct CollectionsPage {
    frame: Frame,
    tabs: Tabs,
    revision: u64,
    provenance: String,
    done: bool,
    problems: Vec<String>,
    all: u64,
    collections: Vec<CollectionView>,
    form: Option<CollectionForm>,
}

struct CollectionView {
    name: String,
    original: String,
    description: String,
    fields: Vec<(&'static str, Vec<String>)>,
    uses: Vec<String>,
    images: u64,
    edit_href: String,
    images_href: String,
}

/// A collection as it is edited.
struct CollectionForm {
    original: String,
    heading: String,
    name: String,
    description: String,
    fields: Vec<FieldForm>,
}

struct FieldForm {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    patterns: String,
}

/// Label and explanation of a field.
fn about(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Hosts => (
            "Hosts",
            "Fargate task name (family), family:revision, task id or ARN; as fargate-vulnerability-*",
        ),
        Field::Images => ("Images", "as */shop/*, ubuntu:18.04, *:latest"),
        Field::Containers => ("Containers", "name in the task definition; not together with images"),
        Field::Labels => ("Labels", "docker label as key:value"),
        Field::Accounts => ("Account ids", "twelve digits"),
        Field::Clusters => ("Clusters", "short name"),
        Field::Services => ("Services", "name of the ECS service"),
        Field::AppIds => ("App ids", "family:task id, as Prisma names an app"),
        Field::Namespaces => ("Namespaces", "from an orchestrator's label; ECS has none"),
    }
}

/// The order of the form: what is mostly used first.
const ORDER: [Field; 9] = [
    Field::Hosts,
    Field::Clusters,
    Field::Services,
    Field::Images,
    Field::Containers,
    Field::Labels,
    Field::Accounts,
    Field::AppIds,
    Field::Namespaces,
];

impl CollectionView {
    fn new(collection: &Collection, policy: &Policy, images: &BTreeMap<String, u64>) -> Self {
        let name = &collection.name;
        let patterns = |field: Field| {
            let patterns = collection.patterns(field).iter().take(20);
            (about(field).0, patterns.map(|pattern| text::line(pattern, 80)).collect())
        };
        Self {
            original: name.clone(),
            name: text::line(name, text::CELL),
            description: text::line(&collection.description, text::CELL),
            fields: FIELDS.into_iter().filter(|field| collection.restricts(*field)).map(patterns).collect(),
            uses: policy.uses(name).iter().take(20).map(|used| text::line(used, 80)).collect(),
            images: images.get(name).copied().unwrap_or(0),
            edit_href: format!("{}#form", links::link(PAGE, &[("edit", name)])),
            images_href: links::link("/compliance/images", &[("collection", name)]),
        }
    }
}

impl CollectionForm {
    fn new(collection: &Collection, original: &str) -> Self {
        let field = |field: Field| {
            let (label, hint) = about(field);
            let patterns = collection.patterns(field).join("\n");
            FieldForm { name: field.name(), label, hint, patterns }
        };
        Self {
            original: original.to_owned(),
            heading: match original {
                "" => "New collection".to_owned(),
                name => format!("Change collection “{}”", text::line(name, 80)),
            },
            name: collection.name.clone(),
            description: collection.description.clone(),
            fields: ORDER.map(field).into(),
        }
    }
}

/// `GET /compliance/collections`; `edit` names the collection that is changed, `new` asks for an empty form.
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
    let form = match current.policy.collection(&edit) {
        Some(collection) => Some(CollectionForm::new(collection, &edit)),
        None if is_new => Some(CollectionForm::new(&Collection::new(""), "")),
        None => None,
    };
    show(&state, &reader, &current, form, Vec::new(), done).await
}

async fn show(
    state: &AppState,
    reader: &Reader,
    current: &Current,
    form: Option<CollectionForm>,
    problems: Vec<String>,
    done: bool,
) -> Page {
    let summary = state.compliance.summary(reader.now).await?;
    let policy = &current.policy;
    let view = |each: &Collection| CollectionView::new(each, policy, &summary.by_collection);
    render(&CollectionsPage {
        frame: reader.frame(&*state.store, "Collections", Section::Compliance).await?,
        tabs: Tabs(Tab::Collections),
        revision: current.revision,
        provenance: form::provenance(current),
        done,
        problems,
        all: summary.report.targets(),
        collections: policy.collections.iter().map(view).collect(),
        form,
    })
}

/// `POST /compliance/collections`.
pub(super) async fn change(
    State(state): State<AppState>,
    reader: Reader,
    sent: Sent,
) -> Result<Response, PageError> {
    let fields = Fields::of(sent)?;
    let mut current = state.compliance.policy().await?;
    let original = fields.value("original");
    let at = current.policy.collections.iter().position(|each| each.name == original);
    let mut policy = current.policy.clone();
    let mut form = None;
    if fields.value("action") == "save" {
        let old = at.and_then(|at| policy.collections.get(at)).cloned();
        let collection = collection_of(&fields, old.unwrap_or_else(|| Collection::new("")));
        form = Some(CollectionForm::new(&collection, original));
        if at.is_some() {
            rename(&mut policy, original, &collection.name);
        }
        form::put(&mut policy.collections, at, collection);
    } else {
        form::rearrange(&mut policy.collections, at, fields.value("action"))
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

/// A field without lines does not restrict.
fn collection_of(fields: &Fields, old: Collection) -> Collection {
    let mut collection = old;
    fields.value("name").clone_into(&mut collection.name);
    fields.value("description").clone_into(&mut collection.description);
    for field in FIELDS {
        let lines = fields.lines(field.name());
        *collection.patterns_mut(field) = if lines.is_empty() { vec!["*".to_owned()] } else { lines };
    }
    collection
}

/// What names the collection names it by its new name.
fn rename(policy: &mut Policy, old: &str, new: &str) {
    let rules = policy.rules.iter_mut().map(|rule| &mut rule.collections);
    let exceptions = policy.exceptions.iter_mut().map(|exception| &mut exception.collections);
    for name in rules.chain(exceptions).flatten().filter(|name| *name == old) {
        new.clone_into(name);
    }
}
