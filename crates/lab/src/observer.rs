//! What a running task lets others know.

use std::{collections::BTreeMap, fmt};

/// Receives what happens in a task, from several threads; it should return soon.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn observe(&self, observation: &Observation);
}

impl<F: Fn(&Observation) + Send + Sync> Observer for F {
    fn observe(&self, observation: &Observation) {
        self(observation);
    }
}

/// Something that happened in a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The task entered a state.
    Task(TaskState),
    /// A container entered a state.
    Container {
        /// Its name.
        name: String,
        /// The state.
        state: ContainerState,
    },
    /// A container wrote a line (without its end of line; very long lines come in pieces).
    Output {
        /// Its name.
        container: String,
        /// Where it wrote.
        stream: Stream,
        /// The bytes.
        line: Vec<u8>,
    },
    /// Something differs from Fargate or did not work, without stopping the task.
    Warning(String),
}

/// Where a container wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// States of a task, as ECS names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Identity and metadata endpoint are made.
    Provisioning,
    /// Root file systems are made.
    Pending,
    /// Containers are started in the order of `dependsOn`.
    Activating,
    /// Every container was started.
    Running,
    /// Containers are told to stop.
    Stopping,
    /// Containers are gone, everything is removed.
    Deprovisioning,
    /// The end.
    Stopped {
        /// Code.
        code: StopCode,
        /// For people.
        reason: String,
    },
}

impl TaskState {
    /// As ECS writes it: `RUNNING`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped { .. } => "STOPPED",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Stopped { code, reason } => write!(f, " ({}: {reason})", code.name()),
            _ => Ok(()),
        }
    }
}

/// Why a task stopped, as ECS's `stopCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCode {
    /// A container could not be started, or what it depends on can no longer happen.
    TaskFailedToStart,
    /// An essential container ended.
    EssentialContainerExited,
    /// Somebody stopped it.
    UserInitiated,
}

impl StopCode {
    /// As ECS writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
        }
    }
}

/// States of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Its first process runs.
    Running {
        /// The first process, as the machine numbers it.
        pid: u32,
    },
    /// Its health check passed.
    Healthy,
    /// Its health check failed too often.
    Unhealthy,
    /// Its first process ended; 128 + n after signal n.
    Stopped {
        /// Exit code.
        exit_code: i32,
    },
    /// It could not be started.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why it stopped.
    pub code: StopCode,
    /// For people.
    pub reason: String,
    /// Exit code of each container; `None` for those that never started.
    pub exit_codes: BTreeMap<String, Option<i32>>,
    /// Exit code of the essential container that ended first, if one ran.
    pub essential_exit: Option<i32>,
}
