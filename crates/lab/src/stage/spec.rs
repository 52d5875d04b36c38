//! What the lab tells the process that becomes a container's first process, and what that answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything the stage needs, as one JSON document on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) place: Place,
    pub(crate) process: Process,
    pub(crate) sensor: Option<crate::sensor::SensorSpec>,
}

/// Where the process runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Place {
    /// On the machine, as a plain process.
    Machine,
    /// In a new container.
    New(Box<Container>),
    /// In the container whose first process has this pid on the machine.
    Inside { pid: u32 },
    /// Nowhere: it keeps a pid namespace alive and reaps, until its standard input ends.
    Pause,
}

/// A container to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Container {
    /// Lower layer of the root file system.
    pub(crate) lower: PathBuf,
    /// Private directory with `lower`, `upper`, `work` and `root` in it.
    pub(crate) layers: PathBuf,
    pub(crate) hostname: String,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) read_only: bool,
}

/// A directory or file of the machine in the container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) read_only: bool,
}

/// The process itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) working_directory: Option<String>,
    /// `None` keeps the lab's own user.
    pub(crate) identity: Option<Identity>,
    /// Bits of the capabilities that may be had; `None` changes nothing.
    pub(crate) capabilities: Option<u64>,
    /// Soft and hard limit of open files.
    pub(crate) nofile: Option<(u64, u64)>,
}

/// Whom the process runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// One line of the stage's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// Everything is set up; the program is executed next.
    Ready,
    /// It is not, or the program could not be executed.
    Failed(String),
}
