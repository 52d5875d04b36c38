//! `cargo xtask bench kills`: the sensor's processes are killed again and again while calls are made.

use anyhow::Result;

use crate::shell::step;

/// Runs the long tests of the sensor, which print failed calls, the longest call, restarts and losses; `false` when a
/// call failed or a count is not exact.
pub(crate) fn run() -> Result<bool> {
    let test = ["cargo", "test", "-p", "fargard-sensor", "--test", "capture", "--", "kills::"];
    step(&[&test[..], &["--ignored", "--nocapture", "--test-threads=1"]].concat())
}
