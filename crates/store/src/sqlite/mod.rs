//! Everything in one SQLite file: all three seams for a single machine.
//!
//! One thread writes and commits many callers' work at once; several connections read. WAL with `synchronous=FULL`,
//! so what a call has returned for survives a crash of the process and of the machine.

mod compliance;
mod connection;
mod coverage;
mod events;
mod guardduty;
mod log;
mod readers;
#[cfg(test)]
mod tests;
mod writer;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use fargard_model::{Batch, Event, Finding, FindingState, Timestamp};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::{
    Applied, EventLog, EventPage, EventQuery, EventStore, Facets, FindingDetail, FindingPage, FindingQuery,
    LogEntry, Overview, StateChange, StateStore, StoreError, TaskDetail, TaskPage, TaskQuery, Token,
    state::{self, digest::Digest, retention::Horizon},
};
use connection::{SqliteSession, complete};
use readers::Readers;
use writer::Writer;

/// The embedded store. It must be used inside a tokio runtime.
pub struct SqliteStore {
    writer: Writer,
    /// `None` in memory, where the writer's connection is the only one that sees the data.
    readers: Option<Readers>,
    appended: Notify,
}

impl SqliteStore {
    /// Opens the store in that file; makes it, readable by its owner alone, when there is none.
    ///
    /// # Errors
    /// The file cannot be opened, is no SQLite file, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connection::open(path)?;
        let readers = Some(Readers::open(path)?);
        Ok(Self { writer: Writer::start(connection)?, readers, appended: Notify::new() })
    }

    /// A store in memory, gone with this value.
    ///
    /// # Errors
    /// SQLite cannot be set up.
    pub fn in_memory() -> Result<Self, StoreError> {
        let writer = Writer::start(connection::open_in_memory()?)?;
        Ok(Self { writer, readers: None, appended: Notify::new() })
    }

    /// Forgets identities of batches that are older than `age` (at least 24 hours; less counts as that), hours no
    /// overview shows and tokens that expired before; how many identities went.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn forget_identities(&self, now: Timestamp, age: Duration) -> Result<u64, StoreError> {
        let horizon = Horizon::of(now, age);
        self.writer
            .run(move |connection| {
                let forgotten = complete(state::retention::forget(&mut SqliteSession(connection), horizon))?;
                Ok(forgotten + log::forget(connection, horizon.identities)?)
            })
            .await
    }

    /// Deletes events that happened before that time; how many.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn forget_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.run(move |connection| events::forget(connection, before)).await
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.run(read).await,
            None => self.writer.run(read).await,
        }
    }
}

#[async_trait]
impl StateStore for SqliteStore {
    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError> {
        let digest = Digest::of(batch)?;
        let header = batch.header.clone();
        self.writer
            .run(move |connection| {
                complete(state::apply::apply(&mut SqliteSession(connection), &header, &digest))
            })
            .await
    }

    async fn findings(&self, query: &FindingQuery) -> Result<FindingPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(state::findings::page(&mut SqliteSession(connection), &query)))
            .await
    }

    async fn facets(&self, query: &FindingQuery) -> Result<Facets, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(state::findings::facets(&mut SqliteSession(connection), &query)))
            .await
    }

    async fn finding(&self, id: &str) -> Result<Option<FindingDetail>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| complete(state::findings::detail(&mut SqliteSession(connection), &id)))
            .await
    }

    async fn set_state(
        &self,
        id: &str,
        state: FindingState,
        who: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Option<Finding>, StoreError> {
        let id = id.to_owned();
        let change = StateChange { at, state, who: who.to_owned(), note: note.to_owned() };
        self.writer
            .run(move |connection| {
                complete(state::findings::set_state(&mut SqliteSession(connection), &id, &change))
            })
            .await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(state::tasks::page(&mut SqliteSession(connection), &query)))
            .await
    }

    async fn task(&self, arn: &str) -> Result<Option<TaskDetail>, StoreError> {
        let arn = arn.to_owned();
        self.read(move |connection| complete(state::tasks::detail(&mut SqliteSession(connection), &arn)))
            .await
    }

    async fn overview(&self, now: Timestamp) -> Result<Overview, StoreError> {
        self.read(move |connection| complete(state::overview::overview(&mut SqliteSession(connection), now)))
            .await
    }

    async fn put_token(&self, token: &Token) -> Result<(), StoreError> {
        let token = token.clone();
        self.writer
            .run(move |connection| complete(state::tokens::put(&mut SqliteSession(connection), &token)))
            .await
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        let hash = hash.to_owned();
        self.read(move |connection| complete(state::tokens::get(&mut SqliteSession(connection), &hash))).await
    }

    async fn take_token(&self, hash: &str) -> Result<bool, StoreError> {
        let hash = hash.to_owned();
        self.writer
            .run(move |connection| complete(state::tokens::take(&mut SqliteSession(connection), &hash)))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.run(connection::ping).await
    }
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn append(&self, batch: &Batch) -> Result<bool, StoreError> {
        let entry = log::Entry::of(batch)?;
        let new = self.writer.run(move |connection| log::append(connection, &entry)).await?;
        if new {
            self.appended.notify_waiters();
        }
        Ok(new)
    }

    /// An entry that cannot be read is reported once and set aside (table `log_damaged`), so that it holds up no
    /// others.
    async fn next(&self, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        loop {
            let mut appended = std::pin::pin!(self.appended.notified());
            // Listens from here on, so that nothing is missed between the look and the wait.
            appended.as_mut().enable();
            let look = self.read(move |connection| log::next(connection, limit)).await?;
            if !look.entries.is_empty() {
                return Ok(look.entries);
            }
            if let Some((position, error)) = look.damaged {
                self.writer.run(move |connection| log::set_aside(connection, position)).await?;
                return Err(error);
            }
            appended.await;
        }
    }

    async fn done(&self, offset: u64) -> Result<(), StoreError> {
        self.writer.run(move |connection| log::done(connection, offset)).await
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        self.read(log::backlog).await
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn store(&self, batch: &Batch) -> Result<(), StoreError> {
        let rows = events::rows(batch)?;
        if rows.is_empty() {
            return Ok(());
        }
        let producer = crate::column::text(&batch.header.producer);
        self.writer.run(move |connection| events::store(connection, &producer, &rows)).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| events::page(connection, &query)).await
    }

    async fn event(&self, producer: &str, num: u64) -> Result<Option<Event>, StoreError> {
        let producer = producer.to_owned();
        self.read(move |connection| events::get(connection, &producer, num)).await
    }
}
