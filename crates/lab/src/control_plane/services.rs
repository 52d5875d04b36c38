//! Services.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, Reply},
    clusters::{missing, sorted},
    input::{Input, short},
    paging,
    world::{Service, World, kept},
};

const GIVEN: [&str; 17] = [
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
    "serviceConnectConfiguration",
    "volumeConfigurations",
];
/// Changes of these start a roll-out.
const ROLLED_OUT: [&str; 8] = [
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "enableExecuteCommand",
    "serviceConnectConfiguration",
    "volumeConfigurations",
];

pub(super) fn create(world: &mut World, input: Input<'_>) -> Reply {
    let cluster = world.cluster(input)?.name.clone();
    let name = input.required("serviceName")?.to_owned();
    let key = (cluster.clone(), name.clone());
    if world.services.get(&key).is_some_and(|known| known.status == "ACTIVE") {
        return Err(Refusal::parameter("Creation of service was not idempotent."));
    }
    let controller = input.get("deploymentController").and_then(|value| value.get("type"));
    let controller = controller.and_then(Value::as_str).unwrap_or("ECS").to_owned();
    let given = kept(input, &GIVEN);
    let definition = usable(world, input.required("taskDefinition")?, input)?;
    let arn = world.arn(&format!("service/{cluster}/{name}"));
    world.tags.remove(&arn);
    world.tag(&arn, input)?;
    let mut service = Service {
        name,
        arn: arn.clone(),
        cluster,
        status: "ACTIVE",
        definition: definition.clone(),
        desired: desired(input)?.unwrap_or_default(),
        controller,
        created_at: world.now,
        given,
        deployments: Vec::new(),
        history: Vec::new(),
        events: std::collections::VecDeque::new(),
        steady: false,
    };
    world.begin_deployment(&mut service, definition);
    let text = world.service_text(&service, true);
    world.services.insert(key, service);
    Ok(json!({"service": text}))
}

fn desired(input: Input<'_>) -> Result<Option<u64>, Refusal> {
    let number = input.number("desiredCount").map(u64::try_from).transpose();
    number.map_err(|_| Refusal::parameter("desiredCount cannot be negative."))
}

/// The ARN of a definition that tasks can be made of.
pub(super) fn usable(world: &World, name: &str, input: Input<'_>) -> Result<String, Refusal> {
    let definition = world.definition(name).ok_or_else(|| Refusal::parameter("TaskDefinition not found."))?;
    if !definition.is_active() {
        return Err(Refusal::client("TaskDefinition is inactive"));
    }
    let supports = definition.described.get("compatibilities").and_then(Value::as_array);
    if input.text("launchType") == Some("FARGATE")
        && supports.is_none_or(|all| !all.contains(&json!("FARGATE")))
    {
        return Err(Refusal::parameter("Task definition does not support launch_type FARGATE."));
    }
    // Only what makes tasks names a network; an update leaves it.
    if definition.text("networkMode") == Some("awsvpc")
        && input.text("service").is_none()
        && input.get("networkConfiguration").is_none()
    {
        let message = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
        return Err(Refusal::parameter(message));
    }
    Ok(definition.arn.clone())
}

impl World {
    fn service_key(&self, input: Input<'_>) -> Result<(String, String), Refusal> {
        let cluster = self.cluster(input)?.name.clone();
        let key = (cluster, short(input.required("service")?).to_owned());
        self.services.contains_key(&key).then_some(key).ok_or_else(Refusal::service_not_found)
    }
}

