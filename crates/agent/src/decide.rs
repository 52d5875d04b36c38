//! How a service stands and what is to be done, from facts alone.

use std::{fmt, time::Duration};

use fargard_aws::ecs::ServiceDescription;
use fargard_model::Timestamp;
use fargard_taskdef::embed::Choice;
use serde::Serialize;

use crate::{Assessment, Attempt, AttemptState, Scoped};

/// How long ECS may tell of a service as it was before a change.
const SETTLING: Duration = Duration::from_secs(60);

/// What is known of a service.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// As described now.
    pub service: &'a ServiceDescription,
    /// Whether it is meant.
    pub scoped: &'a Scoped,
    /// Who owns it.
    pub owner: Option<&'a str>,
    /// What embedding makes of the definition it runs.
    pub assessment: &'a Assessment,
    /// What was tried with this source and these settings.
    pub attempt: Option<&'a Attempt>,
    /// The present.
    pub now: Timestamp,
    /// How long a roll-out of the agent's may take.
    pub patience: Duration,
}

/// How a service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has the sensor.
    Protected,
    /// The agent's change is being rolled out.
    RollingOut,
    /// The agent's roll-out failed or takes too long: the source is to be rolled out again.
    Stuck,
    /// The agent's change was taken back just now: it is to be quarantined.
    TakenBack,
    /// It has not the sensor, and the agent may change it.
    Unprotected,
    /// Code owns it: the change belongs there.
    Owned,
    /// Another controller deploys it.
    OtherController,
    /// Somebody else's roll-out is under way.
    Busy,
    /// A change was taken back before, and is not tried again.
    Quarantined,
    /// A tag or the account's default excludes it.
    Excluded,
    /// Embedding leaves it as it is on purpose: not on Fargate, Windows, ...
    NotApplicable,
    /// Embedding cannot give it the sensor.
    CannotEmbed,
}

impl Status {
    /// Whether something is to be done by somebody.
    #[must_use]
    pub fn is_issue(self) -> bool {
        !matches!(self, Self::Protected | Self::RollingOut | Self::Excluded | Self::NotApplicable)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protected => "protected",
            Self::RollingOut => "rolling-out",
            Self::Stuck => "stuck",
            Self::TakenBack => "taken-back",
            Self::Unprotected => "unprotected",
            Self::Owned => "owned",
            Self::OtherController => "other-controller",
            Self::Busy => "busy",
            Self::Quarantined => "quarantined",
            Self::Excluded => "excluded",
            Self::NotApplicable => "not-applicable",
            Self::CannotEmbed => "cannot-embed",
        })
    }
}

/// How the service stands, and why.
#[must_use]
pub fn decide(facts: &Facts<'_>) -> (Status, String) {
    if facts.scoped.mode == Choice::Off {
        return (Status::Excluded, format!("by the {}", facts.scoped.by));
    }
    match facts.assessment {
        Assessment::Unreadable(reason) => (Status::CannotEmbed, reason.clone()),
        Assessment::LeftAlone { intended: true, reason } => (Status::NotApplicable, reason.clone()),
        Assessment::LeftAlone { intended: false, reason } => (Status::CannotEmbed, reason.clone()),
        Assessment::Protected => protected(facts),
        Assessment::Candidate(_) => unprotected(facts),
    }
}

fn protected(facts: &Facts<'_>) -> (Status, String) {
    let rolled_out = facts.attempt.filter(|attempt| {
        attempt.state == AttemptState::RolledOut && attempt.revision == facts.service.task_definition
    });
    let state = facts.service.deployments.first().map_or("", |primary| primary.rollout_state.as_str());
    match (rolled_out, state) {
        (Some(_), "FAILED") => (Status::Stuck, primary_reason(facts.service)),
        (Some(attempt), "IN_PROGRESS") if facts.now.0 > later(attempt.at, facts.patience) => {
            let minutes = facts.patience.as_secs() / 60;
            (
                Status::Stuck,
                format!("not rolled out after {minutes} minutes: {}", primary_reason(facts.service)),
            )
        }
        (Some(_), "IN_PROGRESS") => (Status::RollingOut, primary_reason(facts.service)),
        _ => (Status::Protected, String::new()),
    }
}

fn unprotected(facts: &Facts<'_>) -> (Status, String) {
    let service = facts.service;
    match facts.attempt {
        Some(attempt) if attempt.state == AttemptState::Quarantined => {
            return (Status::Quarantined, attempt.reason.clone());
        }
        Some(attempt) if attempt.state == AttemptState::RolledOut => {
            if facts.now.0 <= later(attempt.at, SETTLING) {
                return (Status::RollingOut, "ECS has been told".to_owned());
            }
            return (Status::TakenBack, format!("{} is no longer rolled out", attempt.revision));
        }
        _ => {}
    }
    if let Some(owner) = facts.owner {
        return (Status::Owned, format!("by {owner}: embed there (fargard embed)"));
    }
    if service.deployment_controller.kind != "ECS" {
        let kind = &service.deployment_controller.kind;
        return (
            Status::OtherController,
            format!("{kind} deploys it: embed what is given to {kind} (fargard embed)"),
        );
    }
    let settled = |state: &str| state.is_empty() || state == "COMPLETED";
    let primary = service.deployments.first();
    if service.deployments.len() > 1 || primary.is_some_and(|primary| !settled(&primary.rollout_state)) {
        return (Status::Busy, primary_reason(service));
    }
    (Status::Unprotected, String::new())
}

fn later(at: Timestamp, time: Duration) -> u64 {
    at.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

fn primary_reason(service: &ServiceDescription) -> String {
    service.deployments.first().map(|primary| primary.rollout_state_reason.clone()).unwrap_or_default()
}
