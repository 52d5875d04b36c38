//! What is known of an account's resources. News arrives in any order and repeatedly; whatever the order, the same
//! news gives the same state.
//!
//! Each resource is a register that keeps the greatest of what was said of it: by ECS's `version` where there is one,
//! then by time. A full sweep says in addition what exists: what it did not list, and what nobody has told of since,
//! is gone ([`Item::exists`]).

use std::{cmp::Ordering, collections::BTreeMap};

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    arn::EcsArn,
    ecs::{Cluster, ContainerInstance, Deployment, Service, Task, TaskDefinition, Vpc},
};

/// Something that was said at a time; the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said<T> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub value: T,
}

/// A service, from what describes it and from what its events tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceState {
    /// ARN.
    pub arn: String,
    /// Its latest description.
    pub described: Option<Said<Service>>,
    /// Its latest deployment that an event told of.
    pub deployment: Option<Said<Deployment>>,
    /// Name of its latest service action: `SERVICE_STEADY_STATE`.
    pub action: Option<Said<String>>,
}

/// A cluster, with when it was last seen to be excluded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterState {
    /// ARN.
    pub arn: String,
    /// Its latest description.
    pub described: Option<Said<Cluster>>,
    /// The latest time at which its tags excluded it.
    pub excluded: Option<Timestamp>,
    /// Start of the latest sweep that listed what is in it.
    pub swept: Timestamp,
}

/// An account in a region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountState {
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// ECS account settings by name: `taskLongArnFormat`, `guardDutyActivate`.
    pub settings: Option<Said<BTreeMap<String, String>>>,
    /// Start of the latest sweep that listed its clusters.
    pub swept: Timestamp,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// An account in a region.
    Account(AccountState),
    /// A cluster.
    Cluster(ClusterState),
    /// A service.
    Service(ServiceState),
    /// A task.
    Task(Task),
    /// A revision of a task definition; it never changes.
    TaskDefinition(TaskDefinition),
    /// An EC2 instance of a cluster.
    ContainerInstance(ContainerInstance),
    /// A VPC.
    Vpc(Vpc),
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An account in a region.
    Account,
    /// A cluster.
    Cluster,
    /// A service.
    Service,
    /// A task.
    Task,
    /// A task definition.
    TaskDefinition,
    /// A container instance.
    ContainerInstance,
    /// A VPC.
    Vpc,
}

impl Kind {
    /// Its name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Cluster => "cluster",
            Self::Service => "service",
            Self::Task => "task",
            Self::TaskDefinition => "task_definition",
            Self::ContainerInstance => "container_instance",
            Self::Vpc => "vpc",
        }
    }
}

impl Resource {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Account(_) => Kind::Account,
            Self::Cluster(_) => Kind::Cluster,
            Self::Service(_) => Kind::Service,
            Self::Task(_) => Kind::Task,
            Self::TaskDefinition(_) => Kind::TaskDefinition,
            Self::ContainerInstance(_) => Kind::ContainerInstance,
            Self::Vpc(_) => Kind::Vpc,
        }
    }
}

/// A resource and when it was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its identity: an ARN; `REGION/ACCOUNT` for an account, `REGION/ACCOUNT/ID` for a VPC.
    pub id: String,
    /// What it belongs to: its cluster's ARN; `REGION/ACCOUNT` for clusters, task definitions and VPCs; empty for an
    /// account.
    pub parent: String,
    /// The time of what `resource` says.
    pub at: Timestamp,
    /// The latest time anybody told of it.
    pub seen: Timestamp,
    /// Start of the latest sweep that listed it; 0 when none did.
    pub listed: Timestamp,
    /// The resource.
    pub resource: Resource,
}

