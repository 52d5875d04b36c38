//! The beginning and the ends of roll-outs, with what ECS tells of each.

use serde_json::json;

use super::world::{Deployment, Service, ServiceDeployment, World, seconds};

/// Roll-outs ECS tells of.
const MAX_HISTORY: usize = 100;
/// Messages ECS keeps of a service.
const MAX_MESSAGES: usize = 100;

impl World {
    /// Begins to roll a definition out.
    pub(super) fn begin_deployment(&mut self, service: &mut Service, definition: String) {
        let source = service.deployments.first().map(|primary| primary.definition.clone());
        if let Some(running) = service.history.last_mut().filter(|last| last.finished_at.is_none()) {
            running.status = "STOPPED";
            running.reason = Some("Superseded by a new service deployment.".to_owned());
            running.finished_at = Some(self.now);
        }
        let resource = format!("service-deployment/{}/{}/{}", service.cluster, service.name, self.id());
        let arn = self.arn(&resource);
        if service.history.len() == MAX_HISTORY {
            service.history.remove(0);
        }
        service.history.push(ServiceDeployment {
            arn: arn.clone(),
            definition: definition.clone(),
            source,
            status: "IN_PROGRESS",
            reason: None,
            rollback: None,
            created_at: self.now,
            updated_at: self.now,
            finished_at: None,
        });
        self.add_deployment(service, definition, arn, false);
    }

    fn add_deployment(
        &mut self,
        service: &mut Service,
        definition: String,
        history: String,
        rolls_back: bool,
    ) {
        let id = format!("ecs-svc/{}", self.number());
        service.definition.clone_from(&definition);
        service.steady = false;
        let reason = format!("ECS deployment {id} in progress.");
        let deployment = Deployment {
            id,
            definition,
            failed_tasks: 0,
            created_at: self.now,
            updated_at: self.now,
            state: "IN_PROGRESS",
            reason: reason.clone(),
            history,
            rolls_back,
        };
        service.deployments.insert(0, deployment);
        self.deployment_event(service, "SERVICE_DEPLOYMENT_IN_PROGRESS", &reason);
    }

    /// The primary roll-out has replaced all others.
    pub(super) fn complete_deployment(&mut self, service: &mut Service) {
        let now = self.now;
        let Some(primary) = service.deployments.first_mut() else { return };
        primary.state = "COMPLETED";
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated_at = now;
        let (reason, history, rolls_back) =
            (primary.reason.clone(), primary.history.clone(), primary.rolls_back);
        if let Some(entry) = service.history.iter_mut().find(|entry| entry.arn == history) {
            entry.status = if rolls_back { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" };
            entry.updated_at = now;
            entry.finished_at = Some(now);
        }
        self.deployment_event(service, "SERVICE_DEPLOYMENT_COMPLETED", &reason);
        let (name, id) = (&service.name, service.deployments.first().map_or("", |first| &first.id));
        let message = format!("(service {name}) (deployment {id}) deployment completed.");
        self.say(service, &message);
    }

    /// The circuit breaker opens: the primary roll-out has failed.
    pub(super) fn fail_deployment(&mut self, service: &mut Service, rollback: bool) {
        let now = self.now;
        let target = service.history.iter().rev().find(|entry| entry.status == "SUCCESSFUL");
        let target = target.filter(|_| rollback).map(|entry| entry.definition.clone());
        let Some(primary) = service.deployments.first_mut() else { return };
        primary.state = "FAILED";
        primary.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        primary.updated_at = now;
        let (history, id) = (primary.history.clone(), primary.id.clone());
        let back_again = primary.rolls_back;
        if let Some(entry) = service.history.iter_mut().find(|entry| entry.arn == history) {
            entry.status = match (&target, back_again) {
                (_, true) => "ROLLBACK_FAILED",
                (Some(_), false) => "ROLLBACK_IN_PROGRESS",
                (None, false) => "STOPPED",
            };
            entry.reason = Some(
                "Service deployment rolled back because the circuit breaker threshold was exceeded.".into(),
            );
            entry.rollback = target.clone().map(|definition| (definition, now));
            entry.updated_at = now;
            entry.finished_at = target.is_none().then_some(now);
        }
        self.deployment_event(
            service,
            "SERVICE_DEPLOYMENT_FAILED",
            "ECS deployment circuit breaker: task failed to start.",
        );
        let message =
            format!("(service {}) (deployment {id}) deployment failed: tasks failed to start.", service.name);
        self.say(service, &message);
        if let Some(definition) = target.filter(|_| !back_again) {
            self.add_deployment(service, definition, history, true);
            let message = format!("ECS deployment circuit breaker: rolling back to deploymentId {id}.");
            if let Some(primary) = service.deployments.first_mut() {
                primary.reason = message;
            }
            let message =
                format!("(service {}) rolling back to the last completed deployment.", service.name);
            self.say(service, &message);
        }
    }

    /// A message in the service's own list, newest first.
    pub(super) fn say(&mut self, service: &mut Service, message: &str) {
        let id = self.id();
        service.events.push_front(json!({"id": id, "createdAt": seconds(self.now), "message": message}));
        service.events.truncate(MAX_MESSAGES);
    }
}
