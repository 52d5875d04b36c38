//! Processor time of this thread: what others do on the machine shows less than on a wall clock.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds this thread has run.
pub(crate) fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// What a piece of work takes, in nanoseconds.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = now();
    let result = work();
    (now() - before, result)
}
