//! What ECS says of its resources, in the words of its API (`DescribeTasks` and so on) and of EventBridge's events,
//! which use the same member names. Times come as epoch seconds from the API, as ISO 8601 in events.

use fargard_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

/// A key and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cluster {
    /// ARN.
    pub cluster_arn: String,
    /// `ACTIVE`, `INACTIVE` and others.
    pub status: String,
    /// Tags (`include=TAGS`).
    pub tags: Vec<Tag>,
}

/// A roll-out of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deployment {
    /// `ecs-svc/NUMBER`; its tasks name it in `startedBy`.
    pub id: String,
    /// `PRIMARY`, `ACTIVE`.
    pub status: String,
    /// When it began.
    #[serde(deserialize_with = "time")]
    pub created_at: Timestamp,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    /// ARN.
    pub service_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub status: String,
    /// Its roll-outs.
    pub deployments: Vec<Deployment>,
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Name in the task definition, or that of an injected agent.
    pub name: String,
    /// `PENDING`, `RUNNING`, `STOPPED`.
    pub last_status: String,
    /// Exit code once it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it stopped or did not start.
    pub reason: String,
}

/// A named detail of an attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Detail {
    /// Name: `subnetId`, `networkInterfaceId`.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What is attached to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attachment {
    /// `ElasticNetworkInterface` in the API, `eni` in events.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its details.
    pub details: Vec<Detail>,
}

/// A named attribute of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attribute {
    /// Name: `ecs.cpu-architecture`.
    pub name: String,
    /// Value: `x86_64`, `arm64`.
    pub value: String,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Task {
    /// ARN.
    pub task_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// Its task definition's ARN.
    pub task_definition_arn: String,
    /// Grows with every change of the task.
    pub version: u64,
    /// `PROVISIONING`, `PENDING`, `ACTIVATING`, `RUNNING`, `DEACTIVATING`, `STOPPING`, `DEPROVISIONING`, `STOPPED`.
    pub last_status: String,
    /// `RUNNING` or `STOPPED`.
    pub desired_status: String,
    /// `FARGATE`, `EC2`, `EXTERNAL`; empty with some capacity providers.
    pub launch_type: String,
    /// `FARGATE`, `FARGATE_SPOT` or a provider of EC2 instances.
    pub capacity_provider_name: String,
    /// Fargate's platform: `1.4.0`.
    pub platform_version: String,
    /// `Linux`, `Windows_Server_2022_Core`.
    pub platform_family: String,
    /// `service:NAME` or `family:NAME`.
    pub group: String,
    /// `ecs-svc/NUMBER` for a service's task, else what the starter said.
    pub started_by: String,
    /// The EC2 instance it is on.
    pub container_instance_arn: String,
    /// When ECS made it.
    #[serde(deserialize_with = "time")]
    pub created_at: Timestamp,
    /// When it began to run; 0 before.
    #[serde(deserialize_with = "time")]
    pub started_at: Timestamp,
    /// When it had stopped; 0 before.
    #[serde(deserialize_with = "time")]
    pub stopped_at: Timestamp,
    /// Why it stopped.
    pub stopped_reason: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its network interface.
    pub attachments: Vec<Attachment>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// When it last changed; in events only.
    #[serde(deserialize_with = "time")]
    pub updated_at: Timestamp,
}

/// What a task definition asks of the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuntimePlatform {
    /// `X86_64`, `ARM64`.
    pub cpu_architecture: String,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TaskDefinition {
    /// ARN.
    pub task_definition_arn: String,
    /// The role that pulls images; empty when there is none.
    pub execution_role_arn: String,
    /// Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
}

/// An EC2 instance of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerInstance {
    /// ARN.
    pub container_instance_arn: String,
    /// Grows with every change.
    pub version: u64,
    /// `ACTIVE`, `DRAINING`, `INACTIVE` and others.
    pub status: String,
}

/// A VPC that tasks run in, as the one who swept the account found it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Vpc {
    /// `vpc-...`.
    pub vpc_id: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// `enableDnsSupport`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_support: Option<bool>,
    /// `enableDnsHostnames`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_hostnames: Option<bool>,
    /// Whether the agent's server can be reached from it: an endpoint or a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaches_server: Option<bool>,
}

/// Reads a time: epoch seconds with a fraction, ISO 8601, or nanoseconds as this program writes them.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Timestamp(0)),
        Value::Number(number) => Ok(from_number(&number)),
        Value::String(text) if text.is_empty() => Ok(Timestamp(0)),
        Value::String(text) => parse_time(&text).ok_or_else(|| {
            D::Error::custom(format!("{:?} is not a time", text.chars().take(64).collect::<String>()))
        }),
        _ => Err(D::Error::custom("a time is a number or a text")),
    }
}

/// Whole numbers from this on are nanoseconds: as seconds they lie beyond the year 30000.
const NANOSECONDS_FROM: u64 = 1_000_000_000_000;

fn from_number(number: &serde_json::Number) -> Timestamp {
    match number.as_u64() {
        Some(whole) if whole >= NANOSECONDS_FROM => Timestamp(whole),
        Some(whole) => Timestamp(whole.saturating_mul(1_000_000_000)),
        // Milliseconds are all ECS has; a float's cast saturates.
        None => Timestamp((number.as_f64().unwrap_or_default() * 1000.0).round() as u64 * 1_000_000),
    }
}

/// A time in ISO 8601 with any offset.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use fargard_model::Timestamp;

    use super::Task;

    #[test]
    fn times_come_in_three_forms() {
        for (text, expected) in [
            ("1763697600.123", 1_763_697_600_123_000_000),
            ("1763697600", 1_763_697_600_000_000_000),
            ("1763697600123000000", 1_763_697_600_123_000_000),
            ("\"2025-11-21T04:00:00.123Z\"", 1_763_697_600_123_000_000),
            ("\"2025-11-21T05:00:00.123000+01:00\"", 1_763_697_600_123_000_000),
            ("null", 0),
            ("-5.5", 0),
        ] {
            let task: Task = serde_json::from_str(&format!("{{\"createdAt\":{text}}}")).unwrap();
            assert_eq!(task.created_at, Timestamp(expected), "{text}");
        }
        assert!(serde_json::from_str::<Task>("{\"createdAt\":\"soon\"}").is_err());
    }
}
