//! What is wrong with a task, in GuardDuty's words as its API sends them (which differ from its documentation), and
//! what to do.

use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Started by an AWS service whose tasks cannot be given an agent.
    UnsupportedInvocation {
        /// The service.
        service: String,
    },
    /// Neither x86-64 nor arm64.
    UnsupportedArchitecture {
        /// What it is.
        architecture: String,
    },
    /// Not Fargate's Linux platform from 1.4.0 on.
    UnsupportedPlatform {
        /// What it is.
        platform: String,
    },
    /// The task definition names no execution role.
    ExecutionRoleMissing,
    /// The task has no network interface of its own, or not all of it.
    NetworkConfigurationMissing {
        /// What is missing.
        part: String,
    },
    /// A standalone task of an excluded cluster.
    TaskExcluded,
    /// A service's task of an excluded cluster.
    ServiceExcluded,
    /// A standalone task, older than automated configuration.
    TaskBeforeAutomation,
    /// A service deployed before automated configuration.
    ServiceBeforeAutomation,
    /// A service's task without an agent, for no reason known.
    ServiceNeedsDeployment,
    /// A standalone task, older than Runtime Monitoring.
    TaskBeforeMonitoring,
    /// The agent should run, and is not heard.
    NotReporting,
    /// The same, where the VPC leads nowhere.
    NotReportingVpc,
    /// The agent's container ended.
    AgentExited {
        /// Exit code.
        code: Option<i64>,
        /// Reason, ECS's words.
        reason: String,
    },
    /// The endpoint cannot have a private name.
    VpcEndpoint {
        /// The VPC.
        vpc: String,
    },
    /// An ARN of the old format.
    OldArnFormat,
    /// A standalone task without an agent, for no reason known.
    Unidentified,
}

/// What to do about an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// The exact command; empty when there is none.
    pub command: String,
}

/// A problem of some tasks of one task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
    /// `family:revision`.
    pub definition: String,
    /// Ids of the tasks, at most [`super::MAX_ISSUES`].
    pub tasks: Vec<String>,
    /// Names of their services.
    pub services: Vec<String>,
    /// What to do.
    pub remedy: Remedy,
}

/// Where an issue is, for its remedy's command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Cluster's name.
    pub(super) cluster: &'a str,
    /// Cluster's ARN.
    pub(super) cluster_arn: &'a str,
    /// Region.
    pub(super) region: &'a str,
}

impl Problem {
    /// GuardDuty's type of issue.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnsupportedInvocation { .. }
            | Self::UnsupportedArchitecture { .. }
            | Self::UnsupportedPlatform { .. }
            | Self::ExecutionRoleMissing
            | Self::NetworkConfigurationMissing { .. }
            | Self::TaskExcluded
            | Self::ServiceExcluded
            | Self::TaskBeforeAutomation
            | Self::ServiceBeforeAutomation
            | Self::ServiceNeedsDeployment
            | Self::TaskBeforeMonitoring => "Agent not provisioned",
            Self::NotReporting | Self::NotReportingVpc => "Agent not reporting",
            Self::AgentExited { .. } => "Agent exited",
            Self::VpcEndpoint { .. } => "VPC Endpoint Creation Failed",
            Self::OldArnFormat | Self::Unidentified => "Others",
        }
    }

    /// Whether a heartbeat would cure it.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        !matches!(self, Self::TaskExcluded | Self::ServiceExcluded)
    }
}

