//! The table of images: a row for each image of a task, all of whose containers are on one host, or each image that was
//! scanned before deployment.

use askama::Template;
use axum::extract::State;
use fargard_model::{Priority, Timestamp};

use super::{Tab, Tabs};
use crate::{
    compliance::{JudgedCheck, JudgedTarget, WANTED},
    console::{
        badge::Badge,
        failed::{Page, render},
        findings::Export,
        frame::{Frame, Reader, Section},
        links::{self, Links},
        text,
        when::When,
    },
    error::ApiError,
    query::Params,
    state::AppState,
};

#[derive(Template)]
#[template(path = "compliance_images.html")]
struct ImagesPage {
    frame: Frame,
    tabs: Tabs,
    heading: &'static str,
    is_ci: bool,
    total: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    restricted: Vec<(&'static str, String, String)>,
    app_embedded: (bool, String),
    text: String,
    host: String,
    check: String,
    statuses: Vec<Choice>,
    severities: Vec<Choice>,
    collections: Vec<Choice>,
    rules: Vec<Choice>,
    /// The other parameters, kept by the form.
    kept: Vec<(String, String)>,
    export: Export,
    none_yet: bool,
    server: String,
}

/// A value of a drop-down list.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// An image in the table.
pub(super) struct Row {
    /// Its page.
    pub(super) href: String,
    /// Reference.
    pub(super) image: String,
    /// Start of its digest.
    pub(super) digest: String,
    /// Task id.
    pub(super) host: String,
    /// The task's ARN.
    pub(super) arn: String,
    /// Images of the same host.
    pub(super) host_href: String,
    /// The task's page.
    pub(super) task_href: String,
    /// Family, with revision.
    pub(super) family: String,
    /// Cluster.
    pub(super) cluster: String,
    /// It belongs to a Fargate task.
    pub(super) is_fargate: bool,
    /// The task ended.
    pub(super) ended: bool,
    /// Names of containers.
    pub(super) containers: Vec<String>,
    /// Alerts by severity.
    pub(super) severities: Vec<(Badge, u64)>,
    /// How it stands.
    pub(super) standing: Badge,
    /// Numbers of alerted checks.
    pub(super) alerted: Vec<(u32, String)>,
    /// Failed checks that are ignored.
    pub(super) ignored: usize,
    /// Latest result.
    pub(super) last_seen: When,
}

impl Row {
    /// The row of a target.
    pub(super) fn new(row: &JudgedTarget, now: Timestamp) -> Self {
        let (target, task) = (&row.target, &row.target.task);
        let family = match task.revision.as_str() {
            "" => task.family.clone(),
            revision => format!("{}:{revision}", task.family),
        };
        let digest = target.image_digest.strip_prefix("sha256:").unwrap_or(&target.image_digest);
        let title = |check: u32| {
            row.checks
                .iter()
                .find(|each| each.result.check == check)
                .map_or("", |each| each.result.title.as_str())
        };
        Self {
            href: format!("/compliance/images/{}", target.id),
            image: text::line(&target.image, text::CELL),
            digest: digest.chars().take(12).collect(),
            host: text::line(task.id(), 80),
            arn: text::line(&task.arn, text::LONG),
            host_href: links::link("/compliance/images", &[("host", task.id())]),
            task_href: links::task(&task.arn),
            family: text::line(&family, text::CELL),
            cluster: text::line(&task.cluster, text::CELL),
            is_fargate: row.is_fargate(),
            ended: target.ended,
            containers: row.containers.iter().map(|name| text::line(name, 80)).collect(),
            severities: row
                .severities()
                .into_iter()
                .map(|(severity, count)| (Badge::of_priority(severity), count))
                .collect(),
            standing: Badge::of_standing(row.status()),
            alerted: row
                .numbers(JudgedCheck::is_alert)
                .into_iter()
                .map(|check| (check, text::line(title(check), text::CELL)))
                .collect(),
            ignored: row.numbers(JudgedCheck::is_ignored).len(),
            last_seen: When::new(target.last_seen, now),
        }
    }
}

/// Parameters the form has fields for.
const FIELDS: [&str; 7] = ["text", "host", "check", "status", "severity", "collection", "rule"];

/// `GET /compliance/images`.
pub(super) async fn page(
    State(state): State<AppState>,
    reader: Reader,
    params: Result<Params, ApiError>,
) -> Page {
    let params = params?;
    let query = params.compliance()?;
    let links = Links::of(&params);
    let page = state.compliance.list(&query, reader.now).await?;
    let policy = state.compliance.policy().await?.policy;
    let is_ci = query.stored.deployed == Some(false);
    let total = text::number(page.total);
    let total = if page.is_exact { total } else { format!("{} of at most {total}", page.rows.len()) };
    let kept = FIELDS.iter().fold(links.clone(), |links, name| links.set(name, ""));
    let choices = |name: &str, all: &str, values: Vec<(String, String)>| choices(&links, name, all, values);
    let same = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>();
    let words = WANTED.map(|(word, status)| (word.to_owned(), Badge::of_standing(status).word.to_owned()));
    let collections = std::iter::once(fargard_policy::ALL.to_owned())
        .chain(policy.collections.into_iter().map(|each| each.name))
        .collect();
    let app_embedded = links.has("app_embedded", "true");
    render(&ImagesPage {
        frame: reader.frame(&*state.store, "Images", Section::Compliance).await?,
        tabs: Tabs(if is_ci { Tab::Ci } else { Tab::Deployed }),
        heading: if is_ci { "Images before deployment" } else { "Deployed images" },
        is_ci,
        total,
        none_yet: page.rows.is_empty() && links.pairs().iter().all(|(name, _)| name == "stage"),
        rows: page.rows.iter().map(|row| Row::new(row, reader.now)).collect(),
        first: query.stored.cursor.is_some().then(|| links.to("/compliance/images")),
        next: page.next.map(|cursor| links.with("cursor", &cursor).to("/compliance/images")),
        restricted: restricted(&links),
        app_embedded: (
            app_embedded,
            links.set("app_embedded", if app_embedded { "" } else { "true" }).to("/compliance/images"),
        ),
        text: text::line(links.value("text"), text::CELL),
        host: text::line(links.value("host"), text::CELL),
        check: text::line(links.value("check"), 12),
        statuses: choices("status", "Any status", words.into()),
        severities: choices(
            "severity",
            "Any severity",
            same(Priority::ALL[2..6].iter().map(|priority| priority.name().to_owned()).collect()),
        ),
        collections: choices("collection", "Any collection", same(collections)),
        rules: choices("rule", "Any rule", same(policy.rules.into_iter().map(|rule| rule.name).collect())),
        kept: kept.pairs().to_vec(),
        export: Export::new(&reader, "/api/v1/compliance/images", &links),
        server: reader.origin.clone(),
    })
}

fn choices(links: &Links, name: &str, all: &str, values: Vec<(String, String)>) -> Vec<Choice> {
    let chosen = links.value(name);
    std::iter::once((String::new(), all.to_owned()))
        .chain(values)
        .map(|(value, label)| Choice { chosen: value == chosen, label: text::line(&label, 80), value })
        .collect()
}

/// Restrictions in force: name, value, the link that takes it off.
fn restricted(links: &Links) -> Vec<(&'static str, String, String)> {
    let name = |key: &str| match key {
        "app_embedded" => Some("App-Embedded"),
        "host" => Some("Host"),
        "check" => Some("Compliance ID"),
        "cluster" => Some("Cluster"),
        "account" => Some("Account"),
        "family" => Some("Family"),
        "service" => Some("Service"),
        "image" => Some("Image"),
        "rule" => Some("Rule"),
        "collection" => Some("Collection"),
        "severity" => Some("Severity"),
        "status" => Some("Status"),
        "life" => Some("Task"),
        "text" => Some("Text"),
        _ => None,
    };
    let shown = |(key, value): &(String, String)| {
        let value_shown = if key == "app_embedded" { "Fargate tasks" } else { value.as_str() };
        let href = links.without(key, value).to("/compliance/images");
        Some((name(key)?, text::line(value_shown, text::CELL), href))
    };
    links.pairs().iter().filter_map(shown).collect()
}
