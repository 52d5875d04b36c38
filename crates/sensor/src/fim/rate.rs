//! How many changes are reported.

use std::time::Instant;

/// Changes a second.
const RATE: f64 = 100.0;
/// Changes at once: a package manager replaces so many files.
const BURST: f64 = 5000.0;

/// A bucket of changes that may be reported.
#[derive(Debug)]
pub(super) struct Rate {
    tokens: f64,
    filled: Instant,
}

impl Rate {
    /// A full bucket.
    pub(super) fn new() -> Self {
        Self { tokens: BURST, filled: Instant::now() }
    }

    /// Whether another change may be reported.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        let elapsed = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = RATE.mul_add(elapsed, self.tokens).min(BURST);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
