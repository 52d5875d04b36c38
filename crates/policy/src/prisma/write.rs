//! To Prisma's JSON.

use serde_json::{Value, json};

use super::policy_type;
use crate::{ALL, Collection, Effect, Field, Policy, Rule, Stage};

/// Colour of collections that have none.
const COLOR: &str = "#68A1D2";

/// The collections as Prisma's list.
///
/// # Errors
/// Collections that Prisma cannot express, each with the reason.
pub fn collections(policy: &Policy) -> Result<Value, Vec<String>> {
    let refused: Vec<String> = policy.collections.iter().filter_map(refusal).collect();
    if refused.is_empty() {
        Ok(Value::Array(policy.collections.iter().map(collection).collect()))
    } else {
        Err(refused)
    }
}

fn refusal(collection: &Collection) -> Option<String> {
    collection.restricts(Field::Services).then(|| {
        format!(
            "collection {:?} restricts services, which Prisma's collections do not have: without that it would hold more",
            collection.name
        )
    })
}

fn collection(collection: &Collection) -> Value {
    let color = if collection.color.is_empty() { COLOR } else { &collection.color };
    json!({
        "name": collection.name,
        "description": collection.description,
        "color": color,
        "hosts": collection.hosts,
        "images": collection.images,
        "containers": collection.containers,
        "labels": collection.labels,
        "namespaces": collection.namespaces,
        "clusters": collection.clusters,
        "accountIDs": collection.accounts,
        "appIDs": collection.app_ids,
        "functions": ["*"],
        "codeRepos": ["*"],
        "system": collection.name == ALL,
        "prisma": false,
    })
}

/// The rules for a stage as Prisma's policy, with notes on what it does not say. Prisma lists the checks that have an
/// effect, so an effect on all others needs to know which there are.
///
/// # Errors
/// As [`collections`].
pub fn rules(policy: &Policy, stage: Stage, checks: &[u32]) -> Result<(Value, Vec<String>), Vec<String>> {
    collections(policy)?;
    let mut notes = Vec::new();
    let is_for = |rule: &&Rule| rule.stage == Stage::Any || rule.stage == stage;
    let mut written: Vec<Value> = policy
        .rules
        .iter()
        .filter(is_for)
        .map(|each| rule(policy, each, stage, checks, &mut notes))
        .collect();
    if policy.default != Effect::Ignore {
        // Where no rule applies, Prisma does nothing.
        let last = Rule { others: policy.default, ..Rule::new("Default") };
        written.push(rule(policy, &last, stage, checks, &mut notes));
    }
    for exception in &policy.exceptions {
        notes.push(format!("exception {:?} is left out: Prisma has none for checks", exception.name));
    }
    let kind = policy_type(stage);
    Ok((json!({"_id": kind, "policyType": kind, "rules": written}), notes))
}

fn rule(policy: &Policy, rule: &Rule, stage: Stage, checks: &[u32], notes: &mut Vec<String>) -> Value {
    let mut effects = rule.checks.clone();
    if rule.others != Effect::Ignore {
        for check in checks {
            effects.entry(*check).or_insert(rule.others);
        }
        let (name, others) = (&rule.name, rule.others.name());
        notes
            .push(format!("rule {name:?}: {others} on all other checks becomes a list of those known today"));
    }
    let fails = |effect: &Effect| matches!(effect, Effect::Fail | Effect::Block);
    if stage != Stage::Ci && effects.values().any(fails) {
        notes.push(format!("rule {:?}: fail becomes alert, as it counts for deployed containers", rule.name));
    }
    let blocks = |effect: &Effect| stage == Stage::Ci && fails(effect);
    let listed: Vec<Value> = effects
        .iter()
        .filter(|(_, effect)| **effect != Effect::Ignore)
        .map(|(check, effect)| json!({"id": check, "block": blocks(effect)}))
        .collect();
    let word = match (listed.is_empty(), effects.values().any(blocks)) {
        (true, _) => "ignore",
        (false, false) => "alert",
        (false, true) => "alert, block",
    };
    let scopes: Vec<Value> = rule
        .collections
        .iter()
        .filter_map(|name| match policy.collection(name) {
            Some(found) => Some(collection(found)),
            None if name == ALL => Some(collection(&Collection::new(ALL))),
            None => None,
        })
        .collect();
    json!({
        "name": rule.name,
        "notes": rule.notes,
        "disabled": rule.disabled,
        "effect": word,
        "collections": scopes,
        "condition": {"readonly": false, "device": "", "vulnerabilities": listed},
        "allCompliance": false,
        "verbose": false,
    })
}
