//! The policy as Prisma Cloud Compute has it: in and out.

use std::{path::PathBuf, process::ExitCode};

use clap::{ValueEnum, ValueHint};
use fargard_model::bounded;
use fargard_policy::{Stage, file, prisma};
use fargard_scan::all_checks;

use super::{policy, print_json, say};
use crate::{commands::remote::Access, failure::BadInput};

/// Arguments of `fargard compliance import`.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// What its API gives: `/collections`, `/policies/compliance/container` or `/policies/compliance/ci/images`
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Print what would be there then, as a file, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    access: Access,
}

/// Arguments of `fargard compliance export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Which document
    #[arg(value_enum)]
    document: Document,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    /// `/collections`
    Collections,
    /// `/policies/compliance/container`
    Container,
    /// `/policies/compliance/ci/images`
    Ci,
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let name = args.file.display();
    let bad = |reason: String| BadInput::because(format!("{name}: {reason}"));
    let text =
        bounded::read_to_string(&args.file, file::MAX_BYTES).map_err(|error| bad(error.to_string()))?;
    let imported = prisma::read(&text).map_err(bad)?;
    for note in &imported.notes {
        say(&format!("{name}: {note}"));
    }
    let remote = args.access.open()?;
    let current = policy::fetch(&remote)?;
    let mut wanted = current.policy.clone();
    imported.put_into(&mut wanted);
    let problems = wanted.problems();
    if !problems.is_empty() {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(bad(problems.join(&format!("\nfargard: {name}: "))).into());
    }
    if args.dry_run {
        super::print(&wanted.to_yaml())?;
    } else {
        let made = policy::replace(&remote, current.revision, &wanted)?;
        say(&format!("revision {}", made.revision));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let current = policy::fetch(&args.access.open()?)?.policy;
    let checks: Vec<u32> = all_checks().map(|check| check.number).collect();
    let made = match args.document {
        Document::Collections => prisma::collections(&current).map(|made| (made, Vec::new())),
        Document::Container => prisma::rules(&current, Stage::Deployed, &checks),
        Document::Ci => prisma::rules(&current, Stage::Ci, &checks),
    };
    let (document, notes) = made.map_err(|refused| BadInput::because(refused.join("\nfargard: ")))?;
    for note in notes {
        say(&note);
    }
    print_json(&document)?;
    Ok(ExitCode::SUCCESS)
}
