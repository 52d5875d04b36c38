//! A full listing of an account's ECS resources in a region, in ECS's own words.

use std::collections::BTreeSet;

use fargard_model::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    AwsError, Ecs,
    ecs::{Failure, Setting},
};

/// Most resources kept; larger accounts are listed cluster by cluster.
pub const MAX_RESOURCES: usize = 200_000;

/// What was listed. The resources are as ECS describes them.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Twelve digits; empty when the account has no cluster.
    pub account: String,
    /// Region.
    pub region: String,
    /// When the listing began: what happened since may be missing from it.
    pub started_at: Timestamp,
    /// Only some clusters were asked for.
    pub partial: bool,
    /// Clusters, with tags.
    pub clusters: Vec<Value>,
    /// Services of these clusters, with tags, without ECS's event texts.
    pub services: Vec<Value>,
    /// Tasks of these clusters, running and lately stopped, with tags.
    pub tasks: Vec<Value>,
    /// The definitions of these tasks and services, without container definitions.
    pub task_definitions: Vec<Value>,
    /// EC2 instances of these clusters, each with its `clusterArn`.
    pub container_instances: Vec<Value>,
    /// Account settings.
    pub account_settings: Vec<Setting>,
    /// What was listed and then could not be described: it ended in between.
    #[serde(skip)]
    pub gone: Vec<Failure>,
}

/// Lists clusters (all, or those named), their services and tasks, and the definitions in use. Takes its time: calls
/// keep to a quarter of ECS's budget.
///
/// # Errors
/// A call fails, or there are more than [`MAX_RESOURCES`]; nothing partial is returned, so that absence means absence.
pub fn sweep(ecs: &Ecs, clusters: &[String]) -> Result<Inventory, AwsError> {
    let mut found = Inventory {
        region: ecs.account().region().to_owned(),
        started_at: ecs.account().clock.now(),
        partial: !clusters.is_empty(),
        account_settings: ecs.list_account_settings()?,
        ..Inventory::default()
    };
    let arns = if clusters.is_empty() { ecs.list_clusters()? } else { clusters.to_vec() };
    let described = ecs.describe_clusters::<Value>(&arns)?;
    found.clusters = described.found;
    found.gone = described.failures;
    let mut definitions = BTreeSet::new();
    for cluster in found.clusters.clone() {
        let arn = text(&cluster, "clusterArn").to_owned();
        if found.account.is_empty() {
            found.account = crate::account::account_of(&arn).unwrap_or_default().to_owned();
        }
        // A deleted cluster stays visible for a while and has nothing in it.
        if text(&cluster, "status") != "INACTIVE" {
            found.add_cluster(ecs, &arn, &mut definitions)?;
        }
    }
    for definition in definitions {
        let mut answer = ecs.describe_task_definition(&definition)?;
        let mut described = answer.get_mut("taskDefinition").map(Value::take).unwrap_or_default();
        if let Some(members) = described.as_object_mut() {
            members.remove("containerDefinitions");
            members.insert("tags".to_owned(), answer.get_mut("tags").map(Value::take).unwrap_or(json!([])));
        }
        found.task_definitions.push(described);
    }
    Ok(found)
}

impl Inventory {
    fn add_cluster(
        &mut self,
        ecs: &Ecs,
        arn: &str,
        definitions: &mut BTreeSet<String>,
    ) -> Result<(), AwsError> {
        let services = ecs.describe_services::<Value>(arn, &ecs.list_services(arn)?)?;
        self.gone.extend(services.failures);
        for mut service in services.found {
            definitions.insert(text(&service, "taskDefinition").to_owned());
            service.as_object_mut().map(|members| members.remove("events"));
            self.services.push(service);
        }
        let mut tasks = ecs.list_tasks(arn, false)?;
        tasks.extend(ecs.list_tasks(arn, true)?);
        if self.tasks.len() + self.services.len() + tasks.len() > MAX_RESOURCES {
            let reason = format!("holds more than {MAX_RESOURCES} resources; list it cluster by cluster");
            return Err(AwsError::Configuration { what: format!("account {}", self.account), reason });
        }
        let tasks = ecs.describe_tasks::<Value>(arn, &tasks)?;
        self.gone.extend(tasks.failures);
        for task in tasks.found {
            definitions.insert(text(&task, "taskDefinitionArn").to_owned());
            self.tasks.push(task);
        }
        definitions.remove("");
        self.add_instances(ecs, arn)
    }

    fn add_instances(&mut self, ecs: &Ecs, cluster: &str) -> Result<(), AwsError> {
        let instances = ecs.list_container_instances(cluster)?;
        let instances = ecs.describe_container_instances::<Value>(cluster, &instances)?;
        self.gone.extend(instances.failures);
        for mut instance in instances.found {
            if let Some(members) = instance.as_object_mut() {
                members.insert("clusterArn".to_owned(), json!(cluster));
            }
            self.container_instances.push(instance);
        }
        Ok(())
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
