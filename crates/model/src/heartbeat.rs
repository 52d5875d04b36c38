//! What a sensor says of itself.

use serde::{Deserialize, Serialize};

use crate::{Container, FimStatus, Lost, Task, Timestamp};

/// A sensor's periodic sign of life. Counters start at 0 with the sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heartbeat {
    /// When it was made.
    pub time: Timestamp,
    /// Version of the sensor.
    pub version: String,
    /// How calls are observed: `notify`, `trace`, `none`.
    pub backend: String,
    /// Why that backend, and which kernel features it uses.
    pub backend_reason: String,
    /// What a reader should know: `setuid programs gain no rights (no_new_privs)`.
    pub notes: Vec<String>,
    /// Calls seen.
    pub events: u64,
    /// Detections made.
    pub detections: u64,
    /// Matches that were folded into detections with others.
    pub folded: u64,
    /// What was not seen or not sent, by class.
    pub lost: Lost,
    /// How often the engine was restarted by the keeper.
    pub engine_restarts: u64,
    /// Rules loaded.
    pub rules: u64,
    /// The watched processes have all ended and everything was sent: the last heartbeat of this sensor.
    pub last: bool,
    /// File integrity monitoring; `None` where it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fim: Option<FimStatus>,
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
}
