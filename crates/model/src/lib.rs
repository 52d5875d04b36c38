//! The words of the product as types: what happened (events), who did it (processes), where (tasks and
//! containers), what a rule or a check said of it (detections, check results), what a person acts on
//! (findings), and how all of it travels (batches).
//!
//! No I/O lives here apart from [`bounded`], the one way this workspace reads a file of unknown size.

pub mod action;
pub mod alert;
pub mod batch;
pub mod bounded;
pub mod call;
pub mod check;
pub mod detection;
pub mod event;
pub mod event_type;
pub mod evidence;
pub mod file_change;
pub mod finding;
pub mod foreign;
pub mod heartbeat;
pub mod priority;
pub mod process;
pub mod secret;
pub mod standard;
pub mod time;
pub mod trap;
pub mod workload;

pub use action::{Action, ActionResult, ActionTaken};
pub use alert::Alert;
pub use batch::{Batch, BatchHeader, Lost, Record};
pub use call::ArgSet;
pub use check::{Actor, CheckFinding, CheckResult, CheckStatus, MAX_FOUND};
pub use detection::Detection;
pub use event::{Arg, Event, Fd, Outcome, Source};
pub use event_type::EventType;
pub use evidence::{Difference, Evidence, Part, Parts};
pub use file_change::{Change, FileChange, FileKind, FileState, FimStatus, FoundBy, Writer};
pub use finding::{Finding, FindingKind, FindingState};
pub use heartbeat::Heartbeat;
pub use priority::Priority;
pub use process::{ExeFile, MAX_LINEAGE, Process, Session, StdStream};
pub use secret::Secret;
pub use time::Timestamp;
pub use trap::{Trap, TrapSet};
pub use workload::{Container, Mount, Task};
