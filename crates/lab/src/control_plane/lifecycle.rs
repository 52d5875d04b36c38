//! Time: what tasks go through from PROVISIONING to STOPPED.

use std::time::Duration;

use fargard_model::Timestamp;
use serde_json::Value;

use super::{
    ImageBehaviour, rollout,
    world::{Container, World},
};

/// One step of the simulation.
const STEP: Duration = Duration::from_secs(5);
/// How long ECS tells of stopped tasks.
const RETENTION: Duration = Duration::from_secs(3600);
/// From PENDING to RUNNING: pulling images.
const PULL: Duration = Duration::from_secs(10);

/// Lets time pass, step by step; what lies between two steps happens at the second.
pub(super) fn advance(world: &mut World, time: Duration) {
    let end = later(world.now, time);
    let step = u64::try_from(STEP.as_nanos()).unwrap_or(u64::MAX);
    loop {
        let next = Timestamp((world.now.0 / step).saturating_add(1).saturating_mul(step));
        if next > end {
            world.now = end;
            return;
        }
        world.now = next;
        let arns: Vec<String> = world.tasks.keys().cloned().collect();
        for arn in arns {
            world.step_task(&arn);
        }
        rollout::step(world);
    }
}

/// Gives a task members that a test wants, and tells of it.
pub(super) fn alter(world: &mut World, arn: &str, members: &Value) {
    let Some(task) = world.tasks.get_mut(arn) else { return };
    task.altered.extend(members.as_object().cloned().unwrap_or_default());
    task.version += 1;
    world.task_event(arn);
}

fn later(at: Timestamp, time: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
}

impl World {
    fn step_task(&mut self, arn: &str) {
        let Some(task) = self.tasks.get(arn) else { return };
        let waited = Duration::from_nanos(self.now.0.saturating_sub(task.since.0));
        let next = match (task.status, task.desired) {
            ("STOPPED", _) => {
                if waited >= RETENTION {
                    self.tasks.remove(arn);
                    self.tags.remove(arn);
                }
                return;
            }
            ("PROVISIONING" | "PENDING", "STOPPED") => "DEPROVISIONING",
            ("RUNNING", "STOPPED") => "DEACTIVATING",
            ("DEACTIVATING", _) => "STOPPING",
            ("STOPPING", _) => "DEPROVISIONING",
            ("DEPROVISIONING", _) => "STOPPED",
            ("PROVISIONING", _) => "PENDING",
            ("PENDING", _) if waited < PULL => return,
            ("PENDING", _) => return self.start(arn),
            _ => return self.run_on(arn),
        };
        self.change(arn, next);
    }

    /// Pulls the images and starts the containers.
    fn start(&mut self, arn: &str) {
        let Some(task) = self.tasks.get_mut(arn) else { return };
        let mut failure = None;
        for container in &mut task.containers {
            if let Some(ImageBehaviour::CannotPull(reason)) = self.images.get(&container.image) {
                let text = format!("CannotPullContainerError: {reason}");
                container.reason = Some(text.clone());
                failure = Some(text);
            }
        }
        match failure {
            Some(reason) => {
                self.fail_task(arn);
                self.stop(arn, "TaskFailedToStart", &reason);
            }
            None => {
                for container in &mut task.containers {
                    container.status = "RUNNING";
                }
                task.started_at = Some(self.now);
                self.change(arn, "RUNNING");
            }
        }
    }

    /// Ends the containers whose time has come.
    fn run_on(&mut self, arn: &str) {
        let Some(task) = self.tasks.get_mut(arn) else { return };
        let Some(started) = task.started_at else { return };
        let ran = Duration::from_nanos(self.now.0.saturating_sub(started.0));
        let (mut ended, mut essential) = (false, false);
        for container in task.containers.iter_mut().filter(|container| container.status == "RUNNING") {
            let (after, code, reason) = match self.images.get(&container.image) {
                Some(ImageBehaviour::Exits { after, code }) => (after, code, None),
                Some(ImageBehaviour::Killed { after, code, reason }) => (after, code, Some(reason.clone())),
                _ => continue,
            };
            if ran >= *after {
                container.status = "STOPPED";
                container.exit_code = Some(*code);
                container.reason = reason;
                ended = true;
                essential |= container.essential;
            }
        }
        if essential {
            self.fail_task(arn);
            self.stop(arn, "EssentialContainerExited", "Essential container in task exited");
        } else if ended {
            self.change(arn, "RUNNING");
        }
    }

    /// Counts a failed task against its roll-out.
    fn fail_task(&mut self, arn: &str) {
        let Some(id) = self.tasks.get(arn).and_then(|task| task.deployment.clone()) else { return };
        let all = self.services.values_mut().flat_map(|service| service.deployments.iter_mut());
        if let Some(deployment) = all.into_iter().find(|deployment| deployment.id == id) {
            deployment.failed_tasks += 1;
        }
    }

    /// Asks a task to stop.
    pub(super) fn stop(&mut self, arn: &str, code: &'static str, reason: &str) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(arn).filter(|task| task.desired == "RUNNING") else { return };
        task.desired = "STOPPED";
        task.stop_code = Some(code);
        task.stopped_reason = Some(reason.to_owned());
        task.stopping_at = Some(now);
        let status = task.status;
        self.change(arn, status);
    }

    /// Gives a task its next state and tells of it.
    fn change(&mut self, arn: &str, status: &'static str) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(arn) else { return };
        if task.status != status {
            task.since = now;
        }
        task.status = status;
        task.version += 1;
        if matches!(status, "DEPROVISIONING" | "STOPPED") {
            task.containers.iter_mut().for_each(Container::end);
        }
        if status == "STOPPED" {
            task.stopped_at = Some(now);
        }
        self.task_event(arn);
    }
}

impl Container {
    /// Ends it by SIGTERM, if it had started.
    fn end(&mut self) {
        if self.status == "RUNNING" {
            self.exit_code = Some(143);
        }
        self.status = "STOPPED";
    }
}
