//! The calls of ECS (API version 2014-11-13) that Fargard makes.

mod read;
mod types;
mod write;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    Account, AwsError, CallError, CallFailure, Service,
    account::{Api, Operation},
    limit::Group::{self, Changes, Clusters, Definitions, Services, Tasks},
};

pub use types::{
    Cluster, Controller, Deployment, Described, Failure, Registered, ServiceDeployment, ServiceDescription,
    ServiceUpdate, Setting, Tag,
};

/// Most pages of one listing: 100 entries each, and no cluster or account has a million of anything.
const MAX_PAGES: usize = 10_000;

const ECS: Api = Api { service: Service::Ecs, target: "AmazonEC2ContainerServiceV20141113", version: "1.1" };

const fn reading(name: &'static str, group: Group) -> Operation {
    Operation { api: ECS, name, group, repeatable: true }
}

const LIST_CLUSTERS: Operation = reading("ListClusters", Clusters);
const DESCRIBE_CLUSTERS: Operation = reading("DescribeClusters", Clusters);
const LIST_SERVICES: Operation = reading("ListServices", Services);
const DESCRIBE_SERVICES: Operation = reading("DescribeServices", Services);
const LIST_SERVICE_DEPLOYMENTS: Operation = reading("ListServiceDeployments", Services);
const DESCRIBE_SERVICE_DEPLOYMENTS: Operation = reading("DescribeServiceDeployments", Services);
const LIST_TASKS: Operation = reading("ListTasks", Tasks);
const DESCRIBE_TASKS: Operation = reading("DescribeTasks", Tasks);
const LIST_CONTAINER_INSTANCES: Operation = reading("ListContainerInstances", Tasks);
const DESCRIBE_CONTAINER_INSTANCES: Operation = reading("DescribeContainerInstances", Tasks);
const LIST_TASK_DEFINITIONS: Operation = reading("ListTaskDefinitions", Definitions);
const DESCRIBE_TASK_DEFINITION: Operation = reading("DescribeTaskDefinition", Definitions);
const LIST_TAGS: Operation = reading("ListTagsForResource", Clusters);
const LIST_ACCOUNT_SETTINGS: Operation = reading("ListAccountSettings", Clusters);
/// A second one is a second revision.
const REGISTER_TASK_DEFINITION: Operation =
    Operation { api: ECS, name: "RegisterTaskDefinition", group: Changes, repeatable: false };
const UPDATE_SERVICE: Operation =
    Operation { api: ECS, name: "UpdateService", group: Changes, repeatable: true };

/// ECS in an account and region.
#[derive(Clone, Debug)]
pub struct Ecs {
    account: Arc<Account>,
}

impl Ecs {
    /// ECS of that account.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        Self { account }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// All pages of a listing.
    fn pages<T: DeserializeOwned>(
        &self,
        operation: Operation,
        mut input: Map<String, Value>,
        member: &str,
    ) -> Result<Vec<T>, AwsError> {
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut answer = self.account.call(operation, &Value::Object(input.clone()))?;
            all.extend(self.take::<Vec<T>>(operation, &mut answer, member)?);
            match answer.get_mut("nextToken").map(Value::take) {
                None | Some(Value::Null) => return Ok(all),
                Some(token) if input.get("nextToken") == Some(&token) => break,
                Some(token) => input.insert("nextToken".to_owned(), token),
            };
        }
        Err(self.not_understood(operation, "its pages do not end".to_owned()))
    }

    /// Describes many, some at a time.
    fn batches<T: DeserializeOwned>(
        &self,
        operation: Operation,
        input: &Map<String, Value>,
        names: (&str, &str),
        (arns, most): (&[String], usize),
    ) -> Result<Described<T>, AwsError> {
        let mut all = Described { found: Vec::new(), failures: Vec::new() };
        for part in arns.chunks(most) {
            let mut input = input.clone();
            input.insert(names.0.to_owned(), json!(part));
            let mut answer = self.account.call(operation, &Value::Object(input))?;
            all.found.extend(self.take::<Vec<T>>(operation, &mut answer, names.1)?);
            if answer.get("failures").is_some() {
                all.failures.extend(self.take::<Vec<Failure>>(operation, &mut answer, "failures")?);
            }
        }
        Ok(all)
    }

    /// A member of an answer, as what it should be.
    fn take<T: DeserializeOwned>(
        &self,
        operation: Operation,
        answer: &mut Value,
        member: &str,
    ) -> Result<T, AwsError> {
        let value = answer.get_mut(member).map(Value::take).unwrap_or_default();
        serde_json::from_value(value)
            .map_err(|error| self.not_understood(operation, format!("member {member}: {error}")))
    }

    fn not_understood(&self, operation: Operation, reason: String) -> AwsError {
        AwsError::Call(Box::new(CallError {
            service: Service::Ecs,
            operation: operation.name,
            account: None,
            region: self.account.region.clone(),
            request_id: None,
            attempts: 1,
            failure: CallFailure::NotUnderstood(reason),
        }))
    }
}

/// Members of an input, without those that are null.
fn input(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, member| !member.is_null());
            members
        }
        _ => Map::new(),
    }
}
