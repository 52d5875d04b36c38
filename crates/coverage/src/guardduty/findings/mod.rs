//! Findings as GuardDuty's clients see them.

mod action;
mod criteria;
mod kinds;
mod list;
mod process;
mod sample;
mod statistics;

use std::collections::BTreeMap;

use fargard_model::{Detection, FileChange, Finding, FindingState, Timestamp};
use serde_json::{Map, Value, json};

pub use criteria::{Condition, Criteria, MAX_FILTERS};
pub use kinds::{severity_of, type_of};
pub use list::{FindingIds, ListFindings, Page, archive_input, feedback_input, get_findings, list_findings};
pub use sample::{Sample, sample_types};
pub use statistics::{Statistics as FindingStatistics, finding_statistics};

use super::{detector::iso, list_coverage::epoch};
use crate::{
    arn::EcsArn,
    ecs::{Tag, Task},
};

/// The states in which a finding is archived: somebody has done with it. A closed one that occurs again is opened again.
pub const ARCHIVED: [FindingState; 2] = [FindingState::Suppressed, FindingState::Closed];
/// The others.
pub const CURRENT: [FindingState; 2] = [FindingState::Open, FindingState::Acknowledged];

/// What is known of a finding beside the finding itself.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Its latest detection.
    pub detection: Option<Detection>,
    /// Its latest file change.
    pub file_change: Option<FileChange>,
    /// The cluster's status and tags.
    pub cluster: Option<(String, Vec<Tag>)>,
    /// Services, EC2 instances and running tasks of the cluster.
    pub counts: (u64, u64, u64),
    /// What ECS said of the task.
    pub task: Option<Task>,
    /// What somebody thought of it.
    pub feedback: Option<String>,
}

/// Account and region of a finding: of its task, as ECS names it.
#[must_use]
pub fn place_of(finding: &Finding) -> Option<(&str, &str)> {
    let arn = EcsArn::parse(&finding.task.arn).filter(|arn| arn.kind == "task")?;
    Some((arn.account, arn.region))
}

/// What ARNs of tasks in a region begin with, and of one account there.
#[must_use]
pub fn arn_prefix(region: &str, account: Option<&str>) -> String {
    let account = account.map(|account| format!("{account}:")).unwrap_or_default();
    format!("arn:{}:ecs:{region}:{account}", partition(region))
}

/// The partition a region is in.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region {
        china if china.starts_with("cn-") => "aws-cn",
        government if government.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Adds a text, if there is one.
fn put(members: &mut Map<String, Value>, member: &str, text: &str) {
    if !text.is_empty() {
        members.insert(member.to_owned(), text.into());
    }
}

/// A finding in GuardDuty's shape; `None` when its task is none of ECS's. `detector` is that of the finding's account.
#[must_use]
pub fn render_finding(finding: &Finding, detector: &str, detail: Option<&Detail>) -> Option<Value> {
    let arn = EcsArn::parse(&finding.task.arn).filter(|arn| arn.kind == "task")?;
    let EcsArn { partition, region, account, .. } = arn;
    let (id, family) = (&finding.id, &finding.task.family);
    let mut title = finding.title.clone();
    if !finding.container.name.is_empty() {
        title.push_str(&format!(" in container {}", finding.container.name));
    }
    if !family.is_empty() {
        title.push_str(&format!(" of {family}"));
    }
    Some(json!({
        "schemaVersion": "2.0",
        "accountId": account,
        "region": region,
        "partition": partition,
        "id": id,
        "arn": format!("arn:{partition}:guardduty:{region}:{account}:detector/{detector}/finding/{id}"),
        "type": type_of(finding),
        "title": title,
        "description": finding.summary,
        "severity": severity_of(finding.priority),
        "createdAt": iso(finding.first_seen),
        "updatedAt": iso(finding.last_seen),
        "resource": {"resourceType": "ECSCluster", "ecsClusterDetails": cluster(finding, arn, detail)},
        "service": service(finding, detector, detail),
    }))
}

fn service(finding: &Finding, detector: &str, detail: Option<&Detail>) -> Value {
    let mut service = json!({
        "serviceName": "guardduty",
        "detectorId": detector,
        "featureName": "RuntimeMonitoring",
        "archived": ARCHIVED.contains(&finding.state),
        // Clients have 32 bits for it.
        "count": i32::try_from(finding.count).unwrap_or(i32::MAX),
        "resourceRole": "TARGET",
        "eventFirstSeen": iso(finding.first_seen),
        "eventLastSeen": iso(finding.last_seen),
    });
    let Some(detail) = detail else { return service };
    let about = json!({
        "rule": finding.title,
        "priority": finding.priority.name(),
        "tags": finding.tags,
        "output": finding.summary,
        "state": finding.state.name(),
    });
    service["additionalInfo"] = json!({"type": "default", "value": about.to_string()});
    service["evidence"] = json!({"threatIntelligenceDetails": []});
    if let Some(feedback) = &detail.feedback {
        service["userFeedback"] = feedback.as_str().into();
    }
    service["action"] = detail.detection.as_ref().map_or_else(|| json!({}), action::of_detection);
    let runtime = detail
        .detection
        .as_ref()
        .map(process::of_detection)
        .or_else(|| detail.file_change.as_ref().map(process::of_change));
    if let Some(runtime) = runtime {
        service["runtimeDetails"] = runtime;
    }
    service
}

