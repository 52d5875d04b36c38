//! ECS's words for what the calls take and give, as far as Fargard reads them. Unknown members are passed over.

use serde::{Deserialize, Serialize};

/// What was described, and what could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<T> {
    /// What was found.
    pub found: Vec<T>,
    /// What was not.
    pub failures: Vec<Failure>,
}

/// A resource that could not be described.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// Its ARN.
    pub arn: String,
    /// `MISSING` and others.
    pub reason: String,
}

/// A key and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// An account setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// `taskLongArnFormat` and others.
    pub name: String,
    /// `enabled`, `on` and others.
    pub value: String,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cluster {
    /// ARN.
    pub cluster_arn: String,
    /// Name.
    pub cluster_name: String,
    /// `ACTIVE`, `INACTIVE` and others.
    pub status: String,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// Who rolls a service out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controller {
    /// `ECS`, `CODE_DEPLOY`, `EXTERNAL`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Default for Controller {
    fn default() -> Self {
        Self { kind: "ECS".to_owned() }
    }
}

/// A roll-out as the service tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deployment {
    /// `ecs-svc/NUMBER`.
    pub id: String,
    /// `PRIMARY`, `ACTIVE`, `INACTIVE`.
    pub status: String,
    /// ARN of what it rolls out.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED`, `FAILED`; empty with other controllers.
    pub rollout_state: String,
    /// In ECS's words.
    pub rollout_state_reason: String,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceDescription {
    /// ARN.
    pub service_arn: String,
    /// Name.
    pub service_name: String,
    /// ARN of its cluster.
    pub cluster_arn: String,
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub status: String,
    /// ARN of the revision it should run.
    pub task_definition: String,
    /// Tasks it should run.
    pub desired_count: i64,
    /// `REPLICA`, `DAEMON`.
    pub scheduling_strategy: String,
    /// Who rolls it out.
    pub deployment_controller: Controller,
    /// Roll-outs, the primary first.
    pub deployments: Vec<Deployment>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// How a roll-out stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceDeployment {
    /// ARN.
    pub service_deployment_arn: String,
    /// `PENDING`, `IN_PROGRESS`, `SUCCESSFUL`, `STOPPED`, `ROLLBACK_SUCCESSFUL`, `ROLLBACK_FAILED` and others.
    pub status: String,
    /// In ECS's words.
    pub status_reason: String,
    /// Epoch seconds.
    pub created_at: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Brief {
    pub(super) service_deployment_arn: String,
}

/// A registered revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Registered {
    /// ARN.
    pub task_definition_arn: String,
    /// Family.
    pub family: String,
    /// Revision.
    pub revision: u64,
}

/// What to change of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceUpdate<'a> {
    /// Cluster, name or ARN.
    pub cluster: &'a str,
    /// Service, name or ARN.
    pub service: &'a str,
    /// The revision to roll out.
    pub task_definition: Option<&'a str>,
    /// Roll out although nothing changed.
    pub force_new_deployment: bool,
}
