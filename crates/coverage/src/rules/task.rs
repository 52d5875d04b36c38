//! Whether one task is covered, and if not why: the first that holds.

use fargard_model::Timestamp;

use super::{Policy, Problem, Sign};
use crate::{
    arn::EcsArn,
    ecs::{Container, Task, TaskDefinition, Vpc},
    inventory::ServiceState,
};

/// What is known beside the task itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// Its service, when it has one.
    pub(super) service: Option<&'a ServiceState>,
    /// Its definition, when known.
    pub(super) definition: Option<&'a TaskDefinition>,
    /// Its VPC, when known.
    pub(super) vpc: Option<&'a Vpc>,
    /// Its sensors' latest sign of life.
    pub(super) sign: Option<&'a Sign>,
    /// The latest time at which the cluster was excluded.
    pub(super) excluded: Option<Timestamp>,
    /// The cluster is excluded now.
    pub(super) is_excluded: bool,
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does not count: on EC2, or stopped too long ago.
    OutOfScope,
    /// Too young to tell; until then.
    Neutral(Timestamp),
    /// Its agent reports; until then, unless it is heard again.
    Covered(Timestamp),
    /// It is not covered.
    Uncovered(Problem),
}

/// The end of time, for what no clock changes.
const NEVER: Timestamp = Timestamp(u64::MAX);

fn after(time: Timestamp, nanoseconds: u64) -> Timestamp {
    Timestamp(time.0.saturating_add(nanoseconds))
}

/// Judges a task at a time.
pub(super) fn judge(task: &Task, around: Around<'_>, policy: &Policy, now: Timestamp) -> Verdict {
    if !is_fargate(task) {
        return Verdict::OutOfScope;
    }
    let stopped = task.last_status == "STOPPED";
    if stopped && after(task.stopped_at, policy.retention) <= now {
        return Verdict::OutOfScope;
    }
    if let Some(problem) = unsupported(task, around.definition) {
        return Verdict::Uncovered(problem);
    }
    if let Some(until) = alive(task, around.sign, policy, now) {
        return Verdict::Covered(until);
    }
    let grace = after(task.started_at.max(task.created_at), policy.grace);
    if !stopped && (task.started_at.0 == 0 || now < grace) {
        // A task that does not begin to run for long is ECS's to report, not ours.
        let until = if task.started_at.0 == 0 { NEVER } else { grace };
        return Verdict::Neutral(until);
    }
    if stopped && task.stopped_at < grace && agent(task, policy).is_none_or(|agent| agent.reason.is_empty()) {
        return Verdict::Neutral(NEVER);
    }
    Verdict::Uncovered(why(task, around, policy))
}

/// Tasks on EC2 are covered by their instance; without a launch type and an instance it is a Fargate provider's.
fn is_fargate(task: &Task) -> bool {
    task.launch_type == "FARGATE"
        || task.capacity_provider_name.starts_with("FARGATE")
        || (task.launch_type.is_empty() && task.container_instance_arn.is_empty())
}

fn unsupported(task: &Task, definition: Option<&TaskDefinition>) -> Option<Problem> {
    let platform = &task.platform_version;
    if task.platform_family.to_ascii_lowercase().starts_with("windows") {
        return Some(Problem::UnsupportedPlatform { platform: task.platform_family.clone() });
    }
    if !platform.is_empty() && platform != "LATEST" && version(platform) < [1, 4, 0] {
        return Some(Problem::UnsupportedPlatform { platform: platform.clone() });
    }
    let attribute = task.attributes.iter().find(|attribute| attribute.name == "ecs.cpu-architecture");
    let asked = definition.and_then(|definition| definition.runtime_platform.as_ref());
    let architecture = attribute
        .map(|attribute| attribute.value.as_str())
        .or_else(|| asked.map(|platform| platform.cpu_architecture.as_str()))
        .unwrap_or_default();
    let known = ["", "x86_64", "arm64"].iter().any(|known| known.eq_ignore_ascii_case(architecture));
    (!known).then(|| Problem::UnsupportedArchitecture { architecture: architecture.to_owned() })
}

fn version(text: &str) -> [u64; 3] {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|_| parts.next().unwrap_or(0))
}

/// Until when the task's sensors count as heard; `None` when they do not. A stopped task was covered when it was
/// heard until near its end.
fn alive(task: &Task, sign: Option<&Sign>, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let sign = sign?;
    let until = after(sign.at, policy.silence);
    if task.last_status == "STOPPED" {
        return (sign.ended || until >= task.stopped_at).then_some(NEVER);
    }
    let stopping = task.desired_status == "STOPPED";
    if stopping && sign.ended {
        return Some(NEVER);
    }
    (now < until).then_some(until)
}

