//! Task definitions.

use fargard_taskdef::{Issue, IssueCode, Severity, size};
use serde_json::{Map, Value, json};

use super::{
    answer::{Refusal, Reply},
    clusters::sorted,
    input::Input,
    paging,
    world::{Definition, World, put, seconds},
};

/// Largest definition ECS takes.
const MAX_BYTES: usize = 65_536;
/// What ECS writes into every container definition that does not say otherwise.
const CONTAINER_LISTS: [&str; 5] =
    ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"];

pub(super) fn register(world: &mut World, input: Input<'_>) -> Reply {
    let mut members = input.members().clone();
    members.remove("tags");
    members.retain(|_, member| !member.is_null());
    let text = Value::Object(members.clone()).to_string();
    if text.len() > MAX_BYTES {
        let length = text.len();
        let message = format!("Actual length: '{length}'. Max allowed length is '{MAX_BYTES}' bytes.");
        return Err(Refusal::client(message));
    }
    validate(&text)?;
    let family = input.required("family")?.to_owned();
    let revisions = world.families.get(&family);
    let revision = revisions.and_then(|known| known.keys().next_back()).map_or(1, |last| last + 1);
    let arn = world.arn(&format!("task-definition/{family}:{revision}"));
    world.tag(&arn, input)?;
    fill_in(&mut members);
    let registered_by = format!("arn:aws:iam::{}:user/lab", world.account);
    let status = json!({
        "taskDefinitionArn": arn,
        "revision": revision,
        "status": "ACTIVE",
        "registeredAt": seconds(world.now),
        "registeredBy": registered_by,
    });
    members.extend(status.as_object().cloned().unwrap_or_default());
    let definition = Definition { arn, described: members };
    let answer = json!({"taskDefinition": definition.described, "tags": world.tags_of(&definition.arn)});
    world.families.entry(family).or_default().insert(revision, definition);
    Ok(answer)
}

/// What ECS refuses at once, by Fargard's own reader of task definitions.
fn validate(text: &str) -> Result<(), Refusal> {
    let reading = fargard_taskdef::read(text.as_bytes()).map_err(|error| {
        let first = error.errors().next();
        Refusal::client(first.map_or_else(String::new, |issue| format!("{}: {}", issue.path, issue.message)))
    })?;
    if !reading.definition.requires_compatibilities.iter().any(|kind| kind == "FARGATE") {
        return Ok(());
    }
    let judged = reading.fargate_issues();
    // A size that Fargate does not have is worth a warning where tasks run locally; ECS refuses it.
    let refused = |issue: &&Issue| issue.severity == Severity::Error || issue.code == IssueCode::TaskSize;
    match judged.iter().find(refused) {
        Some(issue) => Err(Refusal::client(format!("{}: {}", issue.path, issue.message))),
        None => Ok(()),
    }
}

/// Adds what ECS adds to every description.
fn fill_in(members: &mut Map<String, Value>) {
    for container in
        members.get_mut("containerDefinitions").and_then(Value::as_array_mut).into_iter().flatten()
    {
        let Some(container) = container.as_object_mut() else { continue };
        container.retain(|_, member| !member.is_null());
        container.entry("cpu").or_insert(json!(0));
        container.entry("essential").or_insert(json!(true));
        for list in CONTAINER_LISTS {
            container.entry(list).or_insert(json!([]));
        }
        for port in container.get_mut("portMappings").and_then(Value::as_array_mut).into_iter().flatten() {
            let number = port.get("containerPort").cloned();
            let Some(port) = port.as_object_mut() else { continue };
            port.entry("protocol").or_insert(json!("tcp"));
            if let Some(number) = number {
                port.entry("hostPort").or_insert(number);
            }
        }
    }
    for list in ["volumes", "placementConstraints"] {
        members.entry(list).or_insert(json!([]));
    }
    // ECS answers MiB and CPU units, however they were written.
    let cpu = members.get("cpu").and_then(Value::as_str).and_then(size::cpu_units);
    let memory = members.get("memory").and_then(Value::as_str).and_then(size::memory_mib);
    for (name, number) in [("cpu", cpu), ("memory", memory)] {
        if let Some(number) = number {
            members.insert(name.to_owned(), json!(number.to_string()));
        }
    }
    let wanted = members.get("requiresCompatibilities").cloned().unwrap_or_default();
    let fargate = wanted.as_array().is_some_and(|kinds| kinds.contains(&json!("FARGATE")));
    members.insert(
        "compatibilities".to_owned(),
        if fargate { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) },
    );
    let attributes = json!([{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}]);
    members.insert("requiresAttributes".to_owned(), attributes);
}

