//! The server as its users meet it: over HTTP, on a store in a directory of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may fail as tests do")]

mod compliance;
mod coverage;
mod file_changes;
mod gate;
mod login;
mod postgres;
mod rest;
mod support;
mod tls;
