//! The changes: a revision with the sensor registered and rolled out, a stuck roll-out taken back.

use fargard_aws::{
    AwsError, CallFailure,
    ecs::{ServiceDeployment, ServiceDescription, ServiceUpdate},
};
use serde_json::Value;

use crate::{Agent, Attempt, AttemptState, LedgerError, Standing, Status, assess};

/// Roll-outs looked back on.
const LOOK_BACK: usize = 20;

impl Agent<'_> {
    /// Gives a service the sensor. `Ok(Ok(true))` when its roll-out began.
    pub(crate) fn protect(&mut self, standing: &mut Standing) -> Result<Result<bool, AwsError>, LedgerError> {
        match self.try_protect(standing)? {
            Err(error) if is_final(&error) => {
                let reason = format!("ECS refuses the change: {error}");
                self.quarantine(standing, reason)?;
                Ok(Ok(false))
            }
            other => Ok(other),
        }
    }

    fn try_protect(&mut self, standing: &mut Standing) -> Result<Result<bool, AwsError>, LedgerError> {
        // A round takes a while: the service may be another by now.
        match self.describe(standing) {
            Ok(Some(service))
                if service.task_definition == standing.definition && service.deployments.len() == 1 => {}
            Ok(_) => {
                standing.status = Status::Busy;
                "it was changed meanwhile".clone_into(&mut standing.reason);
                return Ok(Ok(false));
            }
            Err(error) => return Ok(Err(error)),
        }
        let revision = match self.revision(standing) {
            Ok(Some(revision)) => revision,
            Ok(None) => {
                return self.quarantine(standing, "it was rolled back before".to_owned()).map(|()| Ok(false));
            }
            Err(error) => return Ok(Err(error)),
        };
        self.record(standing, &revision, AttemptState::Registered, String::new())?;
        let update = ServiceUpdate {
            cluster: &standing.cluster,
            service: &standing.service,
            task_definition: Some(&revision),
            force_new_deployment: false,
        };
        if let Err(error) = self.ecs.update_service(&update) {
            // Somebody deregistered it: the next round registers another.
            if error.to_string().contains("inactive") {
                self.ledger.forget_revision(&standing.identity);
                self.save()?;
                standing.reason = format!("{revision} is no longer active");
                return Ok(Ok(false));
            }
            return Ok(Err(error));
        }
        self.record(standing, &revision, AttemptState::RolledOut, String::new())?;
        standing.status = Status::RollingOut;
        standing.done = Some(format!("{revision} is being rolled out instead of {}", standing.definition));
        Ok(Ok(true))
    }

    fn describe(&self, standing: &Standing) -> Result<Option<ServiceDescription>, AwsError> {
        let arns = [standing.arn.clone()];
        Ok(self.ecs.describe_services::<ServiceDescription>(&standing.cluster, &arns)?.found.pop())
    }

    /// The revision to roll out: one registered before, or a new one. `None` if it was rolled back before.
    fn revision(&self, standing: &Standing) -> Result<Option<String>, AwsError> {
        if let Some(known) = self.ledger.revision(&standing.identity) {
            return Ok(Some(known.to_owned()));
        }
        let Some(candidate) = &standing.candidate else { return Ok(None) };
        // The ledger may be lost, or the answer to a registration: the family's latest revision tells.
        let family = candidate.input.get("family").and_then(Value::as_str).unwrap_or_default();
        let latest = self.ecs.describe_task_definition(family)?;
        let is_ours = assess::tags(&latest)
            .iter()
            .any(|tag| tag.key == assess::IDENTITY && tag.value == standing.identity);
        let arn = latest.pointer("/taskDefinition/taskDefinitionArn").and_then(Value::as_str);
        match arn.filter(|_| is_ours) {
            Some(arn) => {
                let registered = latest.pointer("/taskDefinition/registeredAt").and_then(Value::as_f64);
                let rolled_back = self.rolled_back_since(standing, registered.unwrap_or_default())?;
                Ok(rolled_back.is_none().then(|| arn.to_owned()))
            }
            None => Ok(Some(self.ecs.register_task_definition(&candidate.input)?.task_definition_arn)),
        }
    }

    /// Why ECS rolled the service back after that time (epoch seconds), if it did.
    fn rolled_back_since(&self, standing: &Standing, since: f64) -> Result<Option<String>, AwsError> {
        let all = self.ecs.service_deployments::<ServiceDeployment>(
            &standing.cluster,
            &standing.service,
            LOOK_BACK,
        )?;
        let found =
            all.into_iter().find(|each| each.created_at >= since && each.status.starts_with("ROLLBACK"));
        Ok(found.map(|each| each.status_reason))
    }

    /// Records that a change was taken back.
    pub(crate) fn quarantine_taken_back(&mut self, standing: &mut Standing) -> Result<(), LedgerError> {
        let attempt = self.ledger.attempt(&standing.arn, &standing.identity);
        let since = attempt.map_or(0.0, |attempt| attempt.at.seconds() as f64);
        // Without the right to ask, the reason stays unknown; a minute for clocks that differ.
        let reason = match self.rolled_back_since(standing, since - 60.0) {
            Ok(Some(reason)) if !reason.is_empty() => format!("ECS rolled it back: {reason}"),
            Ok(Some(_)) => "ECS rolled it back".to_owned(),
            Ok(None) => "somebody deployed what ran before".to_owned(),
            Err(error) => format!("it was taken back ({error})"),
        };
        self.quarantine(standing, reason)
    }

    /// Rolls the source out again, and does not try this change any more.
    pub(crate) fn restore(&mut self, standing: &mut Standing) -> Result<Result<(), AwsError>, LedgerError> {
        let Some(attempt) = self.ledger.attempt(&standing.arn, &standing.identity).cloned() else {
            return Ok(Ok(()));
        };
        let update = ServiceUpdate {
            cluster: &standing.cluster,
            service: &standing.service,
            task_definition: Some(&attempt.source),
            force_new_deployment: false,
        };
        if let Err(error) = self.ecs.update_service(&update) {
            return Ok(Err(error));
        }
        let reason = format!("its roll-out failed: {}", standing.reason);
        self.quarantine(standing, reason)?;
        standing.done = Some(format!("{} is being rolled out again", attempt.source));
        Ok(Ok(()))
    }

    fn quarantine(&mut self, standing: &mut Standing, reason: String) -> Result<(), LedgerError> {
        let known = self.ledger.attempt(&standing.arn, &standing.identity);
        let revision = known.map(|attempt| attempt.revision.clone()).unwrap_or_default();
        self.record(standing, &revision, AttemptState::Quarantined, reason.clone())?;
        standing.status = Status::Quarantined;
        standing.reason = reason;
        Ok(())
    }

    fn record(
        &mut self,
        standing: &Standing,
        revision: &str,
        state: AttemptState,
        reason: String,
    ) -> Result<(), LedgerError> {
        let before = self.ledger.attempt(&standing.arn, &standing.identity);
        let source = before.map_or_else(|| standing.definition.clone(), |attempt| attempt.source.clone());
        let attempt = Attempt {
            identity: standing.identity.clone(),
            source,
            revision: revision.to_owned(),
            state,
            at: self.ecs.account().clock().now(),
            reason,
        };
        self.ledger.record(&standing.arn, attempt);
        self.save()
    }
}

/// Whether ECS would answer the same tomorrow.
fn is_final(error: &AwsError) -> bool {
    let AwsError::Call(call) = error else { return false };
    let CallFailure::Refused { status, code, .. } = &call.failure else { return false };
    let passing =
        ["AccessDenied", "Throttl", "Token", "Signature", "Unrecognized", "NotFound", "NotActive", "Limit"];
    *status < 500 && !passing.iter().any(|part| code.contains(part))
}
