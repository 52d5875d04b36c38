//! A cluster's coverage from that of its tasks.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Issue, Policy, Problem, Sign,
    issue::{Place, remedy},
    task::{Around, Verdict, judge, subnet},
};
use crate::{
    arn::EcsArn,
    ecs::{ContainerInstance, Task, TaskDefinition, Vpc},
    inventory::{ClusterState, Item, Resource, ServiceState},
    sweep::managed,
};

/// Most issues of a cluster, and most tasks named with one; GuardDuty's limit.
pub const MAX_ISSUES: usize = 50;
/// How soon a cluster with something wrong is looked at again, in nanoseconds.
const SOON: u64 = 10_000_000_000;

/// Whether everything is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It is.
    Healthy,
    /// It is not.
    Unhealthy,
}

impl Status {
    /// GuardDuty's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Healthy, Self::Unhealthy].into_iter().find(|status| status.name() == name)
    }
}

/// Who puts agents into a cluster's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Management {
    /// Automated configuration.
    AutoManaged,
    /// Nobody: excluded, or automation is off.
    Disabled,
}

impl Management {
    /// GuardDuty's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AutoManaged => "AUTO_MANAGED",
            Self::Disabled => "DISABLED",
        }
    }
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Its sensor reports.
    Covered,
    /// It does not.
    Uncovered,
    /// Too young to tell.
    Starting,
}

/// A task, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// ARN.
    pub arn: String,
    /// `family:revision`.
    pub definition: String,
    /// Its service's name; empty for a standalone task.
    pub service: String,
    /// ECS's last status.
    pub last_status: String,
    /// How it stands.
    pub status: TaskStatus,
    /// What is wrong, as the cluster's issue says it, and what to do.
    pub issue: Option<Issue>,
    /// Start; 0 before.
    pub started: Timestamp,
    /// Version of its sensor; empty when it was never heard.
    pub sensor: String,
    /// Its latest heartbeat.
    pub heard: Option<Timestamp>,
    /// Events its sensors lost.
    pub lost: u64,
}

/// A cluster's coverage at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// `None` where nothing counts: the last status stays.
    pub status: Option<Status>,
    /// Who manages it.
    pub management: Management,
    /// What is wrong, at most [`MAX_ISSUES`].
    pub issues: Vec<Issue>,
    /// EC2 instances with a sensor.
    pub covered_instances: u64,
    /// EC2 instances.
    pub compatible_instances: u64,
    /// Start of its newest task.
    pub newest_task: Timestamp,
    /// When time alone may change any of this.
    pub due: Timestamp,
    /// Its tasks, those that count.
    pub tasks: Vec<TaskReport>,
}

/// What is known of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The cluster.
    pub cluster: ClusterState,
    /// Its services by name.
    pub services: BTreeMap<String, ServiceState>,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Its EC2 instances.
    pub instances: Vec<ContainerInstance>,
    /// The account's task definitions by ARN.
    pub definitions: BTreeMap<String, TaskDefinition>,
    /// The account's VPCs.
    pub vpcs: Vec<Vpc>,
    /// Signs of life by task.
    pub signs: BTreeMap<String, Sign>,
}

impl Known {
    /// From the items of a cluster (those that exist count) and of its account.
    #[must_use]
    pub fn of(cluster: ClusterState, items: Vec<Item>, signs: BTreeMap<String, Sign>) -> Self {
        let mut known = Self { signs, ..Self::default() };
        for item in items {
            let of_account = matches!(item.resource, Resource::TaskDefinition(_) | Resource::Vpc(_));
            if !of_account && !item.exists(cluster.swept) {
                continue;
            }
            match item.resource {
                Resource::Service(service) => {
                    known.services.insert(service.name().to_owned(), service);
                }
                Resource::Task(task) => known.tasks.push(task),
                Resource::ContainerInstance(instance) => known.instances.push(instance),
                Resource::TaskDefinition(definition) => {
                    known.definitions.insert(definition.task_definition_arn.clone(), definition);
                }
                Resource::Vpc(vpc) => known.vpcs.push(vpc),
                Resource::Cluster(_) | Resource::Account(_) => {}
            }
        }
        known.cluster = cluster;
        known.tasks.sort_by(|one, other| one.task_arn.cmp(&other.task_arn));
        known
    }
}

