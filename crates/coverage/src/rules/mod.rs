//! Judging: a task by itself, then its cluster.

mod cluster;
mod issue;
mod task;

pub use cluster::{Coverage, Known, MAX_ISSUES, Management, Status, TaskReport, TaskStatus, judge_cluster};
pub use issue::{Issue, Problem, Remedy};

use fargard_model::Timestamp;

/// A switch, and since when it stands so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Whether it is on.
    pub on: bool,
    /// Since when.
    pub since: Timestamp,
}

/// What holds for an account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Runtime Monitoring.
    pub monitoring: Switch,
    /// Automated agent configuration for Fargate.
    pub automation: Switch,
    /// How long after its start a task may be without a heartbeat, in nanoseconds.
    pub grace: u64,
    /// How long a heartbeat lasts, in nanoseconds.
    pub silence: u64,
    /// How long a stopped task counts, in nanoseconds.
    pub retention: u64,
    /// How the names of agents' containers begin.
    pub agent_names: Vec<String>,
}

const SECOND: u64 = 1_000_000_000;

impl Default for Policy {
    /// Everything on since ever; 120 s of grace, 45 s of silence, one hour for stopped tasks; containers of our sensor
    /// and of GuardDuty's agent.
    fn default() -> Self {
        let on = Switch { on: true, since: Timestamp(0) };
        Self {
            monitoring: on,
            automation: on,
            grace: 120 * SECOND,
            silence: 45 * SECOND,
            retention: 3600 * SECOND,
            agent_names: ["fargard-sensor", "aws-guardduty-agent", "aws-gd-agent"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

/// The latest sign of life of a task's sensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// Latest heartbeat.
    pub at: Timestamp,
    /// All its sensors have said goodbye.
    pub ended: bool,
    /// Version of the sensor.
    pub version: String,
    /// Events its sensors lost.
    pub lost: u64,
}
