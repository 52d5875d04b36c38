//! How much of the engine's time may go into finding out who has a socket.

use std::time::{Duration, Instant};

use super::Asked;

/// Time a second and at most at once.
const QUERIES: (f64, f64) = (0.02, 0.2);
const AWAY: (f64, f64) = (0.02, 0.2);
const HERE: (f64, f64) = (0.01, 0.05);

/// Budgets, so that no number of lookups of one kind takes the time of another, or much of the machine's.
#[derive(Debug)]
pub(super) struct Budgets([Budget; 3]);

#[derive(Debug)]
struct Budget {
    rate: f64,
    most: f64,
    /// Seconds that may be used.
    left: f64,
    filled: Instant,
}

impl Budgets {
    /// Full budgets.
    pub(super) fn new(now: Instant) -> Self {
        Self([QUERIES, AWAY, HERE].map(|(rate, most)| Budget { rate, most, left: most, filled: now }))
    }

    /// Whether there is time for one more.
    pub(super) fn allow(&mut self, asked: Asked, now: Instant) -> bool {
        let Some(budget) = self.0.get_mut(asked as usize) else { return false };
        let elapsed = now.saturating_duration_since(budget.filled).as_secs_f64();
        budget.left = budget.rate.mul_add(elapsed, budget.left).min(budget.most);
        budget.filled = now;
        budget.left > 0.0
    }

    /// A lookup took that long.
    pub(super) fn spend(&mut self, asked: Asked, time: Duration) {
        if let Some(budget) = self.0.get_mut(asked as usize) {
            budget.left -= time.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{super::Asked, Budgets};

    #[test]
    fn what_is_used_up_comes_back_and_each_kind_has_its_own() {
        let start = Instant::now();
        let mut budgets = Budgets::new(start);
        let lookup = Duration::from_micros(100);
        let mut times = 0;
        while budgets.allow(Asked::Here, start) {
            budgets.spend(Asked::Here, lookup);
            times += 1;
        }
        assert_eq!(times, 500);
        assert!(budgets.allow(Asked::Away, start) && budgets.allow(Asked::Query, start));
        // A hundredth of a second's time in the next second.
        let mut times = 0;
        for millisecond in 1..=1000 {
            let now = start + Duration::from_millis(millisecond);
            while budgets.allow(Asked::Here, now) {
                budgets.spend(Asked::Here, lookup);
                times += 1;
            }
        }
        assert!((99..=101).contains(&times), "{times}");
        // One that took long is paid for later.
        budgets.spend(Asked::Away, Duration::from_secs(1));
        assert!(!budgets.allow(Asked::Away, start + Duration::from_secs(30)));
        assert!(budgets.allow(Asked::Away, start + Duration::from_secs(50)));
    }
}
