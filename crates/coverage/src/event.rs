//! ECS events as EventBridge delivers them (to a queue, or by an API destination): `ECS Task State Change`,
//! `ECS Container Instance State Change`, `ECS Deployment State Change`, `ECS Service Action`.

use fargard_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    arn::EcsArn,
    ecs::{ContainerInstance, Deployment, Task, time},
    inventory::{ClusterState, Item, Resource, Said, ServiceState},
    sweep,
};

/// Longest event read; EventBridge's own limit is 256 KiB, 1 MiB since 2026.
pub const MAX_EVENT: usize = 1 << 20;

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an EventBridge event, or not of ECS's shape.
    #[error("this is not an ECS event: {0}")]
    Shape(String),
    /// An event of another kind: send fewer by the rule's pattern.
    #[error("events of source {source_name:?} and detail-type {kind:?} say nothing of coverage")]
    Unrelated {
        /// Its `source`.
        source_name: String,
        /// Its `detail-type`.
        kind: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    #[serde(deserialize_with = "time")]
    time: Timestamp,
    #[serde(default)]
    resources: Vec<String>,
    detail: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceEvent {
    event_name: String,
    deployment_id: String,
    #[serde(deserialize_with = "time")]
    updated_at: Timestamp,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    cluster_arn: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InCluster {
    cluster_arn: String,
}

fn shape(error: &impl ToString) -> EventError {
    EventError::Shape(error.to_string())
}

/// What an event tells: of a resource, and that its cluster exists.
///
/// # Errors
/// See [`EventError`].
pub fn items(text: &[u8]) -> Result<Vec<Item>, EventError> {
    let item = item(text)?;
    let cluster = cluster_of(&item);
    Ok(cluster.into_iter().chain([item]).collect())
}

/// The cluster that holds this item, of which nothing more is known yet.
fn cluster_of(item: &Item) -> Option<Item> {
    let arn = EcsArn::parse(&item.parent)?;
    let state = ClusterState { arn: item.parent.clone(), ..ClusterState::default() };
    Some(Item {
        id: item.parent.clone(),
        parent: sweep::scope(arn.region, arn.account),
        at: item.at,
        seen: item.seen,
        listed: Timestamp(0),
        resource: Resource::Cluster(state),
    })
}

fn item(text: &[u8]) -> Result<Item, EventError> {
    if text.len() > MAX_EVENT {
        return Err(EventError::Shape(format!("it is longer than {MAX_EVENT} bytes")));
    }
    let envelope: Envelope = serde_json::from_slice(text).map_err(|error| shape(&error))?;
    match (envelope.source.as_str(), envelope.kind.as_str()) {
        ("aws.ecs", "ECS Task State Change") => task(envelope),
        ("aws.ecs", "ECS Container Instance State Change") => instance(envelope),
        ("aws.ecs", "ECS Deployment State Change" | "ECS Service Action") => service(&envelope),
        _ => Err(EventError::Unrelated { source_name: envelope.source, kind: envelope.kind }),
    }
}

fn task(envelope: Envelope) -> Result<Item, EventError> {
    let task: Task = serde_json::from_value(envelope.detail).map_err(|error| shape(&error))?;
    let at = if task.updated_at.0 == 0 { envelope.time } else { task.updated_at };
    task_item(task, at).ok_or_else(|| shape(&"taskArn or clusterArn is no ARN of ECS"))
}

/// A task as an item said at that time; `None` when its ARNs are none.
pub(crate) fn task_item(task: Task, at: Timestamp) -> Option<Item> {
    EcsArn::parse(&task.task_arn).filter(|arn| arn.kind == "task")?;
    EcsArn::parse(&task.cluster_arn).filter(|arn| arn.kind == "cluster")?;
    let (id, parent) = (task.task_arn.clone(), task.cluster_arn.clone());
    Some(Item { id, parent, at, seen: at, listed: Timestamp(0), resource: Resource::Task(task) })
}

fn instance(envelope: Envelope) -> Result<Item, EventError> {
    let cluster: InCluster =
        serde_json::from_value(envelope.detail.clone()).map_err(|error| shape(&error))?;
    let instance: ContainerInstance =
        serde_json::from_value(envelope.detail).map_err(|error| shape(&error))?;
    instance_item(instance, cluster.cluster_arn, envelope.time)
        .ok_or_else(|| shape(&"containerInstanceArn or clusterArn is no ARN of ECS"))
}

/// A container instance as an item said at that time; `None` when its ARNs are none.
pub(crate) fn instance_item(instance: ContainerInstance, cluster: String, at: Timestamp) -> Option<Item> {
    EcsArn::parse(&instance.container_instance_arn).filter(|arn| arn.kind == "container-instance")?;
    EcsArn::parse(&cluster).filter(|arn| arn.kind == "cluster")?;
    let id = instance.container_instance_arn.clone();
    let resource = Resource::ContainerInstance(instance);
    Some(Item { id, parent: cluster, at, seen: at, listed: Timestamp(0), resource })
}

fn service(envelope: &Envelope) -> Result<Item, EventError> {
    let detail: ServiceEvent =
        serde_json::from_value(envelope.detail.clone()).map_err(|error| shape(&error))?;
    let arns = envelope.resources.iter().filter_map(|text| Some((text, EcsArn::parse(text)?)));
    let Some((id, arn)) = arns.rev().find(|(_, arn)| arn.kind == "service") else {
        return Err(shape(&"resources name no service"));
    };
    let cluster = match arn.rest.split_once('/') {
        Some((cluster, _)) => {
            format!("arn:{}:ecs:{}:{}:cluster/{cluster}", arn.partition, arn.region, arn.account)
        }
        None => detail.cluster_arn,
    };
    if EcsArn::parse(&cluster).is_none_or(|arn| arn.kind != "cluster") {
        return Err(shape(&"the service's cluster is not named"));
    }
    let at = [detail.updated_at, detail.created_at].into_iter().find(|at| at.0 != 0).unwrap_or(envelope.time);
    // Only the first event of a deployment tells when it began.
    let began = detail.event_name == "SERVICE_DEPLOYMENT_IN_PROGRESS";
    let deployment = began.then(|| Said {
        at,
        value: Deployment { id: detail.deployment_id, status: "PRIMARY".to_owned(), created_at: at },
    });
    let state = ServiceState {
        arn: id.clone(),
        described: None,
        deployment,
        action: Some(Said { at, value: detail.event_name }),
    };
    let resource = Resource::Service(state);
    Ok(Item { id: id.clone(), parent: cluster, at, seen: at, listed: Timestamp(0), resource })
}
