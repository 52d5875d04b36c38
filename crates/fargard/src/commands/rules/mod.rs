//! `fargard rules`: Falco rules, checked, tested, replayed, listed, explained and imported. One file a command.

mod check;
mod config;
mod explain;
mod import;
mod list;
mod replay;
mod schema;
mod test;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use fargard_model::bounded;
use fargard_rules::{MAX_FILE, Ruleset, SourceFile, default_rules, report};

pub(crate) use self::config::options;
use crate::failure::BadInput;

/// Arguments of `fargard rules`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fargard rules check my_rules.yaml\n  fargard rules list --fields\n  \
    fargard rules explain\n  fargard rules explain 'Modify binary dirs'")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Load rule files and say what is wrong with them
    Check(check::Args),
    /// List rules, or the fields they may use
    List(list::Args),
    /// Say which calls the rules make the sensor stop, or what a rule's condition is in full
    Explain(explain::Args),
    /// Print the JSON schema of rule files, for editors
    Schema(schema::Args),
    /// Run the unit tests of rules and say which clauses they exercise
    Test(test::Args),
    /// Convert Sigma rules to Falco rules
    Import(import::Args),
    /// Run rules over recorded events, Falco captures and CloudTrail files
    Replay(replay::Args),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Check(args) => check::run(&args),
        What::List(args) => list::run(&args),
        What::Explain(args) => explain::run(&args),
        What::Schema(args) => schema::run(&args),
        What::Test(args) => test::run(&args),
        What::Import(args) => import::run(&args),
        What::Replay(args) => replay::run(&args),
    }
}

/// The rules of the files, or the default rules.
fn ruleset(paths: &[PathBuf]) -> anyhow::Result<Ruleset> {
    configured(paths, None)
}

/// The same with what a Falco configuration says of them.
fn configured(paths: &[PathBuf], falco_config: Option<&Path>) -> anyhow::Result<Ruleset> {
    let files = files(paths)?;
    let loaded = config::load(&files, falco_config)?;
    loaded.ruleset.ok_or_else(|| {
        let errors: Vec<_> = loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .map(|diagnostic| report::render(diagnostic, &files, false))
            .collect();
        BadInput::because(format!("the rules do not load\n{}", errors.join("\n\n"))).into()
    })
}

/// The files, or the default rules where none are given.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<SourceFile>> {
    if paths.is_empty() { Ok(default_rules()) } else { read(paths) }
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<SourceFile>> {
    paths
        .iter()
        .map(|path| {
            let text = bounded::read_to_string(path, MAX_FILE).map_err(|error| {
                BadInput::because(format!("cannot read rules from {}: {error}", path.display()))
            })?;
            Ok(SourceFile { name: path.display().to_string(), text })
        })
        .collect()
}

/// Writes to standard output; that a reader went away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}
