//! State in PostgreSQL, for a service of more than one server.
//!
//! Connections are not encrypted: TLS to PostgreSQL is not supported yet. A database on another machine is only used
//! when the URL says `sslmode=disable`, and `sslmode=require` is refused.

mod connection;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Pool;
use fargard_model::{Batch, Finding, FindingState, Timestamp};

use crate::{
    Applied, Facets, FindingDetail, FindingPage, FindingQuery, Overview, StateChange, StateStore, StoreError,
    TaskDetail, TaskPage, TaskQuery, Token,
    migrate::{Migration, migrate},
    state::{self, digest::Digest, retention::Horizon},
};
use connection::{Mode, PostgresSession};

const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_state.sql", sql: include_str!("../../migrations/postgres/0001_state.sql") },
    Migration { name: "0002_coverage.sql", sql: include_str!("../../migrations/postgres/0002_coverage.sql") },
    Migration {
        name: "0003_coverage_order.sql",
        sql: include_str!("../../migrations/postgres/0003_coverage_order.sql"),
    },
    Migration {
        name: "0004_coverage_outbox.sql",
        sql: include_str!("../../migrations/postgres/0004_coverage_outbox.sql"),
    },
    Migration {
        name: "0005_compliance.sql",
        sql: include_str!("../../migrations/postgres/0005_compliance.sql"),
    },
    Migration {
        name: "0006_guardduty.sql",
        sql: include_str!("../../migrations/postgres/0006_guardduty.sql"),
    },
];

/// The scaled store of state.
pub struct PostgresStore {
    pool: Pool,
}

/// Runs the work in a transaction, and again when it lost against another one.
macro_rules! transact {
    ($store:expr, $mode:expr, $session:ident => $work:expr) => {{
        let mut attempt = 1;
        loop {
            let mut client = connection::client(&$store.pool).await?;
            let mut $session = PostgresSession::begin(&mut client, $mode).await?;
            let result = $work.await;
            if let Some(result) = $session.finish(result, attempt).await {
                break result;
            }
            attempt += 1;
        }
    }};
}

mod compliance;
mod coverage;
mod guardduty;

impl PostgresStore {
    /// Connects to `postgresql://user:password@host/database` (or libpq's `key=value` form) and brings the schema up
    /// to date.
    ///
    /// # Errors
    /// The URL cannot be read or asks for TLS, the server does not answer, or the schema is of a newer version.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let store = Self { pool: connection::pool(url)? };
        transact!(store, Mode::Write, session => migrate(&mut session, MIGRATIONS))?;
        Ok(store)
    }

    /// Forgets identities of batches that are older than `age` (at least 24 hours; less counts as that), hours no
    /// overview shows and tokens that expired before; how many identities went.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn forget_identities(&self, now: Timestamp, age: Duration) -> Result<u64, StoreError> {
        let horizon = Horizon::of(now, age);
        transact!(self, Mode::Write, session => state::retention::forget(&mut session, horizon))
    }
}

#[async_trait]
impl StateStore for PostgresStore {
    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError> {
        let digest = Digest::of(batch)?;
        transact!(self, Mode::Write, session => state::apply::apply(&mut session, &batch.header, &digest))
    }

    async fn findings(&self, query: &FindingQuery) -> Result<FindingPage, StoreError> {
        transact!(self, Mode::Read, session => state::findings::page(&mut session, query))
    }

    async fn facets(&self, query: &FindingQuery) -> Result<Facets, StoreError> {
        transact!(self, Mode::Read, session => state::findings::facets(&mut session, query))
    }

    async fn finding(&self, id: &str) -> Result<Option<FindingDetail>, StoreError> {
        transact!(self, Mode::Read, session => state::findings::detail(&mut session, id))
    }

    async fn set_state(
        &self,
        id: &str,
        state: FindingState,
        who: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Option<Finding>, StoreError> {
        let change = StateChange { at, state, who: who.to_owned(), note: note.to_owned() };
        transact!(self, Mode::Write, session => state::findings::set_state(&mut session, id, &change))
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        transact!(self, Mode::Read, session => state::tasks::page(&mut session, query))
    }

    async fn task(&self, arn: &str) -> Result<Option<TaskDetail>, StoreError> {
        transact!(self, Mode::Read, session => state::tasks::detail(&mut session, arn))
    }

    async fn overview(&self, now: Timestamp) -> Result<Overview, StoreError> {
        transact!(self, Mode::Read, session => state::overview::overview(&mut session, now))
    }

    async fn put_token(&self, token: &Token) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => state::tokens::put(&mut session, token))
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        transact!(self, Mode::Read, session => state::tokens::get(&mut session, hash))
    }

    async fn take_token(&self, hash: &str) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => state::tokens::take(&mut session, hash))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        connection::ping(&self.pool).await
    }
}