pub(super) fn update(world: &mut World, input: Input<'_>) -> Reply {
    let key = world.service_key(input)?;
    let Some(mut service) = world.services.get(&key).cloned() else {
        return Err(Refusal::service_not_found());
    };
    if service.status != "ACTIVE" {
        return Err(Refusal::service_not_active());
    }
    if let Some(count) = desired(input)? {
        service.desired = count;
        service.steady = false;
    }
    let given = kept(input, &GIVEN);
    let mut rolls = input.flag("forceNewDeployment").unwrap_or_default();
    rolls |= ROLLED_OUT
        .iter()
        .any(|name| given.get(*name).is_some_and(|new| service.given.get(*name) != Some(new)));
    let mut definition = service.definition.clone();
    if let Some(name) = input.text("taskDefinition") {
        if service.controller != "ECS" {
            return Err(Refusal::parameter(format!(
                "Unable to update task definition on services with a {} deployment controller.",
                service.controller
            )));
        }
        definition = usable(world, name, input)?;
        rolls |= definition != service.definition;
    }
    service.given.extend(given);
    if rolls {
        world.begin_deployment(&mut service, definition);
    }
    let text = world.service_text(&service, false);
    world.services.insert(key, service);
    Ok(json!({"service": text}))
}

pub(super) fn delete(world: &mut World, input: Input<'_>) -> Reply {
    let key = world.service_key(input)?;
    let force = input.flag("force").unwrap_or_default();
    let Some(service) = world.services.get_mut(&key) else { return Err(Refusal::service_not_found()) };
    if service.desired > 0 && !force {
        let message = "The service cannot be stopped while it is scaled above 0.";
        return Err(Refusal::parameter(message));
    }
    service.status = "DRAINING";
    service.desired = 0;
    let service = service.clone();
    Ok(json!({"service": world.service_text(&service, false)}))
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let cluster = &world.cluster(input)?.name;
    let of_cluster = world.services.values().filter(|service| {
        let launch_type = service.given.get("launchType").and_then(Value::as_str);
        service.cluster == *cluster
            && service.status != "INACTIVE"
            && input.text("launchType").is_none_or(|wanted| launch_type == Some(wanted))
    });
    let arns = of_cluster.map(|service| service.arn.clone()).collect();
    paging::page(input, "serviceArns", &sorted(arns))
}

pub(super) fn describe(world: &World, input: Input<'_>) -> Reply {
    let cluster = &world.cluster(input)?.name;
    let names = input.texts("services", 10)?;
    if names.is_empty() {
        return Err(Refusal::parameter("Services cannot be empty."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match world.services.get(&(cluster.clone(), short(name).to_owned())) {
            Some(service) => found.push(world.service_text(service, input.includes("TAGS"))),
            None => failures.push(missing(world, &format!("service/{cluster}"), name)),
        }
    }
    Ok(json!({"services": found, "failures": failures}))
}

pub(super) fn list_deployments(world: &World, input: Input<'_>) -> Reply {
    let key = world.service_key(input)?;
    let Some(service) = world.services.get(&key) else { return Err(Refusal::service_not_found()) };
    let mut briefs: Vec<(u64, Value)> = Vec::new();
    let wanted = input.texts("status", 10)?;
    for (number, deployment) in service.history.iter().enumerate().rev() {
        if wanted.is_empty() || wanted.contains(&deployment.status) {
            // Newest first, so keys count down.
            let order = u64::MAX - number as u64;
            briefs.push((order, world.deployment_brief(service, deployment)));
        }
    }
    let (part, token) = paging::slice(input, &briefs, |(order, _)| format!("{order:020}"))?;
    let texts: Vec<Value> = part.into_iter().map(|(_, text)| text).collect();
    Ok(paging::with_token(json!({"serviceDeployments": texts}), token))
}

pub(super) fn describe_deployments(world: &World, input: Input<'_>) -> Reply {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in input.texts("serviceDeploymentArns", 20)? {
        let all = world
            .services
            .values()
            .flat_map(|service| service.history.iter().map(move |deployment| (service, deployment)));
        match all.into_iter().find(|(_, deployment)| deployment.arn == arn) {
            Some((service, deployment)) => found.push(world.deployment_text(service, deployment)),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceDeployments": found, "failures": failures}))
}
