//! Why a container or a whole task definition is left as it is.

use std::fmt;

use serde::Serialize;

/// Codes for programs; they do not change. [`SkipCode::ALL`] is the documented table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipCode {
    /// A label, tag or option says so.
    Excluded,
    /// Only what is named or labelled is wanted, and this is not.
    NotIncluded,
    /// `requiresCompatibilities` names others.
    NotFargate,
    /// A Windows task.
    Windows,
    /// A FireLens log router.
    LogRouter,
    /// The proxy of a service mesh.
    Proxy,
    /// Another vendor's or AWS's agent.
    Agent,
    /// Nothing says whether Fargate or EC2.
    LaunchTypeUnknown,
    /// ENTRYPOINT and CMD are needed and no source knows the image.
    ImageUnknown,
    /// The login to the image's registry cannot be had.
    ImageCredentials,
    /// The image is made by functions whose values are not known.
    ImageUnresolved,
    /// Neither definition nor image says what to run.
    NothingToRun,
    /// `entryPoint` is a function.
    EntryPointFunction,
    /// `command` may be absent depending on a condition.
    CommandFunction,
    /// A member that must be extended is a function, or not what ECS takes.
    NotUnderstood,
    /// The place is used elsewhere too (YAML alias).
    SharedText,
    /// Another product that traces processes is in the task.
    OtherTracer,
    /// A container of the sensor's name exists that embedding did not make.
    NameTaken,
    /// `secrets` need an execution role.
    NoExecutionRole,
    /// The result would be larger than ECS takes.
    TooLarge,
    /// The result would have more containers than ECS takes.
    TooManyContainers,
    /// ECS would refuse the definition as it is.
    InvalidInput,
    /// A loop that cannot be read, or that makes members of a task definition.
    ForEach,
    /// A stack whose template stands elsewhere.
    NestedStack,
    /// A macro makes it at deployment.
    Transform,
    /// A module of CloudFormation's registry.
    Module,
    /// Containers on Fargate without a task definition in the template.
    OtherResource,
}

impl SkipCode {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 27] = [
        Self::Excluded,
        Self::NotIncluded,
        Self::NotFargate,
        Self::Windows,
        Self::LogRouter,
        Self::Proxy,
        Self::Agent,
        Self::LaunchTypeUnknown,
        Self::ImageUnknown,
        Self::ImageCredentials,
        Self::ImageUnresolved,
        Self::NothingToRun,
        Self::EntryPointFunction,
        Self::CommandFunction,
        Self::NotUnderstood,
        Self::SharedText,
        Self::OtherTracer,
        Self::NameTaken,
        Self::NoExecutionRole,
        Self::TooLarge,
        Self::TooManyContainers,
        Self::InvalidInput,
        Self::ForEach,
        Self::NestedStack,
        Self::Transform,
        Self::Module,
        Self::OtherResource,
    ];

    /// The code as printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::NotIncluded => "not-included",
            Self::NotFargate => "not-fargate",
            Self::Windows => "windows",
            Self::LogRouter => "log-router",
            Self::Proxy => "proxy",
            Self::Agent => "agent",
            Self::LaunchTypeUnknown => "launch-type-unknown",
            Self::ImageUnknown => "image-unknown",
            Self::ImageCredentials => "image-credentials",
            Self::ImageUnresolved => "image-unresolved",
            Self::NothingToRun => "nothing-to-run",
            Self::EntryPointFunction => "entry-point-function",
            Self::CommandFunction => "command-function",
            Self::NotUnderstood => "not-understood",
            Self::SharedText => "shared-text",
            Self::OtherTracer => "other-tracer",
            Self::NameTaken => "name-taken",
            Self::NoExecutionRole => "no-execution-role",
            Self::TooLarge => "too-large",
            Self::TooManyContainers => "too-many-containers",
            Self::InvalidInput => "invalid-input",
            Self::ForEach => "for-each",
            Self::NestedStack => "nested-stack",
            Self::Transform => "transform",
            Self::Module => "module",
            Self::OtherResource => "other-resource",
        }
    }

    /// Left alone on purpose: nothing is missing, and a check for coverage passes.
    #[must_use]
    pub fn is_intended(self) -> bool {
        matches!(
            self,
            Self::Excluded
                | Self::NotIncluded
                | Self::NotFargate
                | Self::Windows
                | Self::LogRouter
                | Self::Proxy
                | Self::Agent
        )
    }
}

impl fmt::Display for SkipCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A code and what it means here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// The code.
    pub code: SkipCode,
    /// What was found and what to do.
    pub reason: String,
}

impl Skip {
    pub(crate) fn new(code: SkipCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}
