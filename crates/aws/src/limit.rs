//! Fargard's share of ECS's request budget.
//!
//! ECS gives an account and region a bucket a group of calls: reads of tasks and container instances 100 at once and
//! 20 a second, of clusters and definitions 50 and 20, of services 100 and 20. They are the account's, so Fargard takes
//! a quarter. Changes are one a second: each starts a roll-out. Queues and buses of events have budgets far beyond
//! what is needed; the bound is against a loop.

use std::{collections::BTreeMap, time::Duration};

use fargard_model::Timestamp;

/// Calls that share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Clusters,
    Services,
    Tasks,
    Definitions,
    Changes,
    Messages,
    Logins,
}

impl Group {
    /// Calls at once, and calls a second.
    fn budget(self) -> (f64, f64) {
        match self {
            Self::Clusters | Self::Definitions => (12.0, 5.0),
            Self::Services | Self::Tasks => (25.0, 5.0),
            Self::Changes => (5.0, 1.0),
            Self::Messages => (100.0, 50.0),
            Self::Logins => (50.0, 10.0),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    at: Timestamp,
}

/// The buckets of an account and region.
#[derive(Debug, Default)]
pub(crate) struct Limiter(BTreeMap<Group, Bucket>);

impl Limiter {
    /// Takes a call's worth; returns how long to wait before making it.
    pub(crate) fn take(&mut self, group: Group, now: Timestamp) -> Duration {
        let (most, rate) = group.budget();
        let bucket = self.0.entry(group).or_insert(Bucket { level: most, at: now });
        let passed = Duration::from_nanos(now.0.saturating_sub(bucket.at.0));
        bucket.level = passed.as_secs_f64().mul_add(rate, bucket.level).min(most) - 1.0;
        bucket.at = bucket.at.max(now);
        if bucket.level >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-bucket.level / rate) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fargard_model::Timestamp;

    use super::{Group, Limiter};

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let mut limiter = Limiter::default();
        let mut now = Timestamp(1_000_000_000);
        for _ in 0..25 {
            assert_eq!(limiter.take(Group::Tasks, now), Duration::ZERO);
        }
        let began = now;
        for _ in 0..500 {
            now.0 += u64::try_from(limiter.take(Group::Tasks, now).as_nanos()).unwrap();
        }
        let seconds = (now.0 - began.0) as f64 / 1e9;
        assert!((99.9..100.1).contains(&seconds), "500 calls at 5 a second took {seconds} s");
        assert_eq!(limiter.take(Group::Clusters, now), Duration::ZERO, "groups do not share");
    }
}
