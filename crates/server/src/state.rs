//! What every handler can reach.

use std::sync::Arc;

use fargard_rules::Ruleset;
use fargard_store::{CoverageStore, EventLog, EventStore, StateStore};
use tokio::sync::{Semaphore, watch};

use crate::{
    auth::{Attempts, Seal},
    backlog::Backlog,
    compliance::Compliance,
    config::Coverage,
    metrics::Metrics,
    updates::Updates,
};

/// Shared by all handlers; cloning is cheap. Console pages read `store` and `events`, and take
/// [`crate::auth::Admin`] as an argument to know who is logged in.
#[derive(Clone)]
pub(crate) struct AppState {
    /// Findings, tasks, tokens.
    pub(crate) store: Arc<dyn StateStore>,
    /// Inventory, coverage, access keys.
    pub(crate) coverage: Arc<dyn CoverageStore>,
    /// The compliance policy, and stored results under it.
    pub(crate) compliance: Arc<Compliance>,
    /// How coverage is judged.
    pub(crate) terms: Arc<Coverage>,
    /// Encrypts what must be read again.
    pub(crate) seal: Arc<Seal>,
    /// Events for timelines.
    pub(crate) events: Arc<dyn EventStore>,
    /// Batches that wait.
    pub(crate) log: Arc<dyn EventLog>,
    /// The rules that come with the server.
    pub(crate) rules: Arc<Ruleset>,
    /// Names this start of the server.
    pub(crate) epoch: Arc<str>,
    /// Live updates.
    pub(crate) updates: Updates,
    /// Counters for `/metrics`.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the log takes more.
    pub(crate) backlog: Arc<Backlog>,
    /// Failed logins.
    pub(crate) attempts: Arc<Attempts>,
    /// A permit for each batch that may be decompressed and parsed at the same time.
    pub(crate) decoders: Arc<Semaphore>,
    /// Becomes `true` when the server stops: endless answers must end then.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Connections are TLS: cookies are marked `Secure`.
    pub(crate) tls: bool,
}
