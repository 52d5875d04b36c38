//! Tasks.

use serde_json::{Map, Value, json};

use super::{
    answer::{Refusal, Reply},
    clusters::{missing, sorted},
    input::{Input, short},
    paging, services,
    world::{Container, Task, World, kept},
};

const GIVEN: [&str; 5] =
    ["overrides", "launchType", "platformVersion", "enableExecuteCommand", "networkConfiguration"];

pub(super) fn run(world: &mut World, input: Input<'_>) -> Reply {
    let cluster = world.cluster(input)?.name.clone();
    let definition = services::usable(world, input.required("taskDefinition")?, input)?;
    let count = input.number("count").unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(Refusal::parameter("count must be between 1 and 10."));
    }
    let family = definition.rsplit('/').next().and_then(|name| name.split(':').next()).unwrap_or_default();
    let group = input.text("group").map_or_else(|| format!("family:{family}"), str::to_owned);
    let started_by = input.text("startedBy").unwrap_or_default();
    let mut started = Vec::new();
    for _ in 0..count {
        let arn = world.launch_task(&cluster, &definition, group.clone(), started_by, kept(input, &GIVEN));
        world.tag(&arn, input)?;
        started.extend(world.task_text(&arn, true));
    }
    Ok(json!({"tasks": started, "failures": []}))
}

impl World {
    /// Makes a task of a definition, which must be there.
    pub(super) fn launch_task(
        &mut self,
        cluster: &str,
        definition: &str,
        group: String,
        started_by: &str,
        given: Map<String, Value>,
    ) -> String {
        let id = self.id();
        let is_short = self.settings.get("taskLongArnFormat").is_some_and(|set| set == "disabled");
        let arn = self.arn(&if is_short { format!("task/{id}") } else { format!("task/{cluster}/{id}") });
        let on_ec2 = given.get("launchType").and_then(Value::as_str) == Some("EC2");
        let instance = self.instance_in(cluster).filter(|_| on_ec2).map(str::to_owned);
        let described = self.definition(definition).map(|known| known.described.clone()).unwrap_or_default();
        let list = described.get("containerDefinitions").and_then(Value::as_array);
        let text = |value: &Value, member: &str| {
            value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let containers = list.into_iter().flatten().map(|container| Container {
            name: text(container, "name"),
            image: text(container, "image"),
            essential: container.get("essential").and_then(Value::as_bool).unwrap_or(true),
            status: "PENDING",
            exit_code: None,
            reason: None,
            id: self.id(),
        });
        let task = Task {
            containers: containers.collect(),
            id,
            arn: arn.clone(),
            cluster: cluster.to_owned(),
            definition: definition.to_owned(),
            status: "PROVISIONING",
            desired: "RUNNING",
            version: 1,
            group,
            started_by: started_by.to_owned(),
            deployment: None,
            created_at: self.now,
            since: self.now,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            given,
            instance,
            altered: Map::new(),
        };
        self.tasks.insert(arn.clone(), task);
        self.task_event(&arn);
        arn
    }

    /// A task of the input's cluster.
    fn task_arn(&self, cluster: &str, name: &str) -> Option<String> {
        let id = short(name);
        self.tasks.values().find(|task| task.cluster == cluster && task.id == id).map(|task| task.arn.clone())
    }
}

pub(super) fn stop(world: &mut World, input: Input<'_>) -> Reply {
    let cluster = world.cluster(input)?.name.clone();
    let arn = world.task_arn(&cluster, input.required("task")?);
    let arn = arn.ok_or_else(|| Refusal::parameter("The referenced task was not found."))?;
    world.stop(&arn, "UserInitiated", input.text("reason").unwrap_or("Task stopped by user"));
    Ok(json!({"task": world.task_text(&arn, false)}))
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let cluster = &world.cluster(input)?.name;
    let desired = input.text("desiredStatus").unwrap_or("RUNNING");
    let group = input.text("serviceName").map(|name| format!("service:{}", short(name)));
    let of_family = |task: &Task| {
        let name = task.definition.rsplit('/').next().and_then(|name| name.split(':').next());
        input.text("family").is_none_or(|family| name == Some(family))
    };
    let found = world.tasks.values().filter(|task| {
        task.cluster == *cluster
            && task.desired == desired
            && group.as_ref().is_none_or(|group| task.group == *group)
            && input.text("startedBy").is_none_or(|who| task.started_by == who)
            && of_family(task)
    });
    let arns = found.map(|task| task.arn.clone()).collect();
    paging::page(input, "taskArns", &sorted(arns))
}

pub(super) fn describe(world: &World, input: Input<'_>) -> Reply {
    let cluster = world.cluster(input)?.name.clone();
    let names = input.texts("tasks", 100)?;
    if names.is_empty() {
        return Err(Refusal::parameter("Tasks cannot be empty."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match world.task_arn(&cluster, name) {
            Some(arn) => found.extend(world.task_text(&arn, input.includes("TAGS"))),
            None => failures.push(missing(world, &format!("task/{cluster}"), name)),
        }
    }
    Ok(json!({"tasks": found, "failures": failures}))
}
