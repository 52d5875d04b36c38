//! Everything there is in the account and region.

use std::collections::{BTreeMap, VecDeque};

use fargard_model::{Secret, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ControlPlaneOptions, ImageBehaviour,
    answer::Refusal,
    input::{Input, short},
    instances::Instance,
    throttle::Throttle,
};

/// Key and value, by key.
pub(super) type Tags = BTreeMap<String, String>;

/// The account in its region.
#[derive(Debug)]
pub(super) struct World {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) now: Timestamp,
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// By family, then by revision.
    pub(super) families: BTreeMap<String, BTreeMap<u64, Definition>>,
    /// By cluster, then by name.
    pub(super) services: BTreeMap<(String, String), Service>,
    /// By ARN.
    pub(super) tasks: BTreeMap<String, Task>,
    /// By ARN.
    pub(super) tags: BTreeMap<String, Tags>,
    /// By ARN.
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) images: BTreeMap<String, ImageBehaviour>,
    pub(super) events: VecDeque<Value>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) throttle: Option<Throttle>,
    pub(super) keys: BTreeMap<String, Secret>,
    serial: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) status: &'static str,
    /// Members taken as given.
    pub(super) given: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) arn: String,
    /// The whole description, but tags.
    pub(super) described: Map<String, Value>,
}

/// A service; its roll-outs with the primary first.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) status: &'static str,
    pub(super) definition: String,
    pub(super) desired: u64,
    pub(super) controller: String,
    pub(super) created_at: Timestamp,
    /// Members taken as given: network, load balancers, ...
    pub(super) given: Map<String, Value>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) history: Vec<ServiceDeployment>,
    pub(super) events: VecDeque<Value>,
    pub(super) steady: bool,
}

/// A roll-out as the service tells of it.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) definition: String,
    pub(super) failed_tasks: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) state: &'static str,
    pub(super) reason: String,
    /// Where it stands in the history.
    pub(super) history: String,
    pub(super) rolls_back: bool,
}

/// A roll-out as `DescribeServiceDeployments` tells of it.
#[derive(Clone, Debug)]
pub(super) struct ServiceDeployment {
    pub(super) arn: String,
    pub(super) definition: String,
    pub(super) source: Option<String>,
    pub(super) status: &'static str,
    pub(super) reason: Option<String>,
    pub(super) rollback: Option<(String, Timestamp)>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) definition: String,
    pub(super) containers: Vec<Container>,
    pub(super) status: &'static str,
    pub(super) desired: &'static str,
    pub(super) version: u64,
    pub(super) group: String,
    pub(super) started_by: String,
    /// Of the roll-out it belongs to.
    pub(super) deployment: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) since: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopping_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) stop_code: Option<&'static str>,
    pub(super) stopped_reason: Option<String>,
    /// Members taken as given: overrides, platform version, network, ...
    pub(super) given: Map<String, Value>,
    /// The EC2 instance it runs on.
    pub(super) instance: Option<String>,
    /// Members that a test wants otherwise.
    pub(super) altered: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) essential: bool,
    pub(super) status: &'static str,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
    pub(super) id: String,
}

impl World {
    pub(super) fn new(options: ControlPlaneOptions) -> Self {
        Self {
            account: options.account,
            region: options.region,
            now: options.now,
            clusters: BTreeMap::new(),
            families: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tags: BTreeMap::new(),
            instances: BTreeMap::new(),
            settings: BTreeMap::new(),
            images: BTreeMap::new(),
            events: VecDeque::new(),
            calls: BTreeMap::new(),
            throttle: options.throttle.then(Throttle::default),
            keys: options.keys,
            serial: 0,
        }
    }

    /// 32 hexadecimal digits that were not given before, the same in every run.
    pub(super) fn id(&mut self) -> String {
        self.serial += 1;
        // An odd factor: different serials give different numbers, which look like ECS's.
        let mixed = u128::from(self.serial).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!("{mixed:032x}")
    }

    /// Nineteen digits, as in `ecs-svc/...`.
    pub(super) fn number(&mut self) -> String {
        let id = self.id();
        let number = id.get(..15).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
        format!("{:019}", number | 1 << 59)
    }

    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    /// The cluster an input names, `default` if none.
    pub(super) fn cluster(&self, input: Input<'_>) -> Result<&Cluster, Refusal> {
        let name = short(input.text("cluster").unwrap_or("default"));
        let active = self.clusters.get(name).filter(|cluster| cluster.status == "ACTIVE");
        active.ok_or_else(Refusal::cluster_not_found)
    }

    pub(super) fn tags_of(&self, arn: &str) -> Value {
        let tags = self.tags.get(arn).into_iter().flatten();
        tags.map(|(key, value)| json!({"key": key, "value": value})).collect()
    }
}

/// A time as the API gives it: epoch seconds with milliseconds.
pub(super) fn seconds(at: Timestamp) -> f64 {
    (at.0 / 1_000_000) as f64 / 1000.0
}

/// Adds a member if there is something to add.
pub(super) fn put(value: &mut Value, name: &str, member: Option<impl Into<Value>>) {
    if let (Some(members), Some(member)) = (value.as_object_mut(), member) {
        members.insert(name.to_owned(), member.into());
    }
}

/// Adds all members.
pub(super) fn put_all(value: &mut Value, given: &Map<String, Value>) {
    if let Some(members) = value.as_object_mut() {
        members.extend(given.clone());
    }
}

/// The members of an input that are kept as given.
pub(super) fn kept(input: Input<'_>, names: &[&str]) -> Map<String, Value> {
    let members = input.members().iter();
    members
        .filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
