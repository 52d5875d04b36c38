//! The rules that come with the server, with the open findings of each.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use fargard_model::Trap;
use fargard_rules::Rule;
use fargard_store::FindingQuery;

use super::{
    badge::Badge,
    condition::{Piece, pieces},
    facet::tag_label,
    failed::{Page, render},
    frame::{Frame, Reader, Section},
    links, text,
};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    frame: Frame,
    rules: Vec<RuleView>,
    calls: Vec<CallNeed>,
}

struct RuleView {
    /// Anchor on the page.
    anchor: String,
    name: String,
    severity: Badge,
    source: &'static str,
    enabled: bool,
    description: String,
    condition: Vec<Piece>,
    output: String,
    tags: Vec<(String, String)>,
    open: u64,
    findings_href: String,
}

/// A class of calls that is observed, and how many rules need it.
struct CallNeed {
    name: String,
    rules: usize,
}

/// `GET /rules`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader) -> Page {
    let query =
        FindingQuery { states: vec![fargard_model::FindingState::Open], limit: 1, ..FindingQuery::default() };
    let counts = state.store.facets(&query).await?.remove("title").unwrap_or_default();
    let frame = reader.frame(&*state.store, "Rules", Section::Rules).await?;
    render(&RulesPage { frame, rules: views(state.rules.rules(), &counts), calls: calls(&state.rules) })
}

fn calls(ruleset: &fargard_rules::Ruleset) -> Vec<CallNeed> {
    ruleset.traps().iter().map(|(trap, who)| CallNeed { name: trap_name(trap), rules: who.len() }).collect()
}

/// The name on the wire, as `open_write`.
fn trap_name(trap: Trap) -> String {
    match serde_json::to_value(trap) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{trap:?}"),
    }
}

fn views(rules: &[Rule], counts: &BTreeMap<String, u64>) -> Vec<RuleView> {
    let mut views: Vec<(fargard_model::Priority, RuleView)> = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| (rule.priority, RuleView::new(index, rule, counts)))
        .collect();
    views.sort_by(|(one, view), (other, other_view)| {
        one.cmp(other).then_with(|| view.name.cmp(&other_view.name))
    });
    views.into_iter().map(|(_, view)| view).collect()
}

impl RuleView {
    fn new(index: usize, rule: &Rule, counts: &BTreeMap<String, u64>) -> Self {
        let tag = |tag: &String| {
            (tag_label(tag), links::link("/findings", &[("state", "open"), ("tag", tag.as_str())]))
        };
        Self {
            anchor: format!("rule-{index}"),
            name: text::line(&rule.name, text::CELL),
            severity: Badge::of_priority(rule.priority),
            source: rule.source.name(),
            enabled: rule.enabled,
            description: text::block(&rule.description, text::LONG),
            condition: pieces(&text::block(rule.condition.trim(), text::BLOCK), &BTreeMap::new()),
            output: text::block(&rule.output, text::LONG),
            tags: rule.tags.iter().map(tag).collect(),
            open: counts.get(&rule.name).copied().unwrap_or(0),
            findings_href: links::link("/findings", &[("state", "open"), ("title", &rule.name)]),
        }
    }
}