/// Judges a cluster and its tasks at a time.
#[must_use]
pub fn judge_cluster(known: &Known, policy: &Policy, now: Timestamp) -> Coverage {
    let tag = known.cluster.described.as_ref().and_then(|said| managed(&said.value.tags));
    let is_managed = tag.unwrap_or(policy.automation.on);
    let mut groups: BTreeMap<(String, Problem), Group> = BTreeMap::new();
    let mut coverage = Coverage {
        status: None,
        management: if is_managed { Management::AutoManaged } else { Management::Disabled },
        issues: Vec::new(),
        covered_instances: 0,
        compatible_instances: 0,
        newest_task: known.tasks.iter().map(|task| task.created_at).max().unwrap_or_default(),
        due: Timestamp(u64::MAX),
        tasks: Vec::new(),
    };
    let mut counted = false;
    for task in &known.tasks {
        let service = task.group.strip_prefix("service:").unwrap_or_default();
        let around = Around {
            service: known.services.get(service),
            definition: known.definitions.get(&task.task_definition_arn),
            vpc: vpc_of(task, &known.vpcs),
            sign: known.signs.get(&task.task_arn),
            excluded: known.cluster.excluded,
            is_excluded: !is_managed,
        };
        let verdict = judge(task, around, policy, now);
        coverage.due = coverage.due.min(due(task, &verdict, policy, now));
        let (status, problem) = match verdict {
            Verdict::OutOfScope => continue,
            Verdict::Neutral(_) => (TaskStatus::Starting, None),
            Verdict::Covered(_) => (TaskStatus::Covered, None),
            Verdict::Uncovered(problem) => (TaskStatus::Uncovered, Some(problem)),
        };
        counted |= status != TaskStatus::Starting;
        let definition = short_definition(&task.task_definition_arn);
        let issue = problem.map(|problem| {
            let group = groups.entry((definition.clone(), problem.clone())).or_default();
            group.add(task_id(task), service);
            single(problem, &definition, task_id(task), service, &known.cluster)
        });
        coverage.tasks.push(report(task, around.sign, definition, service, status, issue));
    }
    coverage.issues = groups
        .into_iter()
        .take(MAX_ISSUES)
        .map(|((definition, problem), group)| group.issue(problem, definition, &known.cluster))
        .collect();
    instances(known, policy, now, &mut coverage);
    let whole = coverage.issues.is_empty() && coverage.covered_instances == coverage.compatible_instances;
    if counted || coverage.compatible_instances > 0 {
        coverage.status = Some(if whole { Status::Healthy } else { Status::Unhealthy });
    }
    coverage
}

/// An instance counts as covered when a task on it is heard.
fn instances(known: &Known, policy: &Policy, now: Timestamp, coverage: &mut Coverage) {
    for instance in known.instances.iter().filter(|instance| instance.status != "INACTIVE") {
        coverage.compatible_instances += 1;
        let on_it = |task: &&Task| task.container_instance_arn == instance.container_instance_arn;
        let heard = known.tasks.iter().filter(on_it).filter_map(|task| known.signs.get(&task.task_arn));
        let until = heard.map(|sign| sign.at.0.saturating_add(policy.silence)).max().unwrap_or_default();
        if now.0 < until {
            coverage.covered_instances += 1;
            coverage.due = coverage.due.min(Timestamp(until));
        } else {
            coverage.due = coverage.due.min(Timestamp(now.0.saturating_add(SOON)));
        }
    }
}

fn due(task: &Task, verdict: &Verdict, policy: &Policy, now: Timestamp) -> Timestamp {
    let aged = match task.last_status.as_str() {
        "STOPPED" => Timestamp(task.stopped_at.0.saturating_add(policy.retention)),
        _ => Timestamp(u64::MAX),
    };
    let soon = Timestamp(now.0.saturating_add(SOON));
    match verdict {
        Verdict::OutOfScope => Timestamp(u64::MAX),
        Verdict::Covered(until) => aged.min(*until),
        // A heartbeat may come at any moment.
        Verdict::Neutral(until) if task.last_status == "RUNNING" => soon.min(*until),
        Verdict::Neutral(until) => aged.min(*until),
        Verdict::Uncovered(_) if task.last_status == "STOPPED" => aged,
        Verdict::Uncovered(_) => soon,
    }
}

/// Tasks and services with the same problem.
#[derive(Default)]
struct Group {
    tasks: Vec<String>,
    services: Vec<String>,
}

impl Group {
    fn add(&mut self, task: &str, service: &str) {
        if self.tasks.len() < MAX_ISSUES {
            self.tasks.push(task.to_owned());
        }
        let known = self.services.iter().any(|known| known == service);
        if !service.is_empty() && !known && self.services.len() < MAX_ISSUES {
            self.services.push(service.to_owned());
        }
    }

    fn issue(self, problem: Problem, definition: String, cluster: &ClusterState) -> Issue {
        let task = self.tasks.first().map_or("", String::as_str);
        let remedy = remedy(&problem, place(cluster), task, self.services.first().map(String::as_str));
        Issue { problem, definition, tasks: self.tasks, services: self.services, remedy }
    }
}

fn single(problem: Problem, definition: &str, task: &str, service: &str, cluster: &ClusterState) -> Issue {
    let mut group = Group::default();
    group.add(task, service);
    group.issue(problem, definition.to_owned(), cluster)
}

fn place(cluster: &ClusterState) -> Place<'_> {
    let region = EcsArn::parse(&cluster.arn).map_or("", |arn| arn.region);
    Place { cluster: cluster.name(), cluster_arn: &cluster.arn, region }
}

fn report(
    task: &Task,
    sign: Option<&Sign>,
    definition: String,
    service: &str,
    status: TaskStatus,
    issue: Option<Issue>,
) -> TaskReport {
    TaskReport {
        arn: task.task_arn.clone(),
        definition,
        service: service.to_owned(),
        last_status: task.last_status.clone(),
        status,
        issue,
        started: task.started_at,
        sensor: sign.map(|sign| sign.version.clone()).unwrap_or_default(),
        heard: sign.map(|sign| sign.at),
        lost: sign.map_or(0, |sign| sign.lost),
    }
}

fn vpc_of<'a>(task: &Task, vpcs: &'a [Vpc]) -> Option<&'a Vpc> {
    let subnet = subnet(task);
    vpcs.iter().find(|vpc| vpc.subnets.iter().any(|one| one == subnet))
}

fn task_id(task: &Task) -> &str {
    task.task_arn.rsplit('/').next().unwrap_or_default()
}

fn short_definition(arn: &str) -> String {
    EcsArn::parse(arn).map_or(arn, |arn| arn.rest).to_owned()
}
