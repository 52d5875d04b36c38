//! The rules in their order, and the form to make and change one.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use fargard_policy::{ALL, Effect, Policy, Rule, Stage};
use fargard_scan::all_checks;

use super::{
    Tab, Tabs,
    form::{self, Fields, Outcome, Sent},
};
use crate::{
    compliance::Current,
    console::{
        badge::Badge,
        failed::{Page, PageError, render},
        frame::{Frame, Reader, Section},
        links, text,
    },
    error::ApiError,
    query::Params,
    state::AppState,
};

const PAGE: &str = "/compliance/rules";

#[derive(Template)]
#[template(path = "compliance_rules.html")]
struct RulesPage {
    frame: Frame,
    tabs: Tabs,
    revision: u64,
    provenance: String,
    done: bool,
    problems: Vec<String>,
    rules: Vec<RuleView>,
    default: Vec<(&'static str, bool)>,
    form: Option<RuleForm>,
}

struct RuleView {
    number: usize,
    name: String,
    original: String,
    disabled: bool,
    stage: &'static str,
    collections: Vec<(String, String)>,
    /// Effect, and numbers of its checks.
    effects: Vec<(&'static str, String)>,
    others: &'static str,
    notes: String,
    applies: u64,
    edit_href: String,
    images_href: String,
}

/// A rule as it is edited.
struct RuleForm {
    /// Name of the rule that is changed; empty for a new one.
    original: String,
    heading: String,
    name: String,
    notes: String,
    stages: Vec<(&'static str, &'static str, bool)>,
    collections: Vec<(String, bool)>,
    checks: Vec<CheckChoice>,
    others: Vec<(&'static str, bool)>,
    more: String,
}

struct CheckChoice {
    number: u32,
    title: &'static str,
    severity: Option<Badge>,
    effects: Vec<(&'static str, bool)>,
}

impl RuleView {
    fn new(number: usize, rule: &Rule, applies: &BTreeMap<String, u64>) -> Self {
        let with = |effect: Effect| {
            let numbers: Vec<String> = rule
                .checks
                .iter()
                .filter(|(_, each)| **each == effect)
                .map(|(check, _)| check.to_string())
                .collect();
            (!numbers.is_empty()).then(|| (effect.name(), text::line(&numbers.join(", "), text::CELL)))
        };
        Self {
            number: number + 1,
            name: text::line(&rule.name, text::CELL),
            original: rule.name.clone(),
            disabled: rule.disabled,
            stage: stage_label(rule.stage),
            collections: rule
                .collections
                .iter()
                .map(|name| (text::line(name, 80), links::link("/compliance/collections", &[("edit", name)])))
                .collect(),
            effects: [Effect::Block, Effect::Fail, Effect::Alert, Effect::Ignore]
                .into_iter()
                .filter_map(with)
                .collect(),
            others: rule.others.name(),
            notes: text::line(&rule.notes, text::CELL),
            applies: applies.get(&rule.name).copied().unwrap_or(0),
            edit_href: format!("{}#form", links::link(PAGE, &[("edit", &rule.name)])),
            images_href: links::link("/compliance/images", &[("rule", &rule.name)]),
        }
    }
}

fn stage_label(stage: Stage) -> &'static str {
    match stage {
        Stage::Any => "Deployed and before deployment",
        Stage::Ci => "Before deployment only",
        Stage::Deployed => "Deployed only",
    }
}

impl RuleForm {
    fn new(rule: &Rule, original: &str, policy: &Policy) -> Self {
        let chosen = |effect: Option<Effect>| {
            Effect::ALL.iter().map(|each| (each.name(), effect == Some(*each))).collect::<Vec<_>>()
        };
        let known: BTreeSet<u32> = all_checks().map(|check| check.number).collect();
        let numbers: BTreeSet<u32> = known.iter().chain(rule.checks.keys()).copied().collect();
        let check = |number: u32| {
            let info = all_checks().find(|check| check.number == number);
            CheckChoice {
                number,
                title: info.map_or("", |info| info.title),
                severity: info.map(|info| Badge::of_priority(info.severity)),
                effects: chosen(rule.checks.get(&number).copied()),
            }
        };
        let names = std::iter::once(ALL.to_owned())
            .chain(policy.collections.iter().map(|each| each.name.clone()).filter(|name| name != ALL));
        Self {
            original: original.to_owned(),
            heading: match original {
                "" => "New rule".to_owned(),
                name => format!("Change rule “{}”", text::line(name, 80)),
            },
            name: rule.name.clone(),
            notes: rule.notes.clone(),
            stages: Stage::ALL.map(|stage| (stage.name(), stage_label(stage), stage == rule.stage)).into(),
            collections: names.map(|name| (name.clone(), rule.collections.contains(&name))).collect(),
            checks: numbers.into_iter().map(check).collect(),
            others: chosen(Some(rule.others)),
            more: String::new(),
        }
    }
}

/// `GET /compliance/rules`; `edit` names the rule that is changed, `new` asks for an empty form.
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
    let rule = current.policy.rules.iter().find(|rule| rule.name == edit);
    let form = match rule {
        Some(rule) => Some(RuleForm::new(rule, &edit, &current.policy)),
        None if is_new => Some(RuleForm::new(&Rule::new(""), "", &current.policy)),
        None => None,
    };
    show(&state, &reader, &current, form, Vec::new(), done).await
}

async fn show(
    state: &AppState,
    reader: &Reader,
    current: &Current,
    form: Option<RuleForm>,
    problems: Vec<String>,
    done: bool,
) -> Page {
    let summary = state.compliance.summary(reader.now).await?;
    let rules = current.policy.rules.iter().enumerate();
    render(&RulesPage {
        frame: reader.frame(&*state.store, "Compliance rules", Section::Compliance).await?,
        tabs: Tabs(Tab::Rules),
        revision: current.revision,
        provenance: form::provenance(current),
        done,
        problems,
        rules: rules.map(|(number, rule)| RuleView::new(number, rule, &summary.by_rule)).collect(),
        default: [Effect::Ignore, Effect::Alert, Effect::Fail]
            .map(|effect| (effect.name(), effect == current.policy.default))
            .into(),
        form,
    })
}

/// `POST /compliance/rules`.
pub(super) async fn change(
    State(state): State<AppState>,
    reader: Reader,
    sent: Sent,
) -> Result<Response, PageError> {
    let fields = Fields::of(sent)?;
    let mut current = state.compliance.policy().await?;
    let original = fields.value("original");
    let at = current.policy.rules.iter().position(|rule| rule.name == original);
    let action = fields.value("action");
    let mut policy = current.policy.clone();
    let mut form = None;
    match action {
        "save" => {
            let disabled = at.and_then(|at| policy.rules.get(at)).is_some_and(|rule| rule.disabled);
            let rule = Rule { disabled, ..rule_of(&fields)? };
            let mut edited = RuleForm::new(&rule, original, &policy);
            fields.value("more").clone_into(&mut edited.more);
            form = Some(edited);
            form::put(&mut policy.rules, at, rule);
        }
        "default" => policy.default = effect("default", fields.value("default"))?,
        "enable" | "disable" => {
            if let Some(rule) = at.and_then(|at| policy.rules.get_mut(at)) {
                rule.disabled = action == "disable";
            }
        }
        other => form::rearrange(&mut policy.rules, at, other)
            .ok_or_else(|| PageError::bad_request("The form asks for nothing that is known."))?,
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

fn effect(what: &str, word: &str) -> Result<Effect, PageError> {
    word.parse().map_err(|error| PageError::bad_request(format!("{what}: {error}")))
}

/// The rule that a form describes. A check without an effect of its own has that of the others.
fn rule_of(fields: &Fields) -> Result<Rule, PageError> {
    let mut rule = Rule::new(fields.value("name"));
    fields.value("notes").clone_into(&mut rule.notes);
    rule.stage =
        fields.value("stage").parse().map_err(|error| PageError::bad_request(format!("stage: {error}")))?;
    rule.collections = fields.values("collection");
    rule.others = effect("others", fields.value("others"))?;
    for (number, word) in fields.beginning("check-").filter(|(_, word)| !word.is_empty()) {
        let number = number.parse().map_err(|_| PageError::bad_request("A check has no number."))?;
        rule.checks.insert(number, effect(&format!("check {number}"), word)?);
    }
    // `9000=alert, 9001=fail` for checks that this build does not know.
    for part in fields.value("more").split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let read = part.split_once('=').and_then(|(number, word)| {
            Some((number.trim().parse::<u32>().ok()?, word.trim().parse::<Effect>().ok()?))
        });
        let (number, effect) = read.ok_or_else(|| {
            let part = text::line(part, 40);
            PageError::bad_request(format!("{part:?} is not a check and its effect, as 9000=alert"))
        })?;
        rule.checks.insert(number, effect);
    }
    Ok(rule)
}
