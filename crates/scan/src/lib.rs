//! Compliance checks of root file systems and running tasks.
//!
//! A root file system is a directory: an unpacked image, the machine's `/`, or `/proc/PID/root` of a process in
//! a container. Whatever lies below it may have been written by an attacker, so nothing here follows a link out
//! of it ([`confined`]), opens anything but regular files, or reads without a limit ([`Limits`]).
//!
//! Checks so far: 426 ([`CHECK_426`], found by [`miner`]).

mod check;
pub mod confined;
mod limits;
pub mod miner;
mod walk;

pub use check::{CHECK_426, CheckInfo, Target};
pub use limits::Limits;
pub use walk::{Entry, WalkReport, walk};
