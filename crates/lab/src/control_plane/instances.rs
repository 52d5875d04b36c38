//! EC2 instances of clusters.

use serde_json::{Value, json};

use super::{
    answer::Reply,
    clusters::{missing, sorted},
    input::Input,
    paging,
    world::{World, seconds},
};

/// An EC2 instance that registered itself.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) arn: String,
    pub(super) cluster: String,
    ec2: String,
    version: u64,
    registered_at: fargard_model::Timestamp,
}

impl World {
    /// Registers an instance, as ECS's agent on it does.
    pub(super) fn add_instance(&mut self, cluster: &str) -> String {
        let id = self.id();
        let arn = self.arn(&format!("container-instance/{cluster}/{id}"));
        let ec2 = format!("i-{}", id.get(..17).unwrap_or_default());
        let registered_at = self.now;
        let instance =
            Instance { arn: arn.clone(), cluster: cluster.to_owned(), ec2, version: 1, registered_at };
        self.instances.insert(arn.clone(), instance.clone());
        let mut detail = self.instance_text(&instance);
        if let Some(members) = detail.as_object_mut() {
            members.insert("clusterArn".to_owned(), json!(self.arn(&format!("cluster/{cluster}"))));
            members.remove("registeredAt");
        }
        self.event("ECS Container Instance State Change", &arn, &detail);
        arn
    }

    /// The instance that a cluster's EC2 tasks are put on.
    pub(super) fn instance_in(&self, cluster: &str) -> Option<&str> {
        self.instances.values().find(|instance| instance.cluster == cluster).map(|one| one.arn.as_str())
    }

    fn instance_text(&self, instance: &Instance) -> Value {
        let running = self.tasks.values().filter(|task| {
            task.instance.as_deref() == Some(instance.arn.as_str()) && task.status == "RUNNING"
        });
        json!({
            "containerInstanceArn": instance.arn,
            "ec2InstanceId": instance.ec2,
            "version": instance.version,
            "status": "ACTIVE",
            "agentConnected": true,
            "runningTasksCount": running.count(),
            "pendingTasksCount": 0,
            "registeredAt": seconds(instance.registered_at),
            "attributes": [],
        })
    }
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let cluster = &world.cluster(input)?.name;
    let all = world.instances.values().filter(|instance| instance.cluster == *cluster);
    paging::page(input, "containerInstanceArns", &sorted(all.map(|instance| instance.arn.clone()).collect()))
}

pub(super) fn describe(world: &World, input: Input<'_>) -> Reply {
    let cluster = world.cluster(input)?.name.clone();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in input.texts("containerInstances", 100)? {
        match world.instances.get(name).filter(|instance| instance.cluster == cluster) {
            Some(instance) => found.push(world.instance_text(instance)),
            None => failures.push(missing(world, &format!("container-instance/{cluster}"), name)),
        }
    }
    Ok(json!({"containerInstances": found, "failures": failures}))
}
