//! The calls that only read.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    DESCRIBE_CLUSTERS, DESCRIBE_CONTAINER_INSTANCES, DESCRIBE_SERVICE_DEPLOYMENTS, DESCRIBE_SERVICES,
    DESCRIBE_TASK_DEFINITION, DESCRIBE_TASKS, Described, Ecs, LIST_ACCOUNT_SETTINGS, LIST_CLUSTERS,
    LIST_CONTAINER_INSTANCES, LIST_SERVICE_DEPLOYMENTS, LIST_SERVICES, LIST_TAGS, LIST_TASK_DEFINITIONS,
    LIST_TASKS, Setting, Tag, input, types::Brief,
};
use crate::AwsError;

impl Ecs {
    /// ARNs of the clusters.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_clusters(&self) -> Result<Vec<String>, AwsError> {
        self.pages(LIST_CLUSTERS, input(json!({"maxResults": 100})), "clusterArns")
    }

    /// Clusters with their tags.
    ///
    /// # Errors
    /// The call fails.
    pub fn describe_clusters<T: DeserializeOwned>(&self, arns: &[String]) -> Result<Described<T>, AwsError> {
        let given = input(json!({"include": ["TAGS"]}));
        self.batches(DESCRIBE_CLUSTERS, &given, ("clusters", "clusters"), (arns, 100))
    }

    /// ARNs of a cluster's services.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_services(&self, cluster: &str) -> Result<Vec<String>, AwsError> {
        self.pages(LIST_SERVICES, input(json!({"cluster": cluster, "maxResults": 100})), "serviceArns")
    }

    /// Services with their tags.
    ///
    /// # Errors
    /// The call fails.
    pub fn describe_services<T: DeserializeOwned>(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Described<T>, AwsError> {
        let given = input(json!({"cluster": cluster, "include": ["TAGS"]}));
        self.batches(DESCRIBE_SERVICES, &given, ("services", "services"), (arns, 10))
    }

    /// ARNs of a cluster's tasks; `stopped` asks for those that ended lately, which ECS keeps about an hour.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_tasks(&self, cluster: &str, stopped: bool) -> Result<Vec<String>, AwsError> {
        let status = if stopped { "STOPPED" } else { "RUNNING" };
        let given = json!({"cluster": cluster, "desiredStatus": status, "maxResults": 100});
        self.pages(LIST_TASKS, input(given), "taskArns")
    }

    /// Tasks with their tags.
    ///
    /// # Errors
    /// The call fails.
    pub fn describe_tasks<T: DeserializeOwned>(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Described<T>, AwsError> {
        let given = input(json!({"cluster": cluster, "include": ["TAGS"]}));
        self.batches(DESCRIBE_TASKS, &given, ("tasks", "tasks"), (arns, 100))
    }

    /// ARNs of a cluster's EC2 instances.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_container_instances(&self, cluster: &str) -> Result<Vec<String>, AwsError> {
        let given = input(json!({"cluster": cluster, "maxResults": 100}));
        self.pages(LIST_CONTAINER_INSTANCES, given, "containerInstanceArns")
    }

    /// EC2 instances of a cluster.
    ///
    /// # Errors
    /// The call fails.
    pub fn describe_container_instances<T: DeserializeOwned>(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Described<T>, AwsError> {
        let names = ("containerInstances", "containerInstances");
        self.batches(DESCRIBE_CONTAINER_INSTANCES, &input(json!({"cluster": cluster})), names, (arns, 100))
    }

    /// ARNs of the active revisions, of one family or of all whose family begins so.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_task_definitions(&self, family_prefix: Option<&str>) -> Result<Vec<String>, AwsError> {
        let given = json!({"familyPrefix": family_prefix, "status": "ACTIVE", "maxResults": 100});
        self.pages(LIST_TASK_DEFINITIONS, input(given), "taskDefinitionArns")
    }

    /// The whole answer: `taskDefinition` and `tags`. A family alone means its latest active revision.
    ///
    /// # Errors
    /// The call fails.
    pub fn describe_task_definition(&self, name: &str) -> Result<Value, AwsError> {
        let given = json!({"taskDefinition": name, "include": ["TAGS"]});
        self.account.call(DESCRIBE_TASK_DEFINITION, &given)
    }

    /// The tags of a resource.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_tags_for_resource(&self, arn: &str) -> Result<Vec<Tag>, AwsError> {
        let mut answer = self.account.call(LIST_TAGS, &json!({"resourceArn": arn}))?;
        self.take(LIST_TAGS, &mut answer, "tags")
    }

    /// The account settings that hold for this identity.
    ///
    /// # Errors
    /// The call fails.
    pub fn list_account_settings(&self) -> Result<Vec<Setting>, AwsError> {
        // Effective settings come on one page of their own size.
        self.pages(LIST_ACCOUNT_SETTINGS, input(json!({"effectiveSettings": true})), "settings")
    }

    /// The roll-outs of a service, newest first, at most `most` (100).
    ///
    /// # Errors
    /// The call fails.
    pub fn service_deployments<T: DeserializeOwned>(
        &self,
        cluster: &str,
        service: &str,
        most: usize,
    ) -> Result<Vec<T>, AwsError> {
        let given = json!({"cluster": cluster, "service": service, "maxResults": most.clamp(1, 100)});
        let mut answer = self.account.call(LIST_SERVICE_DEPLOYMENTS, &given)?;
        let briefs: Vec<Brief> = self.take(LIST_SERVICE_DEPLOYMENTS, &mut answer, "serviceDeployments")?;
        let arns: Vec<String> = briefs.into_iter().map(|brief| brief.service_deployment_arn).collect();
        let names = ("serviceDeploymentArns", "serviceDeployments");
        let given = input(Value::Null);
        Ok(self.batches(DESCRIBE_SERVICE_DEPLOYMENTS, &given, names, (&arns, 20))?.found)
    }
}
