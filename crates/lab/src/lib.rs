//! A local Fargate: runs task definitions on this machine.
//!
//! [`Task::start`] makes each container a real process in namespaces of its own, with Fargate's capabilities, a root
//! file system it cannot leave, and the task metadata endpoint; [`stage`] is the part that runs in those processes.
//! [`control_plane`] imitates ECS's API, in simulated time and without running anything.

mod capability;
mod container;
pub mod control_plane;
mod error;
mod identity;
mod launch;
mod loopback;
mod metadata;
mod names;
mod observer;
mod options;
mod plan;
mod pump;
mod rootfs;
mod schedule;
mod scratch;
mod sensor;
mod stage;
mod stragglers;
mod supervisor;
mod task;

pub use error::LabError;
pub use fargard_sensor::{
    capture::AttachMode,
    config::{PrintFormat, ReadMode},
};
pub use observer::{ContainerState, Observation, Observer, Outcome, StopCode, Stream, TaskState};
pub use options::{Isolation, Options, STAGE_COMMAND, SensorOptions, SensorServer, Stage};
pub use stage::run as stage;
pub use task::{Executed, RunningTask, Task};
