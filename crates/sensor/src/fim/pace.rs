//! Keeps a thread to a share of one CPU.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Work between two rests.
const SLICE: Duration = Duration::from_millis(5);
/// Longest rest at once.
const LONGEST: Duration = Duration::from_millis(100);

/// A share of one CPU: after each slice of work the thread rests.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Times as long as it worked does it rest; 0 for no limit.
    factor: u32,
    used: Duration,
    /// No rest any more: the end is near.
    hurry: Arc<AtomicBool>,
}

impl Pace {
    /// One part in `factor + 1` of a CPU, until `hurry`.
    pub(crate) fn new(factor: u32, hurry: Arc<AtomicBool>) -> Self {
        Self { factor, used: cpu_time(), hurry }
    }

    /// No limit.
    #[cfg(test)]
    pub(crate) fn unlimited() -> Self {
        Self::new(0, Arc::default())
    }

    /// Rests where the last slice is used up.
    pub(crate) fn rest(&mut self) {
        if self.factor == 0 || self.hurry.load(Ordering::Relaxed) {
            return;
        }
        let now = cpu_time();
        let worked = now.saturating_sub(self.used);
        if worked >= SLICE {
            thread::park_timeout((worked * self.factor).min(LONGEST));
            self.used = now;
        }
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use super::{Pace, cpu_time};

    #[test]
    fn work_takes_a_share_of_the_time() {
        let mut pace = Pace::new(3, Arc::default());
        let (wall, cpu) = (Instant::now(), cpu_time());
        while cpu_time() - cpu < Duration::from_millis(50) {
            pace.rest();
        }
        assert!(wall.elapsed() >= Duration::from_millis(120), "{:?}", wall.elapsed());
    }
}
