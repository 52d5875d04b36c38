//! Clusters.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, Reply},
    input::{Input, short},
    paging,
    world::{Cluster, World, kept, put_all},
};

const GIVEN: [&str; 5] = [
    "settings",
    "configuration",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
];

pub(super) fn create(world: &mut World, input: Input<'_>) -> Reply {
    let name = input.text("clusterName").unwrap_or("default").to_owned();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.len() > 255 || !name.chars().all(fits) {
        return Err(Refusal::parameter("Invalid identifier: Identifier is for cluster."));
    }
    let arn = world.arn(&format!("cluster/{name}"));
    // Creating what is there gives what is there.
    if world.clusters.get(&name).is_none_or(|cluster| cluster.status != "ACTIVE") {
        world.tag(&arn, input)?;
        let cluster = Cluster { name: name.clone(), status: "ACTIVE", given: kept(input, &GIVEN) };
        world.clusters.insert(name.clone(), cluster);
    }
    Ok(json!({"cluster": world.cluster_text(&name, true)}))
}

pub(super) fn delete(world: &mut World, input: Input<'_>) -> Reply {
    let name = world.cluster(input)?.name.clone();
    let inside = |cluster: &str| cluster == name;
    if world.services.values().any(|service| inside(&service.cluster) && service.status == "ACTIVE") {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(Refusal::other("ClusterContainsServicesException", message));
    }
    if world.tasks.values().any(|task| inside(&task.cluster) && task.status != "STOPPED") {
        let message = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Refusal::other("ClusterContainsTasksException", message));
    }
    if let Some(cluster) = world.clusters.get_mut(&name) {
        cluster.status = "INACTIVE";
    }
    Ok(json!({"cluster": world.cluster_text(&name, false)}))
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let active = world.clusters.values().filter(|cluster| cluster.status == "ACTIVE");
    let arns: Vec<String> = active.map(|cluster| world.arn(&format!("cluster/{}", cluster.name))).collect();
    paging::page(input, "clusterArns", &sorted(arns))
}

pub(super) fn describe(world: &World, input: Input<'_>) -> Reply {
    let mut names = input.texts("clusters", 100)?;
    if names.is_empty() {
        names.push("default");
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match world.clusters.get(short(name)) {
            Some(cluster) => found.push(world.cluster_text(&cluster.name, input.includes("TAGS"))),
            None => failures.push(missing(world, "cluster", name)),
        }
    }
    Ok(json!({"clusters": found, "failures": failures}))
}

/// A failure for what is not there.
pub(super) fn missing(world: &World, kind: &str, name: &str) -> Value {
    let arn = if name.starts_with("arn:") { name.to_owned() } else { world.arn(&format!("{kind}/{name}")) };
    json!({"arn": arn, "reason": "MISSING"})
}

pub(super) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

impl World {
    fn cluster_text(&self, name: &str, with_tags: bool) -> Value {
        let Some(cluster) = self.clusters.get(name) else { return Value::Null };
        let arn = self.arn(&format!("cluster/{name}"));
        let tasks = |status: &str| {
            self.tasks.values().filter(|task| task.cluster == name && task.status == status).count()
        };
        let services =
            self.services.values().filter(|service| service.cluster == name && service.status == "ACTIVE");
        let mut text = json!({
            "clusterArn": arn,
            "clusterName": name,
            "status": cluster.status,
            "registeredContainerInstancesCount":
                self.instances.values().filter(|instance| instance.cluster == name).count(),
            "runningTasksCount": tasks("RUNNING"),
            "pendingTasksCount": tasks("PENDING") + tasks("PROVISIONING"),
            "activeServicesCount": services.count(),
            "statistics": [],
            "tags": if with_tags { self.tags_of(&arn) } else { json!([]) },
            "settings": [],
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
        });
        put_all(&mut text, &cluster.given);
        text
    }
}
