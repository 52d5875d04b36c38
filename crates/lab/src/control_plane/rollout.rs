//! How a service's tasks follow what it should run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::world::{Service, World};

/// Tasks a service starts at a time.
const LAUNCHES: u64 = 10;

/// A step of every service.
pub(super) fn step(world: &mut World) {
    let mut of_services: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (arn, task) in &world.tasks {
        if let Some(name) = task.group.strip_prefix("service:").filter(|_| task.desired == "RUNNING") {
            of_services.entry((task.cluster.clone(), name.to_owned())).or_default().push(arn.clone());
        }
    }
    let keys: Vec<(String, String)> = world.services.keys().cloned().collect();
    for key in keys {
        let Some(mut service) = world.services.remove(&key) else { continue };
        let tasks = of_services.remove(&key).unwrap_or_default();
        match service.status {
            "ACTIVE" if service.controller == "ECS" => world.roll(&mut service, &tasks),
            "DRAINING" => world.drain(&mut service, &tasks),
            _ => {}
        }
        world.services.insert(key, service);
    }
}

impl World {
    fn drain(&mut self, service: &mut Service, tasks: &[String]) {
        if tasks.is_empty() {
            service.status = "INACTIVE";
        }
        for arn in tasks {
            self.stop_for_service(service, arn);
        }
    }

    fn stop_for_service(&mut self, service: &Service, arn: &str) {
        let reason = format!("Scaling activity initiated by (deployment {})", primary_id(service));
        self.stop(arn, "ServiceSchedulerInitiated", &reason);
    }

    fn roll(&mut self, service: &mut Service, tasks: &[String]) {
        let primary = primary_id(service);
        let is_running =
            |world: &Self, arn: &String| world.tasks.get(arn).is_some_and(|task| task.status == "RUNNING");
        let (new, old): (Vec<&String>, Vec<&String>) = tasks.iter().partition(|arn| {
            self.tasks.get(*arn).is_some_and(|task| task.deployment.as_deref() == Some(&primary))
        });
        let new_running = new.iter().filter(|arn| is_running(self, arn)).count() as u64;
        if self.breaks(service) {
            let rollback = breaker(service, "rollback");
            self.fail_deployment(service, rollback);
            return;
        }
        self.launch(service, new.len() as u64, tasks.len() as u64);
        for arn in new.iter().skip(usize::try_from(service.desired).unwrap_or(usize::MAX)) {
            self.stop_for_service(service, arn);
        }
        let least = service.desired * percent(service, "minimumHealthyPercent", 100) / 100;
        let mut running = tasks.iter().filter(|arn| is_running(self, arn)).count() as u64;
        for arn in &old {
            if !is_running(self, arn) {
                self.stop_for_service(service, arn);
            } else if running > least {
                running -= 1;
                self.stop_for_service(service, arn);
            }
        }
        if old.is_empty() {
            service.deployments.truncate(1);
        }
        let settled = old.is_empty() && new_running == service.desired && new.len() as u64 == service.desired;
        let state = service.deployments.first().map(|first| first.state);
        if settled && state == Some("IN_PROGRESS") {
            self.complete_deployment(service);
        }
        if settled && !std::mem::replace(&mut service.steady, true) {
            let message = format!("(service {}) has reached a steady state.", service.name);
            self.say(service, &message);
            self.service_event(service, "INFO", "SERVICE_STEADY_STATE");
        }
    }

    /// Whether the circuit breaker opens.
    fn breaks(&self, service: &Service) -> bool {
        // Half of the desired tasks, between 3 and 200.
        let threshold = service.desired.div_ceil(2).clamp(3, 200);
        let primary = service.deployments.first();
        breaker(service, "enable")
            && primary.is_some_and(|first| first.state == "IN_PROGRESS" && first.failed_tasks >= threshold)
    }

    fn launch(&mut self, service: &Service, new: u64, all: u64) {
        let Some(primary) = service.deployments.first().filter(|first| first.state != "FAILED") else {
            return;
        };
        let most = (service.desired * percent(service, "maximumPercent", 200) / 100).max(1);
        let number = service.desired.saturating_sub(new).min(most.saturating_sub(all)).min(LAUNCHES);
        let mut given = Map::new();
        for name in ["launchType", "platformVersion", "enableExecuteCommand", "networkConfiguration"] {
            if let Some(value) = service.given.get(name) {
                given.insert(name.to_owned(), value.clone());
            }
        }
        for _ in 0..number {
            let group = format!("service:{}", service.name);
            let arn =
                self.launch_task(&service.cluster, &primary.definition, group, &primary.id, given.clone());
            if let Some(task) = self.tasks.get_mut(&arn) {
                task.deployment = Some(primary.id.clone());
            }
            if service.given.get("propagateTags") == Some(&json!("SERVICE")) {
                let tags = self.tags.get(&service.arn).cloned().unwrap_or_default();
                self.tags.insert(arn, tags);
            }
        }
    }
}

fn primary_id(service: &Service) -> String {
    service.deployments.first().map(|first| first.id.clone()).unwrap_or_default()
}

fn configuration<'a>(service: &'a Service, name: &str) -> Option<&'a Value> {
    service.given.get("deploymentConfiguration")?.get(name)
}

fn breaker(service: &Service, member: &str) -> bool {
    let breaker = configuration(service, "deploymentCircuitBreaker");
    breaker.and_then(|breaker| breaker.get(member)).and_then(Value::as_bool).unwrap_or_default()
}

fn percent(service: &Service, name: &str, default: u64) -> u64 {
    configuration(service, name).and_then(Value::as_u64).unwrap_or(default)
}
