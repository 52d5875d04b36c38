//! The task metadata endpoint, version 4, on loopback.

mod document;
mod server;

pub(crate) use document::{ContainerRecord, Status, TaskRecord};
pub(crate) use server::Server;
