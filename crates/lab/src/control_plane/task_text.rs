//! Tasks in the API's words.

use serde_json::{Value, json};

use super::world::{Container, Task, World, put, put_all, seconds};

impl World {
    /// A task as DescribeTasks gives it.
    pub(super) fn task_text(&self, arn: &str, with_tags: bool) -> Option<Value> {
        let task = self.tasks.get(arn)?;
        let definition = self.definition(&task.definition);
        let of_definition = |member: &str| definition.and_then(|known| known.text(member)).map(str::to_owned);
        let platform = definition.and_then(|known| known.described.get("runtimePlatform"));
        let architecture =
            platform.and_then(|platform| platform.get("cpuArchitecture")).and_then(Value::as_str);
        let architecture = if architecture == Some("ARM64") { "arm64" } else { "x86_64" };
        let containers: Vec<Value> =
            task.containers.iter().map(|one| self.container_text(task, one)).collect();
        let version = task.given.get("platformVersion").and_then(Value::as_str).filter(|v| *v != "LATEST");
        let mut text = json!({
            "attachments": [self.interface_text(task)],
            "attributes": [{"name": "ecs.cpu-architecture", "value": architecture}],
            "availabilityZone": format!("{}a", self.region),
            "clusterArn": self.arn(&format!("cluster/{}", task.cluster)),
            "containers": containers,
            "createdAt": seconds(task.created_at),
            "desiredStatus": task.desired,
            "enableExecuteCommand": task.given.get("enableExecuteCommand").and_then(Value::as_bool).unwrap_or(false),
            "group": task.group,
            "healthStatus": "UNKNOWN",
            "lastStatus": task.status,
            "launchType": task.given.get("launchType").and_then(Value::as_str).unwrap_or("FARGATE"),
            "overrides": task.given.get("overrides").cloned().unwrap_or_else(|| overrides(task)),
            "platformVersion": version.unwrap_or("1.4.0"),
            "platformFamily": "Linux",
            "taskArn": task.arn,
            "taskDefinitionArn": task.definition,
            "version": task.version,
            "ephemeralStorage": {"sizeInGiB": 20},
            "fargateEphemeralStorage": {"sizeInGiB": 20},
            "tags": if with_tags { self.tags_of(arn) } else { json!([]) },
        });
        put(&mut text, "containerInstanceArn", task.instance.clone());
        put(&mut text, "cpu", of_definition("cpu"));
        put(&mut text, "memory", of_definition("memory"));
        put(&mut text, "startedBy", Some(task.started_by.clone()).filter(|who| !who.is_empty()));
        if let Some(started) = task.started_at {
            put(&mut text, "connectivity", Some("CONNECTED"));
            put(&mut text, "connectivityAt", Some(seconds(started)));
            put(&mut text, "pullStartedAt", Some(seconds(task.created_at)));
            put(&mut text, "pullStoppedAt", Some(seconds(started)));
            put(&mut text, "startedAt", Some(seconds(started)));
        }
        put(&mut text, "stopCode", task.stop_code);
        put(&mut text, "stoppedReason", task.stopped_reason.clone());
        put(&mut text, "stoppingAt", task.stopping_at.map(seconds));
        put(&mut text, "stoppedAt", task.stopped_at.map(seconds));
        put(&mut text, "executionStoppedAt", task.stopped_at.map(seconds));
        put_all(&mut text, &task.altered);
        Some(text)
    }

    fn interface_text(&self, task: &Task) -> Value {
        let subnet = task.given.get("networkConfiguration");
        let subnet = subnet.and_then(|network| network.pointer("/awsvpcConfiguration/subnets/0"));
        let subnet = subnet.and_then(Value::as_str).unwrap_or("subnet-0");
        let part = |from: usize, to: usize| task.id.get(from..to).unwrap_or_default();
        let status = match task.status {
            "PROVISIONING" => "PRECREATED",
            "DEPROVISIONING" | "STOPPED" => "DELETED",
            _ => "ATTACHED",
        };
        json!({
            "id": attachment_id(task),
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": [
                {"name": "subnetId", "value": subnet},
                {"name": "networkInterfaceId", "value": format!("eni-{}", part(0, 17))},
                {"name": "macAddress", "value": format!("02:{}:{}:{}:00:01", part(0, 2), part(2, 4), part(4, 6))},
                {"name": "privateIPv4Address", "value": "10.0.0.10"},
            ],
        })
    }

    fn container_text(&self, task: &Task, container: &Container) -> Value {
        let runtime = format!("{}-{}", task.id, container.id.get(..10).unwrap_or_default());
        let resource = format!("container/{}/{}/{}", task.cluster, task.id, container.id);
        let mut text = json!({
            "containerArn": self.arn(&resource),
            "taskArn": task.arn,
            "name": container.name,
            "image": container.image,
            "lastStatus": container.status,
            "networkBindings": [],
            "networkInterfaces": [],
            "healthStatus": "UNKNOWN",
            "cpu": "0",
        });
        if task.started_at.is_some() {
            put(&mut text, "runtimeId", Some(runtime));
            put(
                &mut text,
                "networkInterfaces",
                Some(json!([{"attachmentId": attachment_id(task), "privateIpv4Address": "10.0.0.10"}])),
            );
        }
        put(&mut text, "exitCode", container.exit_code);
        put(&mut text, "reason", container.reason.clone());
        text
    }
}

/// Of the network interface.
fn attachment_id(task: &Task) -> String {
    let part = |from: usize, to: usize| task.id.get(from..to).unwrap_or_default();
    format!("{}-{}", part(0, 8), part(8, 12))
}

fn overrides(task: &Task) -> Value {
    let containers: Vec<Value> = task.containers.iter().map(|one| json!({"name": one.name})).collect();
    json!({"containerOverrides": containers, "inferenceAcceleratorOverrides": []})
}