fn tags(tags: &[Tag]) -> Vec<Value> {
    tags.iter().map(|tag| json!({"key": tag.key, "value": tag.value})).collect()
}

fn cluster(finding: &Finding, arn: EcsArn<'_>, detail: Option<&Detail>) -> Value {
    let mut cluster = Map::new();
    // An ARN of the old format has no cluster in it; the sensor may know.
    let name = match arn.rest.split_once('/') {
        Some((name, _)) => name,
        None => finding.task.cluster.rsplit('/').next().unwrap_or_default(),
    };
    if !name.is_empty() {
        cluster.insert("name".to_owned(), name.into());
        let EcsArn { partition, region, account, .. } = arn;
        let arn = format!("arn:{partition}:ecs:{region}:{account}:cluster/{name}");
        cluster.insert("arn".to_owned(), arn.into());
    }
    if let Some(detail) = detail {
        if let Some((status, its_tags)) = &detail.cluster {
            put(&mut cluster, "status", status);
            cluster.insert("tags".to_owned(), tags(its_tags).into());
        }
        let (services, instances, tasks) = detail.counts;
        for (member, count) in [
            ("activeServicesCount", services),
            ("registeredContainerInstancesCount", instances),
            ("runningTasksCount", tasks),
        ] {
            cluster.insert(member.to_owned(), i32::try_from(count).unwrap_or(i32::MAX).into());
        }
    }
    cluster
        .insert("taskDetails".to_owned(), task(finding, arn, detail.and_then(|detail| detail.task.as_ref())));
    cluster.into()
}

fn task(finding: &Finding, arn: EcsArn<'_>, known: Option<&Task>) -> Value {
    let its = &finding.task;
    let mut task = Map::new();
    put(&mut task, "arn", &its.arn);
    let EcsArn { partition, region, account, .. } = arn;
    match known {
        Some(known) if !known.task_definition_arn.is_empty() => {
            put(&mut task, "definitionArn", &known.task_definition_arn);
        }
        _ if !its.family.is_empty() => {
            let definition = format!("{}:{}", its.family, its.revision);
            let definition = definition.trim_end_matches(':');
            let arn = format!("arn:{partition}:ecs:{region}:{account}:task-definition/{definition}");
            put(&mut task, "definitionArn", &arn);
        }
        _ => {}
    }
    let service = if its.service.is_empty() { String::new() } else { format!("service:{}", its.service) };
    put(&mut task, "group", known.map_or(&service, |known| &known.group));
    put(&mut task, "launchType", known.map_or(&its.launch_type, |known| &known.launch_type));
    if let Some(known) = known {
        put(&mut task, "startedBy", &known.started_by);
        put(&mut task, "version", &known.version.to_string());
        for (member, time) in [("createdAt", known.created_at), ("startedAt", known.started_at)] {
            if time != Timestamp(0) {
                task.insert(member.to_owned(), epoch(time).into());
            }
        }
    }
    let (volumes, mounts) = mounts(finding);
    task.insert("volumes".to_owned(), volumes.into());
    let mut container = Map::new();
    put(&mut container, "id", &finding.container.id);
    put(&mut container, "name", &finding.container.name);
    put(&mut container, "image", &finding.container.image);
    let repository = finding.container.image_repository();
    put(&mut container, "imagePrefix", repository.rsplit_once('/').map_or("", |(prefix, _)| prefix));
    container.insert("volumeMounts".to_owned(), mounts.into());
    task.insert("containers".to_owned(), json!([container]));
    task.into()
}

/// Volumes of the task that the container has mounted, and where.
fn mounts(finding: &Finding) -> (Vec<Value>, Vec<Value>) {
    let mut volumes = BTreeMap::new();
    let mut mounts = Vec::new();
    for mount in finding.container.mounts.iter().flatten() {
        if !mount.source.is_empty() {
            volumes.insert(&mount.source, json!({"name": mount.source, "hostPath": {"path": mount.source}}));
        }
        mounts.push(json!({"name": mount.source, "mountPath": mount.destination}));
    }
    (volumes.into_values().collect(), mounts)
}
