//! What embedding would make of a registered task definition.

use fargard_aws::ecs::Tag;
use fargard_taskdef::embed::{self, ImageLookup, Outcome, Settings};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Members that DescribeTaskDefinition gives and RegisterTaskDefinition refuses.
const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];
/// Tags that the agent sets at what it registers begin so.
const OWN: &str = "fargard:";
/// The tag that names the source and the settings of a registered revision.
pub(crate) const IDENTITY: &str = "fargard:identity";
/// The tag that names the revision it was made of.
const SOURCE: &str = "fargard:source";
/// Most tags of a resource.
const MAX_TAGS: usize = 50;

/// A task definition with the sensor, to be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// As registered now, for a diff; without what RegisterTaskDefinition refuses.
    pub before: String,
    /// With the sensor.
    pub after: String,
    /// RegisterTaskDefinition's input: `after` with the agent's tags.
    pub input: Value,
    /// What was done with each container.
    pub notes: Vec<String>,
}

/// What embedding makes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Assessment {
    /// It has the sensor.
    Protected,
    /// It could have the sensor, or a newer one.
    Candidate(Box<Candidate>),
    /// It is left as it is.
    LeftAlone {
        /// Whether nothing is missing by that.
        intended: bool,
        /// Embedding's code, and its reason.
        reason: String,
    },
    /// Nobody understands it.
    Unreadable(String),
}

/// A definition, assessed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assessed {
    /// Source and settings in one: the same for the source and for what was made of it.
    pub(crate) identity: String,
    pub(crate) assessment: Assessment,
}

/// The tags in DescribeTaskDefinition's answer.
pub(crate) fn tags(answer: &Value) -> Vec<Tag> {
    let tags = answer.get("tags").cloned().unwrap_or_default();
    serde_json::from_value(tags).unwrap_or_default()
}

/// What embedding would make of DescribeTaskDefinition's answer, `{"taskDefinition": ..., "tags": [...]}`.
#[must_use]
pub fn assess(answer: &Value, settings: &Settings, lookup: &dyn ImageLookup) -> Assessment {
    examine(answer, settings, lookup).assessment
}

pub(crate) fn examine(answer: &Value, settings: &Settings, lookup: &dyn ImageLookup) -> Assessed {
    let arn = answer.pointer("/taskDefinition/taskDefinitionArn").and_then(Value::as_str).unwrap_or_default();
    let unreadable =
        |reason: String| Assessed { identity: hash(arn), assessment: Assessment::Unreadable(reason) };
    let Some(input) = register_form(answer) else {
        return unreadable("the answer has no taskDefinition".to_owned());
    };
    let before = format!("{:#}\n", Value::Object(input));
    let source = match embed::undo(&before) {
        Ok(source) => source,
        Err(error) => return unreadable(format!("the sensor in it cannot be taken out: {error}")),
    };
    let parsed: Value = serde_json::from_str(&source).unwrap_or_default();
    let identity = hash(&format!("{}\n{}", canonical(&parsed), fingerprint(settings)));
    let ours = tags(answer).into_iter().find(|tag| tag.key == IDENTITY).map(|tag| tag.value);
    // Others put the sensor in with settings of their own, which stay.
    let current = source != before && ours.is_none_or(|ours| ours == identity);
    let assessment =
        if current { Assessment::Protected } else { judge(before, settings, lookup, &identity, arn) };
    Assessed { identity, assessment }
}

/// The settings that change what is registered, in a form that stays the same from version to version: another one
/// would roll out every service again.
fn fingerprint(settings: &Settings) -> String {
    let Settings {
        sensor_image,
        mode,
        server,
        token,
        variables,
        include,
        exclude,
        only_labelled,
        assume_fargate,
        pin,
        ..
    } = settings;
    json!([
        1,
        sensor_image,
        mode,
        server,
        token,
        variables,
        include,
        exclude,
        only_labelled,
        assume_fargate,
        pin
    ])
    .to_string()
}

fn judge(
    before: String,
    settings: &Settings,
    lookup: &dyn ImageLookup,
    identity: &str,
    arn: &str,
) -> Assessment {
    let embedding = match embed::embed(&before, settings, lookup) {
        Ok(embedding) => embedding,
        Err(error) => return Assessment::Unreadable(error.to_string()),
    };
    let Some(task) = embedding.tasks.first() else {
        return Assessment::Unreadable("there is no task definition in it".to_owned());
    };
    let mut notes = Vec::new();
    let (mut skipped, mut intended) = (Vec::new(), true);
    for container in &task.containers {
        match &container.outcome {
            Outcome::Wrap { reason } => notes.push(format!("{}: wrap: {reason}", container.name)),
            Outcome::Attach { reason } => notes.push(format!("{}: attach: {reason}", container.name)),
            Outcome::Skip(skip) => {
                intended &= skip.code.is_intended();
                skipped.push(format!("{}: {}: {}", container.name, skip.code, skip.reason));
            }
        }
    }
    if task.mode.is_none() {
        let whole = task.skip.as_ref().map(|skip| format!("{}: {}", skip.code, skip.reason));
        let intended = task.skip.as_ref().map_or(intended, |skip| skip.code.is_intended());
        return Assessment::LeftAlone { intended, reason: whole.unwrap_or_else(|| skipped.join("; ")) };
    }
    let Ok(mut input) = serde_json::from_str::<Value>(&embedding.text) else {
        return Assessment::Unreadable("what embedding makes of it is not JSON".to_owned());
    };
    mark(&mut input, identity, arn);
    notes.extend(skipped);
    notes.extend(task.notes.iter().cloned());
    Assessment::Candidate(Box::new(Candidate { before, after: embedding.text, input, notes }))
}

/// RegisterTaskDefinition's input that gives the same definition, without the agent's and AWS's own tags.
fn register_form(answer: &Value) -> Option<Map<String, Value>> {
    let mut members = answer.get("taskDefinition")?.as_object()?.clone();
    members.retain(|name, member| !member.is_null() && !READ_ONLY.contains(&name.as_str()));
    let mut tags = tags(answer);
    tags.retain(|tag| !tag.key.starts_with("aws:") && !tag.key.starts_with(OWN));
    if !tags.is_empty() {
        members.insert("tags".to_owned(), json!(tags));
    }
    Some(members)
}

/// Adds the agent's tags, where there is room.
fn mark(input: &mut Value, identity: &str, source: &str) {
    let Some(members) = input.as_object_mut() else { return };
    let tags = members.entry("tags").or_insert_with(|| json!([]));
    if let Some(tags) = tags.as_array_mut().filter(|tags| tags.len() + 2 <= MAX_TAGS) {
        tags.push(json!({"key": IDENTITY, "value": identity}));
        tags.push(json!({"key": SOURCE, "value": source}));
    }
}

/// JSON with members in order, so that the same value has the same text.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<(&String, &Value)> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            let texts: Vec<String> =
                names.into_iter().map(|(name, member)| format!("{name:?}:{}", canonical(member))).collect();
            format!("{{{}}}", texts.join(","))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// 32 hexadecimal digits.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
