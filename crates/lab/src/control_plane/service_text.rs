//! Services and their roll-outs in the API's words.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{Deployment, Service, ServiceDeployment, World, put, put_all, seconds};

impl World {
    pub(super) fn service_text(&self, service: &Service, with_tags: bool) -> Value {
        let counts = self.counts(service);
        let deployments: Vec<Value> = service
            .deployments
            .iter()
            .enumerate()
            .map(|(place, deployment)| {
                let counts = counts.get(deployment.id.as_str()).copied().unwrap_or_default();
                rollout_text(service, deployment, place == 0, counts)
            })
            .collect();
        let mut text = json!({
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": self.arn(&format!("cluster/{}", service.cluster)),
            "loadBalancers": [],
            "serviceRegistries": [],
            "status": service.status,
            "desiredCount": service.desired,
            "runningCount": counts.values().map(|(running, _)| running).sum::<u64>(),
            "pendingCount": counts.values().map(|(_, pending)| pending).sum::<u64>(),
            "platformFamily": "Linux",
            "platformVersion": "LATEST",
            "taskDefinition": service.definition,
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": false, "rollback": false},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "strategy": "ROLLING",
            },
            "deployments": deployments,
            "events": service.events,
            "createdAt": seconds(service.created_at),
            "placementConstraints": [],
            "placementStrategy": [],
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": service.controller},
            "createdBy": format!("arn:aws:iam::{}:user/lab", self.account),
            "enableECSManagedTags": false,
            "propagateTags": "NONE",
            "enableExecuteCommand": false,
            "availabilityZoneRebalancing": "DISABLED",
        });
        put_all(&mut text, &service.given);
        put(&mut text, "tags", with_tags.then(|| self.tags_of(&service.arn)));
        let current = service.history.last().map(|deployment| deployment.arn.clone());
        put(&mut text, "currentServiceDeployment", current);
        text
    }

    /// Running and pending tasks by roll-out.
    fn counts(&self, service: &Service) -> BTreeMap<&str, (u64, u64)> {
        let group = format!("service:{}", service.name);
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for task in self.tasks.values().filter(|task| task.group == group && task.cluster == service.cluster)
        {
            let (running, pending) =
                counts.entry(task.deployment.as_deref().unwrap_or_default()).or_default();
            match task.status {
                "RUNNING" => *running += 1,
                // What is not running yet counts as pending.
                "PENDING" | "PROVISIONING" | "ACTIVATING" => *pending += 1,
                _ => {}
            }
        }
        counts
    }

    fn revision_arn(&self, service: &Service, definition: &str) -> String {
        // A number that stays the same for the same definition.
        let number =
            definition.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let resource = format!("service-revision/{}/{}/{number:019}", service.cluster, service.name);
        self.arn(&resource)
    }

    pub(super) fn deployment_brief(&self, service: &Service, deployment: &ServiceDeployment) -> Value {
        let mut text = json!({
            "serviceDeploymentArn": deployment.arn,
            "serviceArn": service.arn,
            "clusterArn": self.arn(&format!("cluster/{}", service.cluster)),
            "startedAt": seconds(deployment.created_at),
            "createdAt": seconds(deployment.created_at),
            "targetServiceRevisionArn": self.revision_arn(service, &deployment.definition),
            "status": deployment.status,
        });
        put(&mut text, "finishedAt", deployment.finished_at.map(seconds));
        put(&mut text, "statusReason", deployment.reason.clone());
        text
    }

    pub(super) fn deployment_text(&self, service: &Service, deployment: &ServiceDeployment) -> Value {
        let mut text = self.deployment_brief(service, deployment);
        let revision = |definition: &str| json!({"arn": self.revision_arn(service, definition), "requestedTaskCount": service.desired});
        let source: Vec<Value> = deployment.source.iter().map(|definition| revision(definition)).collect();
        put(&mut text, "updatedAt", Some(seconds(deployment.updated_at)));
        put(&mut text, "sourceServiceRevisions", Some(source));
        put(&mut text, "targetServiceRevision", Some(revision(&deployment.definition)));
        put(&mut text, "deploymentConfiguration", service.given.get("deploymentConfiguration").cloned());
        if let Some(members) = text.as_object_mut() {
            members.remove("targetServiceRevisionArn");
        }
        let rollback = deployment.rollback.as_ref().map(|(definition, at)| {
            json!({
                "reason": deployment.reason,
                "startedAt": seconds(*at),
                "serviceRevisionArn": self.revision_arn(service, definition),
            })
        });
        put(&mut text, "rollback", rollback);
        text
    }
}

fn rollout_text(
    service: &Service,
    deployment: &Deployment,
    primary: bool,
    (running, pending): (u64, u64),
) -> Value {
    let mut text = json!({
        "id": deployment.id,
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.definition,
        "desiredCount": if primary { service.desired } else { 0 },
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": seconds(deployment.created_at),
        "updatedAt": seconds(deployment.updated_at),
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
    });
    for name in ["launchType", "networkConfiguration", "capacityProviderStrategy"] {
        put(&mut text, name, service.given.get(name).cloned());
    }
    // Other controllers have roll-outs of their own.
    if service.controller == "ECS" {
        put(&mut text, "rolloutState", Some(deployment.state));
        put(&mut text, "rolloutStateReason", Some(deployment.reason.clone()));
    }
    text
}
