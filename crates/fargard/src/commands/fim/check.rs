//! `fargard fim check`: judge policy files.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use fargard_sensor::fim::policy::{Policy, PolicyError};

use super::print;
use crate::failure::{self, BadInput};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  fargard fim check policy.yaml\n  fargard fim check --built-in > policy.yaml\n\n\
    Exit codes: 0 every policy can be used, 1 a mistake, 2 a file cannot be read."
)]
pub(super) struct Args {
    /// Policy files
    #[arg(value_name = "POLICY", required_unless_present = "built_in")]
    files: Vec<PathBuf>,
    /// Print the built-in policy (PCI DSS 11.5.2), to begin one's own with
    #[arg(long, conflicts_with = "files")]
    built_in: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.built_in {
        print(Policy::built_in_text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for file in &args.files {
        let text = match Policy::load(file) {
            Ok(policy) => accepted(&file.display().to_string(), &policy),
            Err(PolicyError::Mistakes(mistakes)) => {
                code = ExitCode::from(failure::FINDINGS);
                mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
            }
            Err(error @ PolicyError::Read { .. }) => return Err(BadInput::because(error).into()),
        };
        print(&text)?;
    }
    Ok(code)
}

fn accepted(name: &str, policy: &Policy) -> String {
    let mut text = format!(
        "{name}: ok: {} ({} entries, everything compared every {} minutes)\n",
        policy.name,
        policy.entries.len(),
        policy.compare.as_secs() / 60
    );
    for entry in &policy.entries {
        let changes: Vec<&str> = entry.changes.iter().map(|change| change.name()).collect();
        let _ = writeln!(
            text,
            "  {} [{}]: {} paths; {}; {}",
            entry.name,
            entry.severity,
            entry.paths.len(),
            changes.join(", "),
            if entry.tags.is_empty() { "no standard".to_owned() } else { entry.tags.join(", ") }
        );
    }
    text
}
