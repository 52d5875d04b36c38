//! Capturing system calls: which calls are stopped, who answers them, and how what was seen reaches the engine.
//!
//! The **keeper** answers the calls of up to 64 listeners: the app's own, and those of filters put on other processes
//! later. Each ends when the last process of its filter has. The app's own end is the sensor's: the engine gets its
//! time, and other listeners are answered, without a record, until they end too.
//!
//! Other listeners, and records of what is seen without stopping a call, come from the **attacher**, a process the
//! keeper forks where [`CaptureOptions::attach`] is set, whose work is [`Engine::attach`]. The messages between the
//! two, what is checked and who answers what when one of them dies: [`AttacherLink`] and its module.

mod attach;
mod attacher;
mod bpf;
pub mod calls;
mod channel;
mod consumer;
mod denials;
mod engine_process;
mod explain;
mod filter;
#[cfg(test)]
mod filtered;
mod follow;
mod guard;
mod info;
mod keeper;
mod lane;
mod layout;
mod leased;
mod listeners;
mod notify;
mod pages;
mod proc;
mod producer;
mod record;
mod recorder;
mod ring;
mod seen;
mod sensor;
mod shim;
mod trace;
mod unwaiting;
mod watch;

use std::{str::FromStr, time::Duration};

pub use attach::{Attach, AttachMode, Scope};
pub(crate) use attach::{Hold, Notice, Refused, run as attach};
pub use attacher::{AttacherLink, NotServed, answer_until_end};
pub use consumer::{Consumer, Waker};
pub use denials::Denial;
pub(crate) use denials::ERROR as DENIAL_ERROR;
pub use explain::explain;
use fargard_model::{Lost, TrapSet};
pub(crate) use leased::{Entry as LeasedEntry, LeasedFiles};
pub use recorder::CallWriter;
pub(crate) use sensor::Sensor;
pub use shim::{ExecError, exec, exec_unwatched, stay};
pub use watch::{WatchOutcome, watch};

use crate::config::DEFAULT_RING;

/// What reads the captured calls. The keeper starts it in a process of its own, and again when that dies.
pub trait Engine {
    /// Ready to run.
    type Prepared: PreparedEngine;

    /// Gets ready: loads rules and whatever else decides which calls are needed. Called in the engine's process,
    /// which has one thread then.
    ///
    /// # Errors
    /// Why it cannot run as configured, for people. The command then starts unwatched.
    fn prepare(&self) -> Result<Self::Prepared, String>;

    /// The same in the process of each later engine. Calls are stopped by then, so one that can do part of its work
    /// is better than none.
    ///
    /// # Errors
    /// As for [`Engine::prepare`]. Calls are answered then, and nobody looks at them.
    fn prepare_again(&self) -> Result<Self::Prepared, String> {
        self.prepare()
    }

    /// The attacher's work, in a process of its own, which has one thread; where [`CaptureOptions::attach`] is set.
    /// Returns that process's exit code when [`AttacherLink::ended`] says so. Dropping the link before means
    /// failure: the keeper then kills the process and starts another.
    fn attach(&self, link: AttacherLink) -> u8 {
        while !link.ended(None) {}
        0
    }
}

/// An engine that is ready to run.
pub trait PreparedEngine {
    /// The calls it needs.
    fn traps(&self) -> &TrapSet;

    /// Whether it needs the environment of executed programs; see also [`CaptureOptions::environment`].
    fn needs_environment(&self) -> bool {
        false
    }

    /// Whether it takes leases on files, so that opens must be stopped which a lease would refuse.
    fn takes_leases(&self) -> bool {
        false
    }

    /// The calls that are to be denied instead of let through.
    fn denials(&self) -> &[Denial] {
        &[]
    }

    /// Handles records until [`Wake::Finished`]; the exit code of the engine's process.
    fn run(self, consumer: Consumer) -> u8;
}

/// Which way of capturing is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// The best the kernel and the container allow.
    #[default]
    Auto,
    /// Seccomp user notification or nothing.
    Notify,
    /// Ptrace at the calls a seccomp filter selects, or nothing.
    Trace,
    /// Nothing is captured.
    None,
}

impl FromStr for BackendChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "notify" => Ok(Self::Notify),
            "trace" => Ok(Self::Trace),
            "none" => Ok(Self::None),
            _ => Err("use auto, notify, trace or none".to_owned()),
        }
    }
}

/// Which way of capturing is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Seccomp user notification.
    Notify,
    /// Ptrace at the calls a seccomp filter selects.
    Trace,
    /// Nothing is captured.
    #[default]
    None,
}

impl Backend {
    /// The word used in heartbeats: `notify`, `trace`, `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Trace => "trace",
            Self::None => "none",
        }
    }
}

/// How to capture.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Which way.
    pub backend: BackendChoice,
    /// Bytes of the ring between keeper and engine.
    pub ring_bytes: usize,
    /// How long the command waits for the engine to say which calls it needs, before it starts unwatched.
    pub start_deadline: Duration,
    /// How long the keeper waits for the engine when the last watched process has ended.
    pub drain: Duration,
    /// The engine prints to the command's standard output or error, so it keeps them open.
    pub keep_stdio: bool,
    /// Capture the environment of executed programs.
    pub environment: bool,
    /// Do without `WAIT_KILLABLE_RECV`, as on kernels before 5.19: signals interrupt calls that wait for an answer.
    pub interruptible: bool,
    /// Start the attacher; see [`Engine::attach`].
    pub attach: bool,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            backend: BackendChoice::Auto,
            ring_bytes: DEFAULT_RING,
            start_deadline: Duration::from_secs(2),
            drain: Duration::from_secs(10),
            keep_stdio: false,
            environment: false,
            interruptible: false,
            attach: false,
        }
    }
}

/// How calls are captured and what a reader should know about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureInfo {
    /// In use.
    pub backend: Backend,
    /// Why this one.
    pub reason: String,
    /// Kernel features in use: `wait_killable_recv`, `sync_wake_up`, `process_vm_readv`, ...
    pub features: Vec<&'static str>,
    /// What differs from running without a sensor, or is not seen.
    pub notes: Vec<&'static str>,
}

/// What was captured since the start. `seen == consumed + lost.total() + pending` whenever no call is in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls stopped.
    pub seen: u64,
    /// Records the engine is done with.
    pub consumed: u64,
    /// Records in the ring.
    pub pending: u64,
    /// Calls without a record the engine could use: `ring_read`, `ring_file`,
    /// `ring_network`, `ring_privilege`, `ring_exec` (no room for that class), `cancelled` (the caller was interrupted or
    /// killed before the call was made), `keeper_died`, `refused` (the attacher sent what is no record), `poison` (the engine died twice on it), `malformed`.
    pub lost: Lost,
    /// How often the engine was started again.
    pub engine_restarts: u64,
    /// The last watched process has ended; no record will follow.
    pub finished: bool,
}

/// Why [`Consumer::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A record is there.
    Data,
    /// The time is over.
    Timeout,
    /// A [`Waker`] was used.
    Called,
    /// No record is there and none will follow.
    Finished,
}

/// The actions for notification and for tracing, for asking the kernel whether it knows them.
pub(crate) fn notify_action() -> (u32, u32) {
    (bpf::NOTIFY, bpf::TRACE)
}
