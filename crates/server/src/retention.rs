//! What the stores forget, and when.

use std::{sync::Arc, time::Duration};

use fargard_model::Timestamp;
use fargard_store::{PostgresStore, SqliteStore, StoreError};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often the stores are swept.
const EVERY: Duration = Duration::from_secs(3600);
/// How long identities of batches are known: a sensor that was cut off for longer and then repeats a batch would
/// have it folded twice.
const IDENTITIES: Duration = Duration::from_secs(7 * 86_400);
const DAY: u64 = 86_400 * 1_000_000_000;

/// Sweeps the stores.
pub(crate) struct Retention {
    /// Holds log and events, and the state unless PostgreSQL does.
    pub(crate) sqlite: Arc<SqliteStore>,
    /// Holds the state.
    pub(crate) postgres: Option<Arc<PostgresStore>>,
    /// Days events are kept.
    pub(crate) event_days: u64,
}

impl Retention {
    /// Sweeps at once and then every hour until the server stops. A failure is logged and tried again an hour later.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut hour = tokio::time::interval(EVERY);
        hour.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = hour.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            match self.sweep(Timestamp::now()).await {
                Ok((identities, events)) => tracing::debug!(identities, events, "old records forgotten"),
                Err(error) => tracing::error!(%error, "old records could not be forgotten"),
            }
        }
    }

    async fn sweep(&self, now: Timestamp) -> Result<(u64, u64), StoreError> {
        let mut identities = self.sqlite.forget_identities(now, IDENTITIES).await?;
        if let Some(postgres) = &self.postgres {
            identities += postgres.forget_identities(now, IDENTITIES).await?;
        }
        let oldest = Timestamp(now.0.saturating_sub(self.event_days.saturating_mul(DAY)));
        Ok((identities, self.sqlite.forget_events(oldest).await?))
    }
}
