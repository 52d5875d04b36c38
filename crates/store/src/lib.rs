//! Where state and events are kept: three seams, each a trait with an embedded backend (SQLite) and, for
//! [`StateStore`], PostgreSQL.

mod column;
pub mod compliance;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod coverage;
mod cursor;
mod filter;
pub mod guardduty;
mod migrate;
mod postgres;
pub mod query;
mod session;
mod sqlite;
mod state;

use async_trait::async_trait;
use fargard_model::{Batch, Event, Finding, FindingState, Timestamp};

pub use compliance::{
    ComplianceStore, ComplianceTarget, PolicyRevision, StandardDay, TargetPage, TargetQuery,
};
pub use coverage::{
    AccessKey, ClusterKnown, Counts, CoveragePage, CoverageStore, Judgement, KeyRole, News, Notice,
};
pub use guardduty::{FindingScan, GuardDutyStore, Inside, Object, ObjectKey, ObjectKind};
pub use query::{
    EventPage, EventQuery, Facets, FindingDetail, FindingPage, FindingQuery, LogEntry, Overview, StateChange,
    TaskDetail, TaskPage, TaskQuery, TaskRow, Token, TokenKind,
};

pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use state::retention::MIN_IDENTITY_AGE;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no; the text names the operation.
    #[error("{operation}: {reason}")]
    Backend {
        /// What was being done.
        operation: &'static str,
        /// The database's own words.
        reason: String,
    },
    /// What was read back is not what this build writes.
    #[error("{what} in the store cannot be read: {reason}")]
    Corrupt {
        /// Which record.
        what: String,
        /// Why.
        reason: String,
    },
    /// The page cursor was not made by this server.
    #[error("the cursor is not one this server gave out")]
    Cursor,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Folded now; identities of the findings that are new or changed.
    Now {
        /// Findings touched.
        findings: Vec<String>,
    },
    /// This (producer, sequence) was folded before; nothing changed.
    Before,
}

/// Findings, inventory, tokens.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Folds all records of a batch in one transaction. A batch is applied once: identity is (producer, sequence).
    /// Detections and failed checks fold into findings (`Finding::fold`); a passed check closes its finding; heartbeats
    /// and headers' losses update the task. At most 50 latest occurrences are kept with a finding.
    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError>;
    /// Findings, latest first unless the query says otherwise.
    async fn findings(&self, query: &FindingQuery) -> Result<FindingPage, StoreError>;
    /// Counts per value of each facet, each under the query's other filters.
    async fn facets(&self, query: &FindingQuery) -> Result<Facets, StoreError>;
    /// One finding with its latest occurrences and the history of its state.
    async fn finding(&self, id: &str) -> Result<Option<FindingDetail>, StoreError>;
    /// Changes a finding's state and records who did; `None` when there is no such finding.
    async fn set_state(
        &self,
        id: &str,
        state: FindingState,
        who: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Option<Finding>, StoreError>;
    /// Tasks, latest heartbeat first.
    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError>;
    /// One task with its sensors.
    async fn task(&self, arn: &str) -> Result<Option<TaskDetail>, StoreError>;
    /// Numbers for the first page.
    async fn overview(&self, now: Timestamp) -> Result<Overview, StoreError>;
    /// Keeps a token's hash.
    async fn put_token(&self, token: &Token) -> Result<(), StoreError>;
    /// The token of that hash, expired ones too.
    async fn token(&self, hash: &str) -> Result<Option<Token>, StoreError>;
    /// Removes a token; whether there was one. Used once for one-time links: only one caller gets `true`.
    async fn take_token(&self, hash: &str) -> Result<bool, StoreError>;
    /// Answers when the database does.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The durable queue between the gate and the workers.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends a batch; returns when it is durable. A (producer, sequence) already in the log changes nothing and
    /// returns `false`.
    async fn append(&self, batch: &Batch) -> Result<bool, StoreError>;
    /// Up to `limit` entries that no `done` has named yet, in order of arrival; waits for one if there is none.
    async fn next(&self, limit: usize) -> Result<Vec<LogEntry>, StoreError>;
    /// Forgets entries up to and including this offset (their identities stay known for 24 hours).
    async fn done(&self, offset: u64) -> Result<(), StoreError>;
    /// Entries that wait.
    async fn backlog(&self) -> Result<u64, StoreError>;
}

/// Events for timelines and hunting.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Stores the events and detections' events of a batch; a batch stored before changes nothing.
    async fn store(&self, batch: &Batch) -> Result<(), StoreError>;
    /// Events of a task in order of time.
    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError>;
    /// One event by producer and number.
    async fn event(&self, producer: &str, num: u64) -> Result<Option<Event>, StoreError>;
}
