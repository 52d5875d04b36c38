//! `fargard fim`: file integrity policies and reports.

mod check;
mod coverage;
mod events;
mod query;
mod render;
mod report;
mod standard;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;

/// Arguments of `fargard fim`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "File integrity monitoring: what sensors with FARGARD_FIM (or fargard watch --fim) saw of the \
        files a policy names."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Judge policy files, or print the built-in one
    Check(check::Args),
    /// What was monitored, what changed, who changed it, and what was not covered
    Report(report::Args),
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(args) => check::run(&args),
        Command::Report(args) => report::run(&args),
    }
}

/// Writes to standard output; a reader that went away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}
