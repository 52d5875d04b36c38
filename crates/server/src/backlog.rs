//! Back-pressure: sensors are told to come back later before the log grows without bound.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use fargard_store::{EventLog, StoreError};

/// How long a count is trusted; between counts, appended batches are added to it.
const TRUSTED: Duration = Duration::from_millis(500);

/// The number of waiting batches, asked for at most twice a second.
#[derive(Debug)]
pub(crate) struct Backlog {
    limit: u64,
    known: Mutex<Option<(Instant, u64)>>,
}

impl Backlog {
    /// At most `limit` batches may wait.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, known: Mutex::new(None) }
    }

    /// Whether another batch fits.
    pub(crate) async fn has_room(&self, log: &dyn EventLog) -> Result<bool, StoreError> {
        if let Some((at, count)) = *self.lock()
            && at.elapsed() < TRUSTED
        {
            return Ok(count < self.limit);
        }
        let count = log.backlog().await?;
        *self.lock() = Some((Instant::now(), count));
        Ok(count < self.limit)
    }

    /// A batch was appended.
    pub(crate) fn grew(&self) {
        if let Some((_, count)) = self.lock().as_mut() {
            *count += 1;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, u64)>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
