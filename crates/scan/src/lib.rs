//! Compliance checks of root file systems and running tasks.
//!
//! A root file system is a directory: an unpacked image, the machine's `/`, or `/proc/PID/root` of a process in
//! a container. Whatever lies below it may have been written by an attacker, so nothing here follows a link out
//! of it ([`confined`]), opens anything but regular files, or reads without a limit ([`Limits`]).
//!
//! [`scan`] makes all checks that need the files in one pass; [`miner`] alone judges single files for the sensor. Checks
//! that need no files: [`secrets`] (variables) and [`users`] (the user a container runs as).

mod archive;
mod check;
pub mod confined;
pub mod custom;
mod digest;
mod facts;
mod finding;
pub mod image;
pub mod keys;
mod limits;
pub mod miner;
pub mod packages;
mod pipeline;
mod registry;
pub mod secrets;
pub mod users;
mod walk;

pub use check::{CheckInfo, Target};
pub use facts::{Facts, FileKind};
pub use finding::Finding;
pub use limits::Limits;
pub use pipeline::{
    ContentKey, EachFile, ImageOutcome, ImageTree, LayerPackages, LiveScan, Looked, Outcome, PackageKinds,
    Passing, Selection, StreamScan, compare_layers, scan, scan_with,
};
pub use registry::{
    BUILD_CHECKS, CHECK_41, CHECK_43, CHECK_47, CHECK_48, CHECK_49, CHECK_56, CHECK_406, CHECK_410,
    CHECK_411, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CHECK_456, CHECK_7003, CHECK_7101, CHECK_7102,
    CHECK_7103, CHECK_7104, CHECK_7106, CHECK_7107, CHECK_7108, CHECK_7109, CHECKS, FILE_CHECKS, TASK_CHECKS,
    all_checks,
};
pub use walk::{Entry, WalkReport, walk};
