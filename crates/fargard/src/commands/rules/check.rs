//! `fargard rules check`: load rule files and say what is wrong with them.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use fargard_rules::{default_rules, load, report};

use super::{Format, print, read};
use crate::failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "Files are loaded in order, later ones may append to earlier ones.\n\n\
    Example:\n  fargard rules check falco_rules.yaml local_rules.yaml --format json\n\n\
    Exit codes: 0 loaded, 2 an error. Lines and columns count from 1 in text, from 0 in JSON (as Falco's).")]
pub(super) struct Args {
    /// Rule files, in the order in which they are loaded
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Load the default rules before them
    #[arg(long)]
    defaults: bool,
    /// How to print the diagnostics; json is Falco's falco_load_results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut files = if args.defaults { default_rules() } else { Vec::new() };
    files.extend(read(&args.files)?);
    let loaded = load(&files);
    let text = match args.format {
        Format::Json => format!("{:#}\n", report::load_results(&files, &loaded.diagnostics)),
        Format::Text => {
            let color = io::stdout().is_terminal();
            let mut text = String::new();
            for diagnostic in &loaded.diagnostics {
                let _ = writeln!(text, "{}\n", report::render(diagnostic, &files, color));
            }
            let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
            let warnings = loaded.diagnostics.len() - errors;
            let rules = loaded.ruleset.as_ref().map_or(0, |ruleset| ruleset.rules().len());
            let verdict = if loaded.ruleset.is_some() { "ok" } else { "refused" };
            let _ = writeln!(text, "{verdict}: {rules} rules, {errors} errors, {warnings} warnings");
            text
        }
    };
    print(&text)?;
    Ok(if loaded.ruleset.is_some() { ExitCode::SUCCESS } else { ExitCode::from(failure::BAD_INPUT) })
}
