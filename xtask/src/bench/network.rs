//! `cargo xtask bench network`: what looking at the network costs.

use anyhow::Result;

use crate::shell::step;

/// Runs the sensor's measurements, which print ratios against doing without in the same run.
pub(crate) fn run() -> Result<bool> {
    let test =
        ["cargo", "test", "--profile", "release", "-p", "fargard-sensor", "--lib", "--", "measure_the_cost"];
    step(&[&test[..], &["--ignored", "--nocapture", "--test-threads=1"]].concat())
}
