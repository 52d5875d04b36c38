//! One file a command: its arguments and what it does with them.

pub(crate) mod agent;
pub(crate) mod compliance;
pub(crate) mod coverage;
pub(crate) mod demo;
pub(crate) mod embed;
pub(crate) mod fim;
mod registry;
mod remote;
pub(crate) mod rules;
pub(crate) mod scan;
pub(crate) mod server;
pub(crate) mod task;
pub(crate) mod watch;
