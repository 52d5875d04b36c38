//! Why a task could not be started.

use std::{io, path::PathBuf};

/// Why a task could not be started. All but [`LabError::Machine`] are the input's fault.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The definition asks for something the lab does not do.
    #[error("container {container:?}: {what} is not supported by the lab: {instead}")]
    Unsupported {
        /// The container.
        container: String,
        /// The member.
        what: String,
        /// What to do.
        instead: String,
    },
    /// A `--rootfs` names no container.
    #[error("--rootfs {name}=...: the task has no container of that name; it has {known}")]
    UnknownContainer {
        /// The name.
        name: String,
        /// The task's containers.
        known: String,
    },
    /// A root file system cannot be used.
    #[error("root file system of container {container:?}, {}: {reason}", path.display())]
    Rootfs {
        /// The container.
        container: String,
        /// The directory or archive.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Neither definition nor image says what to run.
    #[error("{0}; give entryPoint or command, or an image archive (docker save) as root file system")]
    NothingToRun(#[from] fargard_taskdef::NothingToRun),
    /// The container's user is not in its root file system.
    #[error("container {container:?}: user {user:?}: {reason}")]
    User {
        /// The container.
        container: String,
        /// As written.
        user: String,
        /// Why.
        reason: String,
    },
    /// The sensor cannot be set up as asked.
    #[error("sensor: {0}")]
    Sensor(String),
    /// The cluster's name cannot be part of an ARN.
    #[error("cluster {0:?}: a name is 1 to 255 letters, digits, hyphens and underscores")]
    Cluster(String),
    /// Something on this machine failed.
    #[error("cannot {what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// Adds what was tried to a failed system operation.
pub(crate) trait Tried<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, LabError>;
}

impl<T, E: Into<io::Error>> Tried<T> for Result<T, E> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, LabError> {
        self.map_err(|source| LabError::Machine { what: what(), source: source.into() })
    }
}
