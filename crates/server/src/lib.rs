//! The server: gate, worker, REST interface, console.
//!
//! One process does it all ([`Server::start`]):
//!
//! ```text
//! sensors --POST /v1/batches--> gate -> EventLog -> worker -> StateStore, EventStore
//!                                                      |
//! browsers, scripts <-- console, /api/v1, live stream <-+- updates
//! ```
//!
//! The parts: `gate` takes batches in and acknowledges them when they are durable, `worker` folds them, `auth`
//! decides who may ask, `rest` and `console` answer, `serve` owns the sockets.

mod app;
mod auth;
mod backlog;
mod compliance;
pub mod config;
mod console;
mod coverage;
mod error;
mod gate;
mod guardduty;
mod headers;
mod metrics;
mod notify;
mod query;
mod rest;
mod retention;
mod serve;
mod set_aside;
mod start;
mod state;
mod stores;
mod tls;
mod updates;
mod worker;

pub use auth::first_start::FirstTokens;
pub use config::{Config, Settings};
pub use start::{Running, Server, StartError};
pub use updates::{Update, Updates};
