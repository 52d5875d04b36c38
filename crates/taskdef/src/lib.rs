//! Reading and judging ECS task definitions.
//!
//! [`read`] turns bytes into a [`TaskDefinition`] or into a list of located problems; [`fargate::judge`] says what
//! Fargate would refuse, [`checks`] what security asks. Nothing here touches files or the network.

pub mod checks;
mod definition;
pub mod embed;
pub mod fargate;
mod issue;
pub mod json;
mod process;
mod read;
mod references;
mod schema;
mod shape;
pub mod size;

pub use definition::{
    Condition, ContainerDefinition, Dependency, HealthCheck, HealthCommand, LogConfiguration, MountPoint,
    PortMapping, TaskDefinition, Ulimit, Volume, VolumeFrom, VolumeSource,
};
pub use issue::{Issue, IssueCode, ReadError, Severity};
pub use process::{ImageProcess, NothingToRun};
pub use read::{Reading, read};