impl Item {
    /// The two pieces of news about one resource as one. Commutative, associative and idempotent.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let seen = self.seen.max(other.seen);
        let listed = self.listed.max(other.listed);
        let at = self.at.max(other.at);
        let joined = |resource, id, parent| Self { id, parent, at, seen, listed, resource };
        match (self.resource, other.resource) {
            (Resource::Account(one), Resource::Account(two)) => {
                joined(Resource::Account(one.merge(two)), self.id, self.parent)
            }
            (Resource::Cluster(one), Resource::Cluster(two)) => {
                joined(Resource::Cluster(one.merge(two)), self.id, self.parent)
            }
            (Resource::Service(one), Resource::Service(two)) => {
                joined(Resource::Service(one.merge(two)), self.id, self.parent)
            }
            (one, two) => {
                let keep_first = standing(&one, self.at).cmp(&standing(&two, other.at)) != Ordering::Less;
                let (resource, at, parent) =
                    if keep_first { (one, self.at, self.parent) } else { (two, other.at, other.parent) };
                Self { id: self.id, parent, at, seen, listed, resource }
            }
        }
    }

    /// Whether the resource is there, after a sweep of its cluster (or account) that began at `swept`. A stopped task
    /// stays until it is too old: sweeps list those only for a while.
    #[must_use]
    pub fn exists(&self, swept: Timestamp) -> bool {
        let stopped = matches!(&self.resource, Resource::Task(task) if task.last_status == "STOPPED");
        self.listed >= swept || self.seen > swept || stopped
    }
}

impl Item {
    /// Whether nobody will ask for it again: it is gone, or a task that stopped more than `kept` nanoseconds ago. What
    /// comes late of a stopped task within that time still finds that it stopped.
    #[must_use]
    pub fn is_forgettable(&self, swept: Timestamp, now: Timestamp, kept: u64) -> bool {
        let is_old = matches!(&self.resource, Resource::Task(task)
            if task.last_status == "STOPPED" && task.stopped_at.0.saturating_add(kept) <= now.0);
        is_old || !self.exists(swept)
    }
}

/// What decides between two descriptions: version, time, and between equals the text, so that order never does.
fn standing(resource: &Resource, at: Timestamp) -> (u64, Timestamp, String) {
    let version = match resource {
        Resource::Task(task) => task.version,
        Resource::ContainerInstance(instance) => instance.version,
        _ => 0,
    };
    (version, at, serde_json::to_string(resource).unwrap_or_default())
}

fn later<T: Serialize>(one: Option<Said<T>>, two: Option<Said<T>>) -> Option<Said<T>> {
    let text = |value: &T| serde_json::to_string(value).unwrap_or_default();
    match (one, two) {
        (Some(one), Some(two)) => {
            let first = one.at.cmp(&two.at).then_with(|| text(&one.value).cmp(&text(&two.value)));
            Some(if first == Ordering::Less { two } else { one })
        }
        (one, two) => one.or(two),
    }
}

impl AccountState {
    fn merge(self, other: Self) -> Self {
        Self {
            account: self.account,
            region: self.region,
            settings: later(self.settings, other.settings),
            swept: self.swept.max(other.swept),
        }
    }
}

impl ServiceState {
    fn merge(self, other: Self) -> Self {
        Self {
            arn: self.arn,
            described: later(self.described, other.described),
            deployment: later(self.deployment, other.deployment),
            action: later(self.action, other.action),
        }
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        EcsArn::parse(&self.arn).map_or(self.arn.as_str(), |arn| arn.name())
    }

    /// Start of the latest deployment known.
    #[must_use]
    pub fn deployed(&self) -> Option<Timestamp> {
        let described = self.described.iter().flat_map(|said| &said.value.deployments);
        described.chain(self.deployment.iter().map(|said| &said.value)).map(|one| one.created_at).max()
    }
}

impl ClusterState {
    fn merge(self, other: Self) -> Self {
        Self {
            arn: self.arn,
            described: later(self.described, other.described),
            excluded: self.excluded.max(other.excluded),
            swept: self.swept.max(other.swept),
        }
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        EcsArn::parse(&self.arn).map_or(self.arn.as_str(), |arn| arn.name())
    }

    /// Value of a tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        let tags = &self.described.as_ref()?.value.tags;
        tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }
}
