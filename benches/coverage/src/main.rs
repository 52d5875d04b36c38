//! What coverage costs by its size, run by `cargo xtask bench coverage`: every filter and order of `ListCoverage` and the
//! counts over ten thousand and a million clusters of one region, and a minute's heartbeats of 100,000 tasks on one core.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the output")]

mod heartbeats;
mod lists;
mod rows;

use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::{Arg, Parser, ValueExt};

/// Clusters of the large measurement.
const ROWS: u64 = 1_000_000;
/// Clusters of the small one, whose times the large one's are compared with.
const FEW: u64 = 10_000;
/// Tasks that send a heartbeat a minute.
const TASKS: u64 = 100_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let (mut rows, mut tasks) = (ROWS, TASKS);
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("rows") => rows = parser.value()?.parse()?,
            Arg::Long("tasks") => tasks = parser.value()?.parse()?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = tempfile::tempdir().context("a directory for the store")?;
    let few = runtime.block_on(lists::measure(place.path(), FEW.min(rows)))?;
    let many = runtime.block_on(lists::measure(place.path(), rows))?;
    lists::print(&few, &many);
    heartbeats::measure(place.path(), tasks)
}