impl World {
    /// The definition that a name means: an ARN, `family:revision`, or the latest active one of a family.
    pub(super) fn definition(&self, name: &str) -> Option<&Definition> {
        let name = name.split_once(":task-definition/").map_or(name, |(_, rest)| rest);
        match name.split_once(':') {
            Some((family, revision)) => self.families.get(family)?.get(&revision.parse().ok()?),
            None => self.families.get(name)?.values().rev().find(|known| known.is_active()),
        }
    }

    fn named(&self, input: Input<'_>) -> Result<Definition, Refusal> {
        let name = input.required("taskDefinition")?;
        self.definition(name).cloned().ok_or_else(|| Refusal::client("Unable to describe task definition."))
    }
}

impl Definition {
    pub(super) fn is_active(&self) -> bool {
        self.described.get("status").and_then(Value::as_str) == Some("ACTIVE")
    }

    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.described.get(member).and_then(Value::as_str)
    }
}

pub(super) fn describe(world: &World, input: Input<'_>) -> Reply {
    let definition = world.named(input)?;
    let mut answer = json!({"taskDefinition": definition.described});
    put(&mut answer, "tags", input.includes("TAGS").then(|| world.tags_of(&definition.arn)));
    Ok(answer)
}

pub(super) fn deregister(world: &mut World, input: Input<'_>) -> Reply {
    let arn = world.named(input)?.arn;
    let now = seconds(world.now);
    let all = world.families.values_mut().flat_map(|revisions| revisions.values_mut());
    let Some(definition) = all.into_iter().find(|known| known.arn == arn) else {
        return Err(Refusal::client("Unable to describe task definition."));
    };
    definition.described.insert("status".to_owned(), json!("INACTIVE"));
    definition.described.insert("deregisteredAt".to_owned(), json!(now));
    Ok(json!({"taskDefinition": definition.described}))
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let wanted = input.text("status").unwrap_or("ACTIVE");
    let mut all: Vec<(String, u64, String)> = Vec::new();
    for (family, revisions) in &world.families {
        if input.text("familyPrefix").is_some_and(|prefix| family != prefix && !family.starts_with(prefix)) {
            continue;
        }
        let known = revisions.iter().filter(|(_, known)| known.text("status") == Some(wanted));
        all.extend(known.map(|(revision, known)| (family.clone(), *revision, known.arn.clone())));
    }
    // Revisions in their own order, ten after nine.
    let (part, token) =
        paging::slice(input, &all, |(family, revision, _)| format!("{family}\u{0}{revision:010}"))?;
    let arns: Vec<String> = part.into_iter().map(|(.., arn)| arn).collect();
    Ok(paging::with_token(json!({"taskDefinitionArns": arns}), token))
}

pub(super) fn list_families(world: &World, input: Input<'_>) -> Reply {
    let prefix = input.text("familyPrefix").unwrap_or_default();
    let wanted = input.text("status").unwrap_or("ALL");
    let families = world.families.iter().filter(|(family, revisions)| {
        let active = revisions.values().any(Definition::is_active);
        family.starts_with(prefix) && (wanted == "ALL" || active == (wanted == "ACTIVE"))
    });
    let names = families.map(|(family, _)| family.clone()).collect();
    paging::page(input, "families", &sorted(names))
}