fn agent<'a>(task: &'a Task, policy: &Policy) -> Option<&'a Container> {
    let is_agent = |container: &&Container| {
        policy.agent_names.iter().any(|name| container.name.starts_with(name.as_str()))
    };
    task.containers.iter().find(is_agent)
}

fn why(task: &Task, around: Around<'_>, policy: &Policy) -> Problem {
    let of_service = around.service.is_some() || task.group.starts_with("service:");
    if EcsArn::parse(&task.task_arn).is_some_and(|arn| arn.is_old_format()) {
        return Problem::OldArnFormat;
    }
    if let Some(problem) = by_configuration(task, around, policy, of_service) {
        return problem;
    }
    if let Some(service) = starter(task) {
        return Problem::UnsupportedInvocation { service: service.to_owned() };
    }
    if around.definition.is_some_and(|definition| definition.execution_role_arn.is_empty()) {
        return Problem::ExecutionRoleMissing;
    }
    if let Some(part) = missing_network(task) {
        return Problem::NetworkConfigurationMissing { part: part.to_owned() };
    }
    if let Some(vpc) = around.vpc
        && [vpc.enable_dns_support, vpc.enable_dns_hostnames].contains(&Some(false))
    {
        return Problem::VpcEndpoint { vpc: vpc.vpc_id.clone() };
    }
    let unreachable = around.vpc.is_some_and(|vpc| vpc.reaches_server == Some(false));
    match agent(task, policy) {
        Some(agent) if has_exited(task, agent) => {
            Problem::AgentExited { code: agent.exit_code, reason: agent.reason.chars().take(300).collect() }
        }
        _ if unreachable => Problem::NotReportingVpc,
        Some(_) => Problem::NotReporting,
        // It was heard before, so the sensor is in it, in a container of the app's.
        None if around.sign.is_some() => Problem::NotReporting,
        None if of_service => Problem::ServiceNeedsDeployment,
        None => Problem::Unidentified,
    }
}

/// Our own container may only bring the program into the others, and end well at once.
const BRINGS_PROGRAM: &str = "fargard-sensor";

/// With the task itself its agent stops too, by 0 or by the signals of an end; that is no failure of the agent's.
fn has_exited(task: &Task, agent: &Container) -> bool {
    let brought = agent.name == BRINGS_PROGRAM && agent.exit_code == Some(0);
    let with_task = task.last_status == "STOPPED" && matches!(agent.exit_code, None | Some(0 | 137 | 143));
    !agent.reason.is_empty()
        || (agent.last_status == "STOPPED" && agent.exit_code.is_some() && !with_task && !brought)
}

fn by_configuration(task: &Task, around: Around<'_>, policy: &Policy, of_service: bool) -> Option<Problem> {
    let started = task.started_at.max(task.created_at);
    let deployed = around.service.and_then(ServiceState::deployed);
    if around.is_excluded || around.excluded.is_some_and(|excluded| started <= excluded) {
        return Some(if of_service { Problem::ServiceExcluded } else { Problem::TaskExcluded });
    }
    if started < policy.monitoring.since {
        return Some(if of_service {
            Problem::ServiceNeedsDeployment
        } else {
            Problem::TaskBeforeMonitoring
        });
    }
    if policy.automation.on && started < policy.automation.since {
        let by_service = deployed.is_none_or(|deployed| deployed < policy.automation.since);
        return Some(match of_service {
            true if by_service => Problem::ServiceBeforeAutomation,
            true => Problem::ServiceNeedsDeployment,
            false => Problem::TaskBeforeAutomation,
        });
    }
    None
}

/// AWS services that start tasks into which no agent is put.
fn starter(task: &Task) -> Option<&'static str> {
    let cluster = EcsArn::parse(&task.cluster_arn).map_or("", |arn| arn.name());
    let starts = |name: &str| {
        [task.started_by.as_str(), cluster]
            .iter()
            .any(|text| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
    };
    [("AWSBatch", "AWSBatch"), ("codepipeline", "AWSCodePipeline")]
        .iter()
        .find_map(|(start, name)| starts(start).then_some(*name))
}

fn missing_network(task: &Task) -> Option<&'static str> {
    if task.last_status != "RUNNING" {
        return None;
    }
    let is_interface = |kind: &str| matches!(kind, "ElasticNetworkInterface" | "eni");
    let Some(interface) = task.attachments.iter().find(|attachment| is_interface(&attachment.kind)) else {
        return Some("awsvpcConfiguration");
    };
    ["subnetId", "networkInterfaceId"]
        .into_iter()
        .find(|name| !interface.details.iter().any(|detail| detail.name == *name && !detail.value.is_empty()))
}

/// The subnet a task is in; empty when unknown.
pub(super) fn subnet(task: &Task) -> &str {
    let details = task.attachments.iter().flat_map(|attachment| &attachment.details);
    details.into_iter().find(|detail| detail.name == "subnetId").map_or("", |detail| detail.value.as_str())
}
