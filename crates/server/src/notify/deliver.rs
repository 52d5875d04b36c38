//! One receiver's turn: the oldest first, again and again until it is taken or too old.

use std::{sync::Arc, time::Duration};

use fargard_model::Timestamp;
use fargard_store::{CoverageStore, Notice, StoreError};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{PATIENCE, Sink};
use crate::metrics::Metrics;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How long nobody else delivers what was taken: longer than a delivery takes.
const LEASE: Duration = PATIENCE.saturating_add(Duration::from_secs(5));
/// Pauses after a failure: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long delivery is tried.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);

/// Delivers to one receiver.
pub(crate) struct Deliverer {
    sink: Arc<Sink>,
    store: Arc<dyn CoverageStore>,
    metrics: Arc<Metrics>,
}

impl Deliverer {
    /// Delivers what that store holds for that receiver.
    pub(crate) fn new(sink: Sink, store: Arc<dyn CoverageStore>, metrics: Arc<Metrics>) -> Self {
        Self { sink: Arc::new(sink), store, metrics }
    }

    /// Delivers until the server stops.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            let mut more = true;
            while more && !*stopping.borrow() {
                more = self.one(Timestamp::now()).await.unwrap_or_else(|error| {
                    tracing::error!(sink = self.sink.name(), %error, "changes of coverage cannot be told");
                    false
                });
            }
        }
    }

    /// Delivers one; whether the next may follow at once.
    pub(super) async fn one(&self, now: Timestamp) -> Result<bool, StoreError> {
        let name = self.sink.name();
        let Some(notice) = self.store.take_notice(name, now, after(now, LEASE)).await? else {
            return Ok(false);
        };
        let failure = match self.send(&notice, now).await {
            Ok(()) => {
                self.store.notice_told(notice.number).await?;
                self.metrics.notice(name, "told");
                return Ok(true);
            }
            Err(failure) => failure,
        };
        let (id, attempts) = (notice.id.as_str(), notice.attempts + 1);
        if now >= after(notice.recorded, GIVE_UP) {
            tracing::error!(sink = name, id, attempts, failure, "a change of coverage is not told any more");
            self.store.notice_told(notice.number).await?;
            self.metrics.notice(name, "given_up");
            return Ok(true);
        }
        tracing::warn!(sink = name, id, attempts, failure, "a change of coverage could not be told yet");
        self.metrics.notice(name, "failed");
        self.store.put_notice_off(notice.number, after(now, pause(notice.attempts))).await?;
        Ok(false)
    }

    async fn send(&self, notice: &Notice, now: Timestamp) -> Result<(), String> {
        let (sink, notice) = (self.sink.clone(), notice.clone());
        tokio::task::spawn_blocking(move || sink.send(&notice, now))
            .await
            .unwrap_or_else(|error| Err(format!("delivering ended badly: {error}")))
    }
}

fn after(at: Timestamp, time: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
}

/// The pause after so many attempts before this one.
fn pause(attempts: u64) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(16);
    PAUSE.0.saturating_mul(1 << doublings).min(PAUSE.1)
}
