//! `fargard embed terraform`: what the Terraform module in `deploy/terraform` calls. The protocol is that of Terraform's
//! data source `external`: a JSON object of strings on standard input, one on standard output, and for an error a
//! message on standard error with an exit code other than 0.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use fargard_model::bounded;
use fargard_taskdef::{
    embed::{self, Outcome, TaskReport},
    json::{self, MAX_BYTES, Node},
};
use serde_json::{Value, json};

use super::{ImageArgs, SensorArgs};
use crate::failure::BadInput;

/// Role that stands for one whose ARN Terraform may not know yet.
const SOME_ROLE: &str = "arn:aws:iam::000000000000:role/execution";
/// Members of the query but `container_definitions`, and what they are in a task definition.
const MEMBERS: [(&str, &str); 4] =
    [("cpu", "cpu"), ("memory", "memory"), ("network_mode", "networkMode"), ("pid_mode", "pidMode")];

/// Arguments of `fargard embed terraform`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Called by the module in deploy/terraform. The query has container_definitions (JSON, as jsonencode \
writes it) and may have cpu, memory, network_mode, pid_mode, requires_compatibilities, cpu_architecture, \
operating_system_family and has_execution_role, all strings; empty ones count as absent. The result has \
container_definitions and pid_mode for aws_ecs_task_definition, and report.\n\n\
Example:\n  echo '{\"container_definitions\": \"[...]\"}' | fargard embed terraform --sensor-image IMAGE \
--image-source registry"
)]
pub(super) struct Args {
    #[command(flatten)]
    sensor: SensorArgs,
    #[command(flatten)]
    images: ImageArgs,
    /// Fail when something stays without the sensor although it should have it
    #[arg(long)]
    require: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let bytes = bounded::read_from(io::stdin().lock(), 2 * MAX_BYTES)
        .map_err(|error| BadInput::because(format!("the query: {error}")))?;
    let query: BTreeMap<String, String> = serde_json::from_slice(&bytes)
        .map_err(|error| BadInput::because(format!("the query is no JSON object of strings: {error}")))?;
    let definition = definition(query).map_err(BadInput::because)?;
    let settings = args.sensor.settings(true)?;
    let images = args.images.open()?;
    let done = embed::embed(&definition, &settings, &images)
        .map_err(|error| BadInput::because(format!("the task definition: {}", error.message)))?;
    let unprotected: Vec<String> = done.tasks.iter().flat_map(unprotected).collect();
    if args.require && !unprotected.is_empty() {
        let reason = format!(
            "would stay unprotected: {}. Label a container fargard.mode = \"off\" to leave it out",
            unprotected.join("; ")
        );
        return Err(BadInput::because(reason).into());
    }
    let answer = answer(&done.text, &done.tasks, &unprotected).context("the result cannot be read")?;
    images.write_lock().context("cannot keep what images are")?;
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}

/// A whole task definition of what the query says, so that everything the engine knows of one counts.
fn definition(mut query: BTreeMap<String, String>) -> Result<String, String> {
    query.retain(|_, value| !value.is_empty());
    let containers = query.remove("container_definitions").ok_or("the query has no container_definitions")?;
    let read = json::parse(&containers)
        .map_err(|error| format!("container_definitions:{}: not JSON: {}", error.at, error.reason))?;
    if !matches!(read.value, json::Value::List(_)) {
        return Err(format!("container_definitions is {}, not a list", read.value.kind()));
    }
    let mut members = serde_json::Map::new();
    for (name, member) in MEMBERS {
        if let Some(value) = query.remove(name) {
            members.insert(member.to_owned(), value.into());
        }
    }
    let compatibilities = query.remove("requires_compatibilities").unwrap_or_else(|| "FARGATE".to_owned());
    let compatibilities: Vec<&str> = compatibilities.split(',').map(str::trim).collect();
    members.insert("requiresCompatibilities".to_owned(), json!(compatibilities));
    let mut platform = serde_json::Map::new();
    for (name, member) in
        [("cpu_architecture", "cpuArchitecture"), ("operating_system_family", "operatingSystemFamily")]
    {
        if let Some(value) = query.remove(name) {
            platform.insert(member.to_owned(), value.into());
        }
    }
    if !platform.is_empty() {
        members.insert("runtimePlatform".to_owned(), platform.into());
    }
    match query.remove("has_execution_role").as_deref() {
        Some("true") => drop(members.insert("executionRoleArn".to_owned(), SOME_ROLE.into())),
        Some("false") | None => {}
        Some(other) => return Err(format!("has_execution_role is {other:?}, neither true nor false")),
    }
    if let Some(name) = query.keys().next() {
        return Err(format!("the query has {name:?}, which is not known here"));
    }
    members.insert("family".to_owned(), "terraform".into());
    let others = Value::Object(members).to_string();
    let others = others.strip_suffix('}').unwrap_or_default();
    Ok(format!("{others},\"containerDefinitions\":{containers}}}"))
}

/// The result: the list of containers as it now is, and what of the task itself changed.
fn answer(text: &str, tasks: &[TaskReport], unprotected: &[String]) -> anyhow::Result<Value> {
    let root = json::parse(text).map_err(|error| anyhow::anyhow!("{}: {}", error.at, error.reason))?;
    let containers = root.get("containerDefinitions").and_then(|list| text.get(list.span.clone()));
    Ok(json!({
        "container_definitions": containers.context("it has no containers")?,
        "pid_mode": root.get("pidMode").and_then(Node::text).unwrap_or_default(),
        "unprotected": unprotected.join("; "),
        "report": serde_json::to_string(tasks)?,
    }))
}

fn unprotected(task: &TaskReport) -> Vec<String> {
    let skipped = task.containers.iter().filter_map(|container| match &container.outcome {
        Outcome::Skip(skip) if !skip.code.is_intended() => {
            Some(format!("{} [{}] {}", container.name, skip.code, skip.reason))
        }
        _ => None,
    });
    skipped.collect()
}
