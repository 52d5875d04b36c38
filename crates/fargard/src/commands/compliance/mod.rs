//! `fargard compliance`: the policy in files and on a server, and how images stand under it.

mod images;
mod policy;
mod prisma;
mod standards;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

/// Arguments of `fargard compliance`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fargard compliance policy check policy.yaml\n  \
    fargard compliance rules apply policy.yaml\n  fargard compliance collections list > collections.yaml\n  \
    fargard compliance images --check 426 --app-embedded\n  fargard compliance import prisma-collections.json\n\n\
    Exit codes: 0 clean, 1 images with alerts or failed controls, 2 usage or bad input, 3 internal error.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The policy as a whole: collections, rules, exceptions
    Policy {
        #[command(subcommand)]
        action: policy::Action,
    },
    /// Rules: what becomes of failed checks, first match first
    Rules {
        #[command(subcommand)]
        action: policy::Action,
    },
    /// Collections: which containers
    Collections {
        #[command(subcommand)]
        action: policy::Action,
    },
    /// Exceptions: failed checks that somebody answers for, for a time
    Exceptions {
        #[command(subcommand)]
        action: policy::Action,
    },
    /// Images of tasks, or before deployment, with their alerts
    #[command(visible_alias = "list")]
    Images(images::ImagesArgs),
    /// How deployed containers stand with each standard
    Standards(standards::StandardsArgs),
    /// Take over collections or compliance rules of Prisma Cloud Compute
    Import(prisma::ImportArgs),
    /// Give out collections or rules as Prisma Cloud Compute has them
    Export(prisma::ExportArgs),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// As the server answers
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    use fargard_policy::file::Section;
    match args.command {
        Command::Policy { action } => policy::run(&action, None),
        Command::Rules { action } => policy::run(&action, Some(Section::Rules)),
        Command::Collections { action } => policy::run(&action, Some(Section::Collections)),
        Command::Exceptions { action } => policy::run(&action, Some(Section::Exceptions)),
        Command::Images(args) => images::run(&args),
        Command::Standards(args) => standards::run(&args),
        Command::Import(args) => prisma::import(&args),
        Command::Export(args) => prisma::export(&args),
    }
}

/// Prints text; a reader that went away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(()),
    }
}

/// Prints JSON for people.
fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).context("writing JSON")?;
    print(&format!("{text}\n"))
}

/// Says something beside the results.
fn say(text: &str) {
    // Nobody may listen.
    let _ = writeln!(io::stderr().lock(), "fargard: {text}");
}

/// Foreign text in one line without what could move a terminal's cursor.
fn clean(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}
