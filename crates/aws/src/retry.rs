//! Which failures are worth another try, and when.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Tries of one call.
pub(crate) const MAX_ATTEMPTS: u32 = 6;
/// Longest wait before another.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// Names by which AWS asks for patience.
const THROTTLES: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
];

/// What an attempt came to, as far as another one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt<'a> {
    /// AWS answered this error.
    Refused { status: u16, code: &'a str },
    /// The request did not reach the service.
    NotSent,
    /// It may have, and no answer came.
    Cut,
}

/// Whether to try again. `repeatable`: making the call twice is as good as once.
pub(crate) fn worth_it(attempt: Attempt<'_>, repeatable: bool) -> bool {
    match attempt {
        Attempt::Refused { status, code } => {
            status == 429 || THROTTLES.contains(&code) || (repeatable && status >= 500)
        }
        Attempt::NotSent => true,
        Attempt::Cut => repeatable,
    }
}

/// How long to wait after so many attempts: a random part of a time that doubles, so that many clients spread.
pub(crate) fn wait(attempts: u32) -> Duration {
    let most = Duration::from_millis(500).saturating_mul(1 << attempts.min(10)).min(MAX_WAIT);
    let share = RandomState::new().hash_one(attempts) >> 40;
    most.mul_f64(0.25 + 0.75 * share as f64 / f64::from(1 << 24))
}

#[cfg(test)]
mod tests {
    use super::{Attempt, MAX_WAIT, wait, worth_it};

    #[test]
    fn only_what_was_surely_not_done_is_repeated_when_twice_is_not_as_good_as_once() {
        let throttled = Attempt::Refused { status: 400, code: "ThrottlingException" };
        let failed = Attempt::Refused { status: 500, code: "ServerException" };
        let denied = Attempt::Refused { status: 400, code: "AccessDeniedException" };
        let table = [throttled, failed, denied, Attempt::NotSent, Attempt::Cut]
            .map(|attempt| (worth_it(attempt, true), worth_it(attempt, false)));
        assert_eq!(table, [(true, true), (true, false), (false, false), (true, true), (true, false)]);
    }

    #[test]
    fn waits_grow_to_a_limit() {
        for attempts in 0..40 {
            assert!(wait(attempts) <= MAX_WAIT && wait(attempts) >= std::time::Duration::from_millis(125));
        }
    }
}
