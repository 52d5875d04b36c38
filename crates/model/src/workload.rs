//! Where something happened: the ECS task and the container in it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A task as ECS names it, or a stand-in with an ARN of the form `local:<host>:<id>` outside ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// The task's identity: its ARN, or `local:<host>:<id>`.
    pub arn: String,
    /// Twelve-digit AWS account id; empty outside ECS.
    pub account: String,
    /// AWS region, as `eu-west-1`; empty outside ECS.
    pub region: String,
    /// The cluster's short name; empty outside ECS.
    pub cluster: String,
    /// Task definition family.
    pub family: String,
    /// Task definition revision; empty outside ECS.
    pub revision: String,
    /// Service that started the task, when the metadata says so.
    pub service: String,
    /// `FARGATE`, `EC2`, or `LOCAL` for the lab and `fargard watch`.
    pub launch_type: String,
    /// Availability zone; empty outside ECS.
    pub availability_zone: String,
}

impl Task {
    /// The short task id: what follows the last `/` of the ARN (or the last `:` of a local name).
    #[must_use]
    pub fn id(&self) -> &str {
        self.arn.rsplit(['/', ':']).next().unwrap_or_default()
    }
}

/// One container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Runtime id (the metadata's `DockerId`); `host` where there is no container.
    pub id: String,
    /// Name in the task definition.
    pub name: String,
    /// Image reference as written in the task definition.
    pub image: String,
    /// Image digest (`sha256:...`) when known.
    pub image_digest: String,
    /// Start of the container, nanoseconds since the epoch; 0 when unknown.
    pub started_at: u64,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// Image id of the container engine; empty when unknown. ECS names the digest instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// First IPv4 address; empty when unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    /// What is mounted into the container, at most [`MAX_MOUNTS`]; `None` when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts: Option<Vec<Mount>>,
}

/// Most mounts kept of a container.
pub const MAX_MOUNTS: usize = 64;

/// A directory or file mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// Where it comes from: a path on the host, a volume's name, or a device.
    pub source: String,
    /// Where it is in the container.
    pub destination: String,
    /// Mode as the container engine writes it: `z`, `ro`; may be empty.
    pub mode: String,
    /// May be written.
    pub writable: bool,
    /// How mounts propagate: `private`, `rprivate`, `shared`, `slave`; may be empty.
    pub propagation: String,
}

/// `source:destination:mode:writable:propagation`, as Falco's `container.mounts`.
impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, mode, writable, propagation } = self;
        write!(f, "{source}:{destination}:{mode}:{writable}:{propagation}")
    }
}

impl Container {
    /// The image reference without tag and digest: `docker.io/library/nginx`.
    #[must_use]
    pub fn image_repository(&self) -> &str {
        let without_digest = self.image.split('@').next().unwrap_or_default();
        match without_digest.rfind(':') {
            // A colon before the last slash belongs to the registry's port.
            Some(at) if !without_digest[at..].contains('/') => &without_digest[..at],
            _ => without_digest,
        }
    }

    /// The image's tag; empty when the reference has none.
    #[must_use]
    pub fn image_tag(&self) -> &str {
        let without_digest = self.image.split('@').next().unwrap_or_default();
        without_digest[self.image_repository().len()..].trim_start_matches(':')
    }
}

#[cfg(test)]
mod tests {
    use super::{Container, Task};

    fn image(reference: &str) -> Container {
        Container { image: reference.to_owned(), ..Container::default() }
    }

    #[test]
    fn image_references_split_as_the_registry_api_does() {
        for (reference, repository, tag) in [
            ("ubuntu:18.04", "ubuntu", "18.04"),
            ("ubuntu", "ubuntu", ""),
            ("localhost:5000/team/app", "localhost:5000/team/app", ""),
            ("localhost:5000/team/app:v1@sha256:00", "localhost:5000/team/app", "v1"),
            ("", "", ""),
        ] {
            assert_eq!(
                (image(reference).image_repository(), image(reference).image_tag()),
                (repository, tag)
            );
        }
    }

    #[test]
    fn task_ids_are_the_last_part_of_the_name() {
        let named = |arn: &str| Task { arn: arn.to_owned(), ..Task::default() };
        assert_eq!(named("arn:aws:ecs:us-west-1:845151661675:task/prod/1dddc34c").id(), "1dddc34c");
        assert_eq!(named("local:laptop:17").id(), "17");
    }
}
