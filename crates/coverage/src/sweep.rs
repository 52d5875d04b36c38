//! A full listing of an account's resources in a region, or of some of its clusters, in the words of ECS's API.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    arn::{EcsArn, is_account},
    ecs::{Cluster, ContainerInstance, Service, Tag, Task, TaskDefinition, Vpc, time},
    event::{instance_item, task_item},
    inventory::{AccountState, ClusterState, Item, Resource, Said, ServiceState},
};

/// Most resources in one sweep; larger accounts are swept by cluster.
pub const MAX_RESOURCES: usize = 200_000;
/// Tags that exclude a cluster when their value is `false`: our own first, then GuardDuty's.
pub const MANAGED_TAGS: [&str; 2] = ["FargardManaged", "GuardDutyManaged"];

/// A container instance with its cluster, which `DescribeContainerInstances` does not repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InstanceIn {
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// The instance.
    #[serde(flatten)]
    pub instance: ContainerInstance,
}

/// An ECS account setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Name: `taskLongArnFormat`.
    pub name: String,
    /// `enabled`, `disabled`, `on`, `off`.
    pub value: String,
}

/// What was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Sweep {
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// When the listing began: what happened since may be missing from it.
    #[serde(deserialize_with = "time")]
    pub started_at: Timestamp,
    /// Only the clusters named here were listed; others may exist.
    pub partial: bool,
    /// Clusters, with everything in them.
    pub clusters: Vec<Cluster>,
    /// Services of these clusters.
    pub services: Vec<Service>,
    /// Tasks of these clusters, running and stopped.
    pub tasks: Vec<Task>,
    /// The definitions of these tasks.
    pub task_definitions: Vec<TaskDefinition>,
    /// EC2 instances of these clusters.
    pub container_instances: Vec<InstanceIn>,
    /// VPCs of these tasks.
    pub vpcs: Vec<Vpc>,
    /// ECS account settings.
    pub account_settings: Vec<Setting>,
}

/// Why a sweep was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// Which account, region or time is missing.
    #[error("a sweep needs account (twelve digits), region and startedAt")]
    Scope,
    /// Too many at once.
    #[error("a sweep holds at most {MAX_RESOURCES} resources: sweep by cluster, with partial = true")]
    TooMany,
    /// A resource of another account, or whose name is none.
    #[error("{0:?} is not an ARN of this sweep's account, region and clusters")]
    Foreign(String),
}

impl Sweep {
    /// What it tells, as items.
    ///
    /// # Errors
    /// See [`SweepError`]; nothing of a sweep counts then.
    pub fn items(self) -> Result<Vec<Item>, SweepError> {
        let at = self.started_at;
        if !is_account(&self.account) || self.region.is_empty() || self.region.len() > 64 || at.0 == 0 {
            return Err(SweepError::Scope);
        }
        let resources = [self.clusters.len(), self.services.len(), self.tasks.len()].iter().sum::<usize>()
            + self.task_definitions.len()
            + self.container_instances.len()
            + self.vpcs.len();
        if resources > MAX_RESOURCES {
            return Err(SweepError::TooMany);
        }
        let within = Within { account: &self.account, region: &self.region };
        let clusters: BTreeMap<&str, ()> =
            self.clusters.iter().map(|cluster| (cluster.cluster_arn.as_str(), ())).collect();
        let in_cluster = |cluster: &str, id: &str| match clusters.contains_key(cluster) {
            true => Ok(()),
            false => Err(SweepError::Foreign(id.chars().take(256).collect())),
        };
        let scope = scope(&self.region, &self.account);
        let mut items = vec![account(&self, &scope)];
        for cluster in &self.clusters {
            within.check(&cluster.cluster_arn, "cluster")?;
            items.push(cluster_item(cluster.clone(), &scope, at));
        }
        for service in self.services {
            within.check(&service.service_arn, "service")?;
            in_cluster(&service.cluster_arn, &service.service_arn)?;
            let (id, parent) = (service.service_arn.clone(), service.cluster_arn.clone());
            let described = Some(Said { at, value: service });
            let state = ServiceState { arn: id.clone(), described, ..ServiceState::default() };
            items.push(listed(id, parent, at, Resource::Service(state)));
        }
        for task in self.tasks {
            within.check(&task.task_arn, "task")?;
            in_cluster(&task.cluster_arn, &task.task_arn)?;
            items.extend(task_item(task, at).map(|item| Item { listed: at, ..item }));
        }
        for InstanceIn { cluster_arn, instance } in self.container_instances {
            within.check(&instance.container_instance_arn, "container-instance")?;
            in_cluster(&cluster_arn, &instance.container_instance_arn)?;
            items.extend(instance_item(instance, cluster_arn, at).map(|item| Item { listed: at, ..item }));
        }
        for definition in self.task_definitions {
            within.check(&definition.task_definition_arn, "task-definition")?;
            let id = definition.task_definition_arn.clone();
            items.push(listed(id, scope.clone(), at, Resource::TaskDefinition(definition)));
        }
        for vpc in self.vpcs {
            if !vpc.vpc_id.starts_with("vpc-") || vpc.vpc_id.len() > 64 {
                return Err(SweepError::Foreign(vpc.vpc_id.chars().take(256).collect()));
            }
            items.push(listed(format!("{scope}/{}", vpc.vpc_id), scope.clone(), at, Resource::Vpc(vpc)));
        }
        Ok(items)
    }
}

/// The identity of an account in a region.
#[must_use]
pub fn scope(region: &str, account: &str) -> String {
    format!("{region}/{account}")
}

struct Within<'a> {
    account: &'a str,
    region: &'a str,
}

impl Within<'_> {
    fn check(&self, text: &str, kind: &str) -> Result<(), SweepError> {
        match EcsArn::parse(text) {
            Some(arn) if arn.account == self.account && arn.region == self.region && arn.kind == kind => {
                Ok(())
            }
            _ => Err(SweepError::Foreign(text.chars().take(256).collect())),
        }
    }
}

fn listed(id: String, parent: String, at: Timestamp, resource: Resource) -> Item {
    Item { id, parent, at, seen: at, listed: at, resource }
}

fn account(sweep: &Sweep, scope: &str) -> Item {
    let settings: BTreeMap<String, String> =
        sweep.account_settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
    let at = sweep.started_at;
    let state = AccountState {
        account: sweep.account.clone(),
        region: sweep.region.clone(),
        settings: (!settings.is_empty()).then_some(Said { at, value: settings }),
        swept: if sweep.partial { Timestamp(0) } else { at },
    };
    listed(scope.to_owned(), String::new(), at, Resource::Account(state))
}

fn cluster_item(cluster: Cluster, scope: &str, at: Timestamp) -> Item {
    let state = ClusterState {
        arn: cluster.cluster_arn.clone(),
        excluded: managed(&cluster.tags).is_some_and(|managed| !managed).then_some(at),
        described: Some(Said { at, value: cluster }),
        swept: at,
    };
    listed(state.arn.clone(), scope.to_owned(), at, Resource::Cluster(state))
}

/// What a cluster's tags say: managed (`true`), excluded (`false`) or nothing. The first of [`MANAGED_TAGS`] counts.
#[must_use]
pub fn managed(tags: &[Tag]) -> Option<bool> {
    MANAGED_TAGS.iter().find_map(|key| {
        let tag = tags.iter().find(|tag| tag.key == *key)?;
        match tag.value.trim() {
            value if value.eq_ignore_ascii_case("true") => Some(true),
            value if value.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    })
}
