//! What a task is started with.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use fargard_model::Secret;
use fargard_sensor::{
    capture::AttachMode,
    config::{PrintFormat, ReadMode},
};
use fargard_taskdef::TaskDefinition;

/// Name of the hidden subcommand with which the lab starts itself inside a container; its arguments come on
/// standard input. A program that uses the lab with [`Stage::default`] passes it on to [`crate::stage`].
pub const STAGE_COMMAND: &str = "__lab-container";

/// What a task is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to run.
    pub definition: TaskDefinition,
    /// Root file systems by container name: a directory, or an archive (tar, tar.gz, tar.zst; also what
    /// `docker save` writes). A container without one has the machine's own root, which it cannot change.
    pub rootfs: BTreeMap<String, PathBuf>,
    /// Cluster name in ARNs and metadata.
    pub cluster: String,
    /// Run every container under the sensor.
    pub sensor: Option<SensorOptions>,
    /// Values of secrets, by the `valueFrom` that asks for them.
    pub secrets: BTreeMap<String, Secret>,
    /// Upper bound for the containers' `stopTimeout`.
    pub max_stop_timeout: Option<Duration>,
    /// Whether containers are isolated.
    pub isolation: Isolation,
    /// How the lab starts itself inside a container.
    pub stage: Stage,
}

impl Options {
    /// The given definition with everything else at its default: machine's root, cluster `lab`, no sensor.
    #[must_use]
    pub fn new(definition: TaskDefinition) -> Self {
        Self {
            definition,
            rootfs: BTreeMap::new(),
            cluster: "lab".to_owned(),
            sensor: None,
            secrets: BTreeMap::new(),
            max_stop_timeout: None,
            isolation: Isolation::default(),
            stage: Stage::default(),
        }
    }
}

/// Whether containers are isolated from the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces as root, plain processes otherwise.
    #[default]
    Auto,
    /// Plain processes.
    None,
}

/// How the sensor in the containers is set up.
#[derive(Clone, Debug, Default)]
pub struct SensorOptions {
    /// Where it sends to; nothing is sent without.
    pub server: Option<SensorServer>,
    /// Rules files on this machine; empty for the built-in rules.
    pub rules: Vec<PathBuf>,
    /// How detections are printed on the container's standard error.
    pub print: PrintFormat,
    /// What the sensors do about processes that came from outside; `None` is the sensor's default.
    pub attach: Option<AttachMode>,
    /// The container whose program is the sensor itself, for the task's other containers, which then have none.
    pub sidecar: Option<String>,
    /// How opens for reading are seen.
    pub reads: ReadMode,
}

/// The server the sensor reports to.
#[derive(Clone)]
pub struct SensorServer {
    /// Base URL.
    pub url: String,
    /// Enrolment token.
    pub token: String,
    /// PEM file with the only authorities trusted.
    pub ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for SensorServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SensorServer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A program that calls [`crate::stage`] when started with these arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Program.
    pub program: PathBuf,
    /// Arguments.
    pub arguments: Vec<OsString>,
}

impl Default for Stage {
    /// This very program with [`STAGE_COMMAND`].
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec![STAGE_COMMAND.into()] }
    }
}
