//! From Prisma's JSON.

use serde::Deserialize;

use crate::{ALL, Collection, Effect, FIELDS, Field, Policy, Rule, Stage, file::Section, policy::everything};

/// What a document says.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its collections and rules; nothing else.
    pub policy: Policy,
    /// What it has.
    pub sections: Vec<Section>,
    /// Whom its rules are for; `None` for a document of collections.
    pub stage: Option<Stage>,
    /// What was left out, and why that makes no difference here.
    pub notes: Vec<String>,
}

/// A collection as Prisma writes it. Other members (owner, time of change, ...) say nothing of its scope.
#[derive(Deserialize)]
struct PrismaCollection {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    hosts: Option<Vec<String>>,
    #[serde(default)]
    images: Option<Vec<String>>,
    #[serde(default)]
    containers: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<Vec<String>>,
    #[serde(default)]
    namespaces: Option<Vec<String>>,
    #[serde(default)]
    clusters: Option<Vec<String>>,
    #[serde(rename = "accountIDs", default)]
    accounts: Option<Vec<String>>,
    #[serde(rename = "appIDs", default)]
    app_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct PrismaPolicy {
    #[serde(rename = "_id", default)]
    id: String,
    #[serde(rename = "policyType", default)]
    policy_type: String,
    #[serde(default)]
    rules: Option<Vec<PrismaRule>>,
}

#[derive(Deserialize)]
struct PrismaRule {
    name: String,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    effect: String,
    #[serde(default)]
    collections: Option<Vec<PrismaCollection>>,
    #[serde(default)]
    condition: PrismaCondition,
}

#[derive(Default, Deserialize)]
struct PrismaCondition {
    #[serde(default)]
    vulnerabilities: Option<Vec<PrismaCheck>>,
}

#[derive(Deserialize)]
struct PrismaCheck {
    id: u32,
    #[serde(default)]
    block: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Collections(Vec<PrismaCollection>),
    Policy(PrismaPolicy),
}

/// Reads a list of collections, or a compliance policy for deployed containers or for images in CI.
///
/// # Errors
/// It is not JSON, or none of these documents. Whether the policy can be used is told by [`Policy::problems`].
pub fn read(text: &str) -> Result<Imported, String> {
    // First as JSON alone, so that a mistake in it has its place in the message.
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let document: Document = serde_json::from_value(value).map_err(|_| {
        "neither a list of collections nor a policy with rules, as Prisma Cloud Compute's API gives them"
            .to_owned()
    })?;
    let mut imported =
        Imported { policy: Policy::default(), sections: Vec::new(), stage: None, notes: Vec::new() };
    match document {
        Document::Collections(collections) => {
            imported.sections.push(Section::Collections);
            for collection in collections {
                imported.collection(collection);
            }
        }
        Document::Policy(policy) => imported.rules(policy)?,
    }
    Ok(imported)
}

impl Imported {
    fn rules(&mut self, policy: PrismaPolicy) -> Result<(), String> {
        let kind = if policy.policy_type.is_empty() { &policy.id } else { &policy.policy_type };
        let stage = match kind.as_str() {
            "containerCompliance" => Stage::Deployed,
            "ciImagesCompliance" => Stage::Ci,
            other => {
                let other: String = other.chars().take(60).collect();
                return Err(format!(
                    "a policy of type {other:?} is not for containers: use containerCompliance or ciImagesCompliance"
                ));
            }
        };
        self.stage = Some(stage);
        self.sections.extend([Section::Collections, Section::Rules]);
        for rule in policy.rules.unwrap_or_default() {
            let rule = self.rule(rule, stage);
            self.policy.rules.push(rule);
        }
        Ok(())
    }

    fn rule(&mut self, from: PrismaRule, stage: Stage) -> Rule {
        let mut rule = Rule { notes: from.notes, disabled: from.disabled, stage, ..Rule::new(from.name) };
        let collections = from.collections.unwrap_or_default();
        if !collections.is_empty() {
            rule.collections =
                collections.into_iter().map(|collection| self.collection(collection)).collect();
        }
        let ignores = from.effect.trim() == "ignore";
        for check in from.condition.vulnerabilities.unwrap_or_default() {
            let effect = match (ignores, check.block, stage) {
                (true, ..) => Effect::Ignore,
                (false, false, _) => Effect::Alert,
                (false, true, Stage::Ci) => Effect::Fail,
                (false, true, _) => Effect::Block,
            };
            rule.checks.insert(check.id, effect);
        }
        rule
    }

    /// Takes a collection over; its name.
    fn collection(&mut self, from: PrismaCollection) -> String {
        let name = from.name.clone();
        let mut new =
            Collection { description: from.description, color: from.color, ..Collection::new(from.name) };
        for (field, patterns) in [
            (Field::Hosts, from.hosts),
            (Field::Images, from.images),
            (Field::Containers, from.containers),
            (Field::Labels, from.labels),
            (Field::Namespaces, from.namespaces),
            (Field::Clusters, from.clusters),
            (Field::Accounts, from.accounts),
            (Field::AppIds, from.app_ids),
        ] {
            // As Prisma reads it: no patterns and a star among them are both everything.
            let patterns = patterns.unwrap_or_default();
            let restricts = !patterns.is_empty() && !patterns.iter().any(|pattern| pattern == "*");
            let excludes = patterns.iter().any(|pattern| pattern.starts_with('-'));
            *new.patterns_mut(field) = if restricts || excludes { patterns } else { everything() };
        }
        if name == ALL && FIELDS.into_iter().all(|field| !new.restricts(field)) {
            return name;
        }
        match self.policy.collections.iter().find(|old| old.name == new.name) {
            Some(old) if *old != new => self
                .notes
                .push(format!("collection {name:?} is there twice and not the same; the first one is taken")),
            Some(_) => {}
            None => self.policy.collections.push(new),
        }
        name
    }
}
