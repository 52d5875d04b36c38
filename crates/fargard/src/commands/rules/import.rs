//! `fargard rules import`: rules of other languages as Falco rules.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use fargard_model::bounded;
use fargard_rules::{MAX_FILE, SourceFile};

use super::print;
use crate::failure::{self, BadInput};

/// Deepest directory that is looked into.
const MAX_DEPTH: usize = 16;
/// Most files of one import.
const MAX_FILES: usize = 50_000;
/// Most bytes of all files.
const MAX_BYTES: usize = 256 << 20;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Converts Sigma rules for CloudTrail (product aws, service cloudtrail) and Linux (process_creation, \
    file_event, network_connection). A rule that cannot be converted exactly is named on standard error and left out.\n\n\
    Example:\n  fargard rules import --sigma sigma/rules/cloud/aws sigma/rules/linux --output sigma_rules.yaml\n\n\
    Exit codes: 0 all converted, 1 something was left out, 2 a file cannot be read."
)]
pub(super) struct Args {
    /// Sigma files, or directories to look for *.yml and *.yaml in
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|DIR")]
    sigma: Vec<PathBuf>,
    /// Write the Falco rules to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[expect(clippy::print_stderr, reason = "what is left out must not mix with the rules on standard output")]
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut paths = Vec::new();
    for path in &args.sigma {
        find(path, 0, &mut paths)?;
    }
    let files = read(&paths)?;
    let import = fargard_sigma::import(&files);
    for problem in &import.problems {
        eprintln!("{problem}");
    }
    let text = fargard_sigma::yaml(&import);
    match &args.output {
        Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => print(&text)?,
    }
    eprintln!(
        "{} rules of {} files converted, {} left out",
        import.rules.len() + import.correlations.len(),
        files.len(),
        import.problems.len()
    );
    Ok(if import.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(failure::FINDINGS) })
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut left = MAX_BYTES;
    for path in paths {
        let text = bounded::read_to_string(path, MAX_FILE.min(left)).map_err(|error| {
            BadInput::because(format!("cannot read Sigma rules from {}: {error}", path.display()))
        })?;
        left -= text.len();
        files.push(SourceFile { name: path.display().to_string(), text });
    }
    Ok(files)
}

/// Adds a file, or the rule files below a directory in the order of their names. Links in directories are not
/// followed.
fn find(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let bad = |error: io::Error| BadInput::because(format!("cannot read {}: {error}", path.display()));
    if depth == 0 && !path.metadata().map_err(bad)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(
            BadInput::because(format!("{} lies deeper than {MAX_DEPTH} levels", path.display())).into()
        );
    }
    let mut entries = fs::read_dir(path).map_err(bad)?.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(bad)?;
        let below = entry.path();
        let is_rule = below.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        if kind.is_dir() {
            find(&below, depth + 1, found)?;
        } else if kind.is_file() && is_rule {
            if found.len() == MAX_FILES {
                return Err(BadInput::because(format!(
                    "more than {MAX_FILES} files below {}",
                    path.display()
                ))
                .into());
            }
            found.push(below);
        }
    }
    Ok(())
}
