//! Failed logins are counted by address, and too many are made to wait.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::StatusCode;

use crate::error::ApiError;

/// Failures an address may have within [`WINDOW`].
const MAX_FAILURES: u32 = 10;
/// How long failures count.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered; when there are more, everybody unknown waits.
const MAX_ADDRESSES: usize = 10_000;

/// Failures by address.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Attempts {
    /// Whether this address may try.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        let mut known = self.lock();
        if known.len() >= MAX_ADDRESSES {
            known.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        let wait = match known.get(&address) {
            Some((since, failures)) if since.elapsed() < WINDOW && *failures >= MAX_FAILURES => {
                WINDOW.saturating_sub(since.elapsed())
            }
            None if known.len() >= MAX_ADDRESSES => WINDOW,
            _ => return Ok(()),
        };
        Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "Too many failed logins from this address; wait a minute.",
        )
        .retry_after(wait.as_secs() + 1))
    }

    /// This address failed.
    pub(crate) fn failed(&self, address: IpAddr) {
        let mut known = self.lock();
        let entry = known.entry(address).or_insert((Instant::now(), 0));
        if entry.0.elapsed() >= WINDOW {
            *entry = (Instant::now(), 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, (Instant, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, MAX_FAILURES};

    #[test]
    fn an_address_that_fails_often_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..MAX_FAILURES {
            assert!(attempts.check(one).is_ok());
            attempts.failed(one);
        }
        assert!(attempts.check(one).is_err());
        assert!(attempts.check(other).is_ok());
    }
}
