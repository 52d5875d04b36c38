//! The documents of the endpoint. Member names and forms are those of the ECS agent's version 4 responses.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::names::Names;

/// Where a container stands, as the agent writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    #[default]
    None,
    Running,
    Stopped,
}

/// What is known of a container.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerRecord {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
    pub(crate) log_driver: Option<String>,
    pub(crate) log_options: BTreeMap<String, String>,
    pub(crate) volumes: Vec<(String, String)>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
    pub(crate) known: Status,
    pub(crate) exit_code: Option<i32>,
    /// `HEALTHY` or `UNHEALTHY` and when that was said.
    pub(crate) health: Option<(bool, Timestamp)>,
    pub(crate) has_health_check: bool,
}

/// What is known of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskRecord {
    pub(crate) names: Names,
    /// vCPU.
    pub(crate) cpu: Option<f64>,
    /// MiB.
    pub(crate) memory: Option<u64>,
    pub(crate) containers: Vec<ContainerRecord>,
    pub(crate) stopping: bool,
    pub(crate) known: &'static str,
    pub(crate) pull_started: Timestamp,
    pub(crate) pull_stopped: Timestamp,
    pub(crate) execution_stopped: Option<Timestamp>,
}

impl TaskRecord {
    /// `${ECS_CONTAINER_METADATA_URI_V4}/task`.
    pub(crate) fn task_document(&self) -> Value {
        let mut document = json!({
            "Cluster": self.names.cluster_arn(),
            "TaskARN": self.names.task_arn(),
            "Family": self.names.family,
            "Revision": self.names.revision,
            "DesiredStatus": self.desired(),
            "KnownStatus": self.known,
            "PullStartedAt": self.pull_started.rfc3339(),
            "PullStoppedAt": self.pull_stopped.rfc3339(),
            "AvailabilityZone": self.names.task().availability_zone,
            "LaunchType": "FARGATE",
            "Containers": self.containers.iter().map(|one| self.container_document(one)).collect::<Vec<_>>(),
        });
        if let Value::Object(members) = &mut document {
            let mut limits = serde_json::Map::new();
            limits.extend(self.cpu.map(|cpu| ("CPU".to_owned(), json!(cpu))));
            limits.extend(self.memory.map(|memory| ("Memory".to_owned(), json!(memory))));
            if !limits.is_empty() {
                members.insert("Limits".to_owned(), Value::Object(limits));
            }
            let stopped = self.execution_stopped.map(Timestamp::rfc3339);
            members.extend(stopped.map(|at| ("ExecutionStoppedAt".to_owned(), Value::String(at))));
        }
        document
    }

    fn desired(&self) -> Status {
        if self.stopping { Status::Stopped } else { Status::Running }
    }

    /// The document of the container with that runtime id: `${ECS_CONTAINER_METADATA_URI_V4}`.
    pub(crate) fn document_of(&self, docker_id: &str) -> Option<Value> {
        let found = self.containers.iter().find(|one| self.names.docker_id(&one.name) == docker_id)?;
        Some(self.container_document(found))
    }

    fn container_document(&self, container: &ContainerRecord) -> Value {
        let names = &self.names;
        let mut labels = container.labels.clone();
        for (label, value) in [
            ("cluster", names.cluster_arn()),
            ("container-name", container.name.clone()),
            ("task-arn", names.task_arn()),
            ("task-definition-family", names.family.clone()),
            ("task-definition-version", names.revision.clone()),
        ] {
            labels.insert(format!("com.amazonaws.ecs.{label}"), value);
        }
        let mut document = json!({
            "DockerId": names.docker_id(&container.name),
            "Name": container.name,
            "DockerName": container.name,
            "Image": container.image,
            "ImageID": container.image_id,
            "Labels": labels,
            "DesiredStatus": self.desired(),
            "KnownStatus": container.known,
            "Limits": {"CPU": container.cpu, "Memory": container.memory},
            "Type": "NORMAL",
            "ContainerARN": names.container_arn(&container.name),
            "Networks": [{
                "NetworkMode": "awsvpc",
                "IPv4Addresses": ["127.0.0.1"],
                "AttachmentIndex": 0,
                "IPv4SubnetCIDRBlock": "127.0.0.0/8",
                "PrivateDNSName": names.hostname(),
            }],
            "Snapshotter": "overlayfs",
        });
        if let Value::Object(members) = &mut document {
            members.extend(optional(container));
        }
        document
    }
}

fn optional(container: &ContainerRecord) -> impl Iterator<Item = (String, Value)> {
    let time = |at: Option<Timestamp>| at.map(|at| Value::String(at.rfc3339()));
    let health = match (container.health, container.has_health_check) {
        (Some((healthy, since)), _) => Some(json!({
            "status": if healthy { "HEALTHY" } else { "UNHEALTHY" },
            "statusSince": since.rfc3339(),
        })),
        (None, true) => Some(json!({"status": "UNKNOWN"})),
        (None, false) => None,
    };
    let volumes: Vec<Value> = container
        .volumes
        .iter()
        .map(|(name, path)| json!({"DockerName": name, "Destination": path}))
        .collect();
    [
        ("CreatedAt", time(container.created)),
        ("StartedAt", time(container.started)),
        ("FinishedAt", time(container.finished)),
        ("ExitCode", container.exit_code.map(Value::from)),
        ("Health", health),
        ("Volumes", Some(Value::Array(volumes)).filter(|_| !container.volumes.is_empty())),
        ("LogDriver", container.log_driver.clone().map(Value::from)),
        ("LogOptions", container.log_driver.as_ref().map(|_| json!(container.log_options))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
