//! Time, as a seam: tests run on a clock of their own.

use std::{
    fmt,
    time::{Duration, Instant},
};

use fargard_model::Timestamp;

/// What tells the time and lets it pass.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
    /// Returns when that much time has passed.
    fn wait(&self, time: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn wait(&self, time: Duration) {
        let started = Instant::now();
        // A parked thread may wake early.
        while let Some(rest) = time.checked_sub(started.elapsed()).filter(|rest| !rest.is_zero()) {
            std::thread::park_timeout(rest);
        }
    }
}
