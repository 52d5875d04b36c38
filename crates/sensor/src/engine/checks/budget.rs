//! Keeps a thread to a share of one CPU. Time that is not used is saved up to a bound, so that a burst is done at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// Time that is saved at most.
const SAVED: Duration = Duration::from_secs(2);
/// Longest rest at once: the end must be noticed.
const LONGEST: Duration = Duration::from_millis(100);
/// Overdrawn by less than this, it is not worth a rest.
const SLICE: f64 = 0.005;

/// A share of one CPU.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None` is no bound.
    share: Option<f64>,
    /// CPU seconds that may be used at once; below zero it is overdrawn.
    saved: f64,
    at: Instant,
    used: Duration,
}

impl Budget {
    pub(super) fn new(share: Option<f64>) -> Self {
        Self { share, saved: 0.0, at: Instant::now(), used: cpu_time() }
    }

    /// With all of the time saved that can be.
    pub(super) fn full(self) -> Self {
        Self { saved: SAVED.as_secs_f64(), ..self }
    }

    /// Rests for as long as more was used than is there, unless it is the end.
    pub(super) fn rest(&mut self, is_over: impl Fn() -> bool) {
        let Some(share) = self.share else { return };
        loop {
            let (now, used) = (Instant::now(), cpu_time());
            let gained = now.duration_since(self.at).as_secs_f64() * share;
            let spent = used.saturating_sub(self.used).as_secs_f64();
            self.saved = (self.saved + gained - spent).min(SAVED.as_secs_f64());
            (self.at, self.used) = (now, used);
            if self.saved >= -SLICE || is_over() {
                return;
            }
            thread::park_timeout(Duration::from_secs_f64(-self.saved / share).min(LONGEST));
        }
    }
}

/// CPU time of this thread.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Budget, cpu_time};

    fn work(budget: &mut Budget, time: Duration) -> Duration {
        let (wall, cpu) = (Instant::now(), cpu_time());
        while cpu_time() - cpu < time {
            budget.rest(|| false);
        }
        wall.elapsed()
    }

    #[test]
    fn work_takes_a_share_of_the_time_and_a_burst_takes_none() {
        let time = Duration::from_millis(50);
        let slow = work(&mut Budget::new(Some(0.25)), time);
        assert!(slow >= Duration::from_millis(170), "{slow:?}");
        let mut full = Budget::new(Some(0.01)).full();
        let before = full.saved;
        work(&mut full, time);
        assert!(full.saved > before - 0.1 && full.saved < before, "{}", full.saved);
    }

    #[test]
    fn the_end_is_not_waited_for() {
        let mut budget = Budget::new(Some(0.01));
        budget.saved = -1000.0;
        let wall = Instant::now();
        budget.rest(|| true);
        assert!(wall.elapsed() < Duration::from_secs(10));
    }
}
