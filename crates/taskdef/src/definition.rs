//! A task definition as types. Absent lists are empty, absent `essential` is true; everything else that may be
//! absent is an `Option`, so that a default is chosen where it is used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Name; several revisions share it.
    pub family: String,
    /// Revision, where ECS has given one (DescribeTaskDefinition's output).
    pub revision: Option<u64>,
    /// The containers, at least one.
    pub containers: Vec<ContainerDefinition>,
    /// Volumes containers may mount.
    pub volumes: Vec<Volume>,
    /// Task CPU as written: `256`, `.25 vCPU`.
    pub cpu: Option<String>,
    /// Task memory as written: `512`, `1GB`.
    pub memory: Option<String>,
    /// `awsvpc`, `bridge`, `host`, `none`.
    pub network_mode: Option<String>,
    /// `task` or `host`.
    pub pid_mode: Option<String>,
    /// Launch types the definition is meant for.
    pub requires_compatibilities: Vec<String>,
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: Option<String>,
    /// `LINUX` or `WINDOWS_SERVER_...`.
    pub operating_system: Option<String>,
    /// Role of the containers.
    pub task_role: Option<String>,
    /// Role with which ECS pulls images and writes logs.
    pub execution_role: Option<String>,
}

/// A container of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDefinition {
    /// Name, unique in the task.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Whether its end ends the task.
    pub essential: bool,
    /// Replaces the image's ENTRYPOINT (and drops its CMD); `None` where absent or empty.
    pub entry_point: Option<Vec<String>>,
    /// Replaces the image's CMD; `None` where absent or empty.
    pub command: Option<Vec<String>>,
    /// Variables in the file's order.
    pub environment: Vec<(String, String)>,
    /// Variables whose values ECS fetches from Secrets Manager or Parameter Store: name and `valueFrom`.
    pub secrets: Vec<(String, String)>,
    /// Number of files on S3 with further variables.
    pub environment_files: usize,
    /// `user`, `uid`, `user:group`, `uid:gid`.
    pub user: Option<String>,
    /// Working directory.
    pub working_directory: Option<String>,
    /// CPU units.
    pub cpu: Option<u64>,
    /// Hard memory limit in MiB.
    pub memory: Option<u64>,
    /// Soft memory limit in MiB.
    pub memory_reservation: Option<u64>,
    /// Whether the root file system cannot be written.
    pub readonly_root: bool,
    /// Mounted volumes.
    pub mount_points: Vec<MountPoint>,
    /// Containers whose volumes are mounted too.
    pub volumes_from: Vec<VolumeFrom>,
    /// What must have happened to other containers first.
    pub depends_on: Vec<Dependency>,
    /// Seconds others wait for this container to reach what they depend on.
    pub start_timeout: Option<u64>,
    /// Seconds between SIGTERM and SIGKILL.
    pub stop_timeout: Option<u64>,
    /// Health check.
    pub health_check: Option<HealthCheck>,
    /// Added capabilities, as `SYS_PTRACE`.
    pub capabilities_add: Vec<String>,
    /// Dropped capabilities, as `NET_RAW`, or `ALL`.
    pub capabilities_drop: Vec<String>,
    /// Whether an init process is PID 1.
    pub init_process: bool,
    /// Resource limits.
    pub ulimits: Vec<Ulimit>,
    /// Port mappings.
    pub ports: Vec<PortMapping>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Log driver and its options.
    pub log: Option<LogConfiguration>,
    /// Whether ECS restarts the container when it ends.
    pub restart: bool,
    /// A terminal is wanted.
    pub pseudo_terminal: bool,
    /// Kernel parameters.
    pub system_controls: Vec<(String, String)>,
    /// The container is a log router.
    pub firelens: bool,
}

/// A volume of the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// What is behind it.
    pub source: VolumeSource,
}

/// What is behind a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeSource {
    /// Storage of the task itself, shared by its containers, gone with the task.
    #[default]
    Task,
    /// A directory of the host.
    Host(String),
    /// A Docker volume.
    Docker,
    /// Elastic File System.
    Efs,
    /// FSx for Windows.
    Fsx,
    /// S3 Files.
    S3Files,
    /// Chosen when the task is started (EBS).
    AtLaunch,
}

/// A volume in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPoint {
    /// The volume's name.
    pub volume: String,
    /// Path in the container.
    pub path: String,
    /// Whether the container cannot write.
    pub read_only: bool,
}

/// Volumes of another container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeFrom {
    /// The other container.
    pub container: String,
    /// Whether this container cannot write.
    pub read_only: bool,
}

/// One entry of `dependsOn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The other container.
    pub container: String,
    /// What must have happened to it.
    pub condition: Condition,
}

/// A condition of `dependsOn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// It was started.
    Start,
    /// It ended.
    Complete,
    /// It ended with exit code 0.
    Success,
    /// Its health check passed.
    Healthy,
}

impl Condition {
    /// As written in a task definition.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Success => "SUCCESS",
            Self::Healthy => "HEALTHY",
        }
    }
}

/// A container's health check, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The command without `CMD` or `CMD-SHELL`.
    pub command: HealthCommand,
    /// Seconds between two checks.
    pub interval: u64,
    /// Seconds a check may take.
    pub timeout: u64,
    /// Failures in a row that make the container unhealthy.
    pub retries: u64,
    /// Seconds after the start in which failures do not count.
    pub start_period: u64,
}

/// How a health check is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthCommand {
    /// `CMD`: program and arguments.
    Exec(Vec<String>),
    /// `CMD-SHELL`: by the container's `/bin/sh -c`.
    Shell(String),
}

/// A resource limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// `nofile`, `nproc`, ...
    pub name: String,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// A port the container serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// Where logs go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    /// `awslogs`, `splunk`, `awsfirelens`.
    pub driver: String,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

impl TaskDefinition {
    /// The container of that name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.containers.iter().find(|container| container.name == name)
    }
}
