//! How many calls a second the sensor takes when a task makes as many as it can.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{
    events::{self, Told},
    variant::Variant,
    workload::Bench,
};

/// Threads that open files.
const THREADS: [&str; 3] = ["1", "4", "16"];
const SECONDS: &str = "3";

/// What came of one flood.
#[derive(Clone, Debug)]
pub(super) struct Flood {
    pub(super) threads: &'static str,
    /// Opens the task made a second.
    pub(super) rate: f64,
    pub(super) told: Told,
}

/// Floods a sensor that stops every open.
pub(super) fn measure(bench: &Bench, variant: &Variant, sensor: &Path) -> Result<Vec<Flood>> {
    THREADS.into_iter().map(|threads| flood(bench, variant, sensor, threads)).collect()
}

fn flood(bench: &Bench, variant: &Variant, sensor: &Path, threads: &'static str) -> Result<Flood> {
    let (rate, told) = events::told(bench, variant, sensor, |variant| run(bench, variant, threads))?;
    Ok(Flood { threads, rate, told })
}

/// Opens a second.
fn run(bench: &Bench, variant: &Variant, threads: &str) -> Result<f64> {
    let output = variant
        .command(&[bench.storm(), "flood", &bench.files(), SECONDS, threads])
        .output()
        .context("cannot start the flood")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    match (number("opens "), number("elapsed_ns ")) {
        (Some(opens), Some(nanoseconds)) if output.status.success() => Ok(opens / nanoseconds * 1e9),
        _ => bail!("the flood failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}
