//! The calls that change something.

use serde_json::{Value, json};

use super::{
    Ecs, REGISTER_TASK_DEFINITION, Registered, ServiceDescription, ServiceUpdate, UPDATE_SERVICE, input,
};
use crate::AwsError;

impl Ecs {
    /// Registers a revision. Not repeated when its answer is lost: list the family to see whether it is there.
    ///
    /// # Errors
    /// The call fails.
    pub fn register_task_definition(&self, definition: &Value) -> Result<Registered, AwsError> {
        let mut answer = self.account.call(REGISTER_TASK_DEFINITION, definition)?;
        self.take(REGISTER_TASK_DEFINITION, &mut answer, "taskDefinition")
    }

    /// Changes a service, which starts a roll-out.
    ///
    /// # Errors
    /// The call fails.
    pub fn update_service(&self, update: &ServiceUpdate<'_>) -> Result<ServiceDescription, AwsError> {
        let given = json!({
            "cluster": update.cluster,
            "service": update.service,
            "taskDefinition": update.task_definition,
            "forceNewDeployment": update.force_new_deployment.then_some(true),
        });
        let mut answer = self.account.call(UPDATE_SERVICE, &Value::Object(input(given)))?;
        self.take(UPDATE_SERVICE, &mut answer, "service")
    }
}