impl Issue {
    /// The text as `fargateDetails.issues` holds it.
    #[must_use]
    pub fn text(&self) -> String {
        let kind = self.problem.kind();
        let tasks = quoted(&self.tasks);
        let services = quoted(&self.services);
        let what = match &self.problem {
            Problem::UnsupportedInvocation { service } => format!("Unsupported invocation by `{service}`"),
            Problem::UnsupportedArchitecture { architecture } => {
                format!("Unsupported CPU architecture '{architecture}'")
            }
            Problem::UnsupportedPlatform { platform } => format!("Unsupported platform '{platform}'"),
            Problem::ExecutionRoleMissing => {
                return format!(
                    "{kind} : TaskExecutionRole missing from TaskDefinition - '{}'. Refer documentation",
                    self.definition
                );
            }
            Problem::NetworkConfigurationMissing { part } => {
                format!("Missing network configuration '{part}'")
            }
            Problem::TaskExcluded => {
                return format!(
                    "{kind} : Tasks started when clusters had exclusion tag are excluded from Runtime Monitoring. \
                     Impacted task ID(s): {tasks}"
                );
            }
            Problem::ServiceExcluded => {
                return format!(
                    "{kind} : Services deployed when clusters had exclusion tag are excluded from Runtime \
                     Monitoring. Impacted service name(s): {services}"
                );
            }
            Problem::TaskBeforeAutomation => {
                return format!(
                    "{kind} : Tasks started before enabling Automated Agent Configuration are not covered. Impacted \
                     task ID(s): {tasks}"
                );
            }
            Problem::ServiceBeforeAutomation => {
                return format!(
                    "{kind} : Services deployed before enabling Automated Agent Configuration are not covered. \
                     Impacted service name(s): {services}"
                );
            }
            Problem::ServiceNeedsDeployment => {
                return format!(
                    "{kind} : Service requires a new deployment to fix/troubleshoot. Refer documentation, Impacted \
                     service name(s): {services}"
                );
            }
            Problem::TaskBeforeMonitoring => {
                return format!(
                    "{kind} : Tasks started before enabling Runtime Monitoring require a relaunch. Impacted task \
                     ID(s): {tasks}"
                );
            }
            Problem::NotReporting => "Agent not reporting".to_owned(),
            Problem::NotReportingVpc => "VPC_ISSUE".to_owned(),
            Problem::AgentExited { code: Some(code), reason } if reason.is_empty() => {
                format!("ExitCode: {code}")
            }
            Problem::AgentExited { code: Some(code), reason } => {
                format!("ExitCode: {code} with reason: '{reason}'")
            }
            Problem::AgentExited { code: None, reason } => format!("Reason: {reason}"),
            Problem::VpcEndpoint { vpc } => {
                return format!(
                    "{kind} : Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC \
                     attributes set to true for {vpc}"
                );
            }
            Problem::OldArnFormat | Problem::Unidentified => "Unidentified issue".to_owned(),
        };
        format!("{kind} : {what}, for task(s) in TaskDefinition - '{}'. Refer documentation", self.definition)
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// A name as a word of a shell command, whatever is in it.
fn shell_word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte);
    if !name.is_empty() && name.bytes().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

/// What to do about a problem of these tasks or services.
pub(super) fn remedy(problem: &Problem, place: Place<'_>, task: &str, service: Option<&str>) -> Remedy {
    let words = [place.cluster, place.cluster_arn, place.region, task].map(shell_word);
    let [cluster, cluster_arn, region, task] = words;
    let service = service.map(shell_word);
    let again = match &service {
        Some(service) => format!(
            "aws ecs update-service --region {region} --cluster {cluster} --service {service} --force-new-deployment"
        ),
        None => format!("aws ecs stop-task --region {region} --cluster {cluster} --task {task}"),
    };
    let describe = format!("aws ecs describe-tasks --region {region} --cluster {cluster} --tasks {task}");
    let (text, command) = match problem {
        Problem::UnsupportedInvocation { .. } => (
            "Tasks that this AWS service starts cannot be given an agent from outside: put the sensor into the image \
             or the task definition they use.",
            String::new(),
        ),
        Problem::UnsupportedArchitecture { .. } => (
            "The agent exists for x86_64 and arm64: register a revision whose runtimePlatform names one of them.",
            String::new(),
        ),
        Problem::UnsupportedPlatform { .. } => (
            "Only tasks on Fargate, Linux, platform version 1.4.0 or later can be covered: move the service there.",
            service.as_ref().map_or_else(String::new, |_| format!("{again} --platform-version LATEST")),
        ),
        Problem::ExecutionRoleMissing => (
            "Register a revision of the task definition with an executionRoleArn, then start its tasks again.",
            again,
        ),
        Problem::NetworkConfigurationMissing { .. } => {
            ("Give the task a network configuration with subnets and security groups.", describe)
        }
        Problem::TaskExcluded | Problem::ServiceExcluded => (
            "The cluster is or was excluded. To cover it, change its tag, then start its tasks again.",
            format!(
                "aws ecs tag-resource --region {region} --resource-arn {cluster_arn} --tags \
                 key={},value=true",
                crate::sweep::MANAGED_TAGS[0]
            ),
        ),
        Problem::TaskBeforeAutomation | Problem::TaskBeforeMonitoring | Problem::Unidentified => (
            "A running task cannot be given an agent: stop it and start it again from a task definition with the \
             sensor.",
            again,
        ),
        Problem::ServiceBeforeAutomation | Problem::ServiceNeedsDeployment => {
            ("Deploy the service anew, so that its tasks start with the sensor.", again)
        }
        Problem::NotReporting => (
            "The agent should run and is not heard: look at its container's state and log, and whether it reaches the \
             server.",
            describe,
        ),
        Problem::NotReportingVpc => (
            "The task's VPC has no way to the server: add an endpoint or a route on port 443, and let its security \
             group take connections from the task's.",
            format!("aws ec2 describe-vpc-endpoints --region {region}"),
        ),
        Problem::AgentExited { reason, .. } if reason.contains("CannotPullContainerError") => (
            "The agent's image could not be pulled: the execution role needs ecr:GetAuthorizationToken, \
             BatchCheckLayerAvailability, GetDownloadUrlForLayer and BatchGetImage, and the task a way to the \
             registry.",
            again,
        ),
        Problem::AgentExited { .. } => {
            ("The agent's container ended: its log says why. Start the task again.", again)
        }
        Problem::VpcEndpoint { vpc } => (
            "Switch on both DNS attributes of the VPC.",
            format!(
                "aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc} --enable-dns-support && aws ec2 \
                 modify-vpc-attribute --region {region} --vpc-id {vpc} --enable-dns-hostnames"
            ),
        ),
        Problem::OldArnFormat => (
            "The task's ARN has the old format: switch the long one on, then start the task again.",
            format!(
                "aws ecs put-account-setting-default --region {region} --name taskLongArnFormat --value enabled"
            ),
        ),
    };
    Remedy { text: text.to_owned(), command }
}

#[cfg(test)]
mod tests {
    use super::{Place, Problem, remedy};

    #[test]
    fn a_name_cannot_leave_its_place_in_a_command() {
        let place = Place { cluster: "a'; reboot; '", cluster_arn: "arn", region: "eu-west-1" };
        let remedy = remedy(&Problem::NotReporting, place, "$(id)", None);
        assert_eq!(
            remedy.command,
            r"aws ecs describe-tasks --region eu-west-1 --cluster 'a'\''; reboot; '\''' --tasks '$(id)'"
        );
    }
}
