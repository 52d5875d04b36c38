//! From the log to the stores.
//!
//! Each entry is folded into the state store and stored in the event store (each remembers what it has), and only
//! then forgotten by the log: a crash at any point repeats steps that change nothing the second time.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use fargard_model::{Batch, Timestamp};
use fargard_store::{Applied, LogEntry, StoreError};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{guardduty, set_aside, state::AppState};

/// How far a sensor's clock may be ahead of the server's, in nanoseconds.
const CLOCKS_APART: u64 = 5 * 60 * 1_000_000_000;
/// Entries taken from the log at once.
const AT_ONCE: usize = 64;
/// First and longest pause before a failed step is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Failures of a step, while the database answers pings, after which the batch is held to be the reason.
const PATIENCE: u32 = 5;

/// Folds what the log holds until told to stop; then drains the log, at most until the deadline.
#[derive(Clone)]
pub(crate) struct Worker {
    state: AppState,
    set_aside: PathBuf,
    /// The deadline once the gate is closed.
    drain: watch::Receiver<Option<Instant>>,
}

/// Why a step was given up.
enum GivenUp {
    /// The batch is at fault.
    Batch(StoreError),
    /// The time to drain is over.
    Deadline,
}

/// How often a step failed, and how long to wait before the next try.
struct Tries {
    failures: u32,
    pause: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self { failures: 0, pause: PAUSE.0 }
    }
}

impl Worker {
    /// A worker; batches that cannot be folded are put into the directory `set_aside`.
    pub(crate) fn new(state: AppState, set_aside: PathBuf, drain: watch::Receiver<Option<Instant>>) -> Self {
        Self { state, set_aside, drain }
    }

    /// Works until drained.
    pub(crate) async fn run(mut self) {
        let mut tries = Tries::default();
        while let Some(next) = self.next().await {
            let worked = match next {
                Ok(entries) => {
                    tries = Tries::default();
                    self.process(entries).await
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, "the log set a damaged entry aside");
                    self.state.metrics.set_aside();
                    self.pause(&mut tries).await
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be read");
                    self.pause(&mut tries).await
                }
            };
            if worked.is_err() {
                tracing::warn!("the time to drain is over; the rest stays in the log");
                return;
            }
        }
    }

    /// The next entries; `None` when everything is drained or the deadline is over.
    async fn next(&mut self) -> Option<Result<Vec<LogEntry>, StoreError>> {
        let draining = *self.drain.borrow_and_update();
        if let Some(deadline) = draining {
            if Instant::now() >= deadline || matches!(self.state.log.backlog().await, Ok(0)) {
                return None;
            }
            return tokio::time::timeout_at(deadline, self.state.log.next(AT_ONCE)).await.ok();
        }
        tokio::select! {
            entries = self.state.log.next(AT_ONCE) => Some(entries),
            // When nobody is left who could tell it to stop, it stops.
            changed = self.drain.changed() => changed.is_ok().then(|| Ok(Vec::new())),
        }
    }

    /// Folds batches of one task one after the other, tasks beside each other, so that the store can commit the
    /// work of many at once. The log forgets them when all are folded.
    async fn process(&mut self, entries: Vec<LogEntry>) -> Result<(), GivenUp> {
        let Some(last) = entries.last().map(|entry| entry.offset) else { return Ok(()) };
        let mut tasks: BTreeMap<String, Vec<Batch>> = BTreeMap::new();
        for mut entry in entries {
            // Counted from the receipt, so that folding the entry again after a crash gives the same.
            entry.batch.limit_times(Timestamp(entry.received.0.saturating_add(CLOCKS_APART)));
            tasks.entry(entry.batch.header.task_arn.clone()).or_default().push(entry.batch);
        }
        let mut running = JoinSet::new();
        for batches in tasks.into_values() {
            running.spawn(self.clone().fold_in_order(batches));
        }
        let mut tries = Tries::default();
        while let Some(ended) = running.join_next().await {
            let Ok(folded) = ended.inspect_err(|error| tracing::error!(%error, "folding ended badly")) else {
                // The log does not forget the entries and gives them again.
                return self.pause(&mut tries).await;
            };
            folded?;
        }
        while let Err(error) = self.state.log.done(last).await {
            tracing::error!(%error, "the log does not forget what was folded");
            self.pause(&mut tries).await?;
        }
        Ok(())
    }

    async fn fold_in_order(mut self, batches: Vec<Batch>) -> Result<(), GivenUp> {
        for batch in batches {
            match self.fold(&batch).await {
                Err(GivenUp::Batch(error)) => {
                    self.state.metrics.set_aside();
                    set_aside::keep(&self.set_aside, &batch, &error).await;
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn fold(&mut self, batch: &Batch) -> Result<(), GivenUp> {
        let started = Instant::now();
        let mut tries = Tries::default();
        let mut touched = None;
        loop {
            let (applied, stored) =
                tokio::join!(self.state.store.apply(batch), self.state.events.store(batch));
            let applied = applied.map(|applied| {
                if let Applied::Now { findings } = applied {
                    touched = Some(findings);
                }
            });
            match applied.and(stored) {
                Ok(()) => break,
                Err(error) => self.failed(error, &mut tries).await?,
            }
        }
        if let Some(findings) = touched {
            self.state.metrics.applied(batch, started.elapsed());
            // What a filter would have archived stays in sight for once.
            if let Err(error) = guardduty::archive(&self.state, &findings).await {
                tracing::warn!(%error, "filters could not be tried");
            }
            self.state.updates.publish(&batch.header.task_arn, findings);
        }
        Ok(())
    }

    /// Waits before the next attempt. While the database itself is down, patience does not end.
    async fn failed(&mut self, error: StoreError, tries: &mut Tries) -> Result<(), GivenUp> {
        let is_up = self.state.store.ping().await.is_ok();
        tracing::warn!(%error, is_up, "a batch could not be folded");
        if matches!(error, StoreError::Corrupt { .. }) {
            return Err(GivenUp::Batch(error));
        }
        if is_up {
            tries.failures += 1;
            if tries.failures >= PATIENCE {
                return Err(GivenUp::Batch(error));
            }
        }
        self.pause(tries).await
    }

    async fn pause(&mut self, tries: &mut Tries) -> Result<(), GivenUp> {
        let wake = Instant::now() + tries.pause;
        tries.pause = (tries.pause * 2).min(PAUSE.1);
        while Instant::now() < wake {
            let draining = *self.drain.borrow_and_update();
            if draining.is_some_and(|deadline| deadline <= wake) {
                return Err(GivenUp::Deadline);
            }
            tokio::select! {
                () = sleep_until(wake) => {}
                changed = self.drain.changed() => changed.map_err(|_| GivenUp::Deadline)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
