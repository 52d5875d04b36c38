//! The policy and its parts: `check` a file, `apply` it, `list` what the server has.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum, ValueHint};
use fargard_model::bounded;
use fargard_policy::{
    Policy, Problem,
    file::{self, File, Section},
};
use serde::{Deserialize, Serialize};

use super::{print, print_json, say};
use crate::{
    commands::remote::{Access, Remote},
    failure::BadInput,
};

const PATH: &str = "/api/v1/compliance/policy";

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Put what a file has in the place of what the server has; other parts stay
    Apply {
        /// YAML or JSON with collections, rules, exceptions
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        access: Access,
    },
    /// Print what the server has, as a file
    List {
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
        #[command(flatten)]
        access: Access,
    },
    /// Say what is wrong with a file, with line and column
    Check {
        /// YAML or JSON with collections, rules, exceptions
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// As it is kept in git
    #[default]
    Yaml,
    /// As the server answers
    Json,
}

/// The policy on a server.
#[derive(Deserialize)]
pub(super) struct OnServer {
    pub(super) revision: u64,
    pub(super) policy: Policy,
}

#[derive(Serialize)]
struct Change<'a> {
    revision: u64,
    policy: &'a Policy,
}

/// The policy a server has.
pub(super) fn fetch(remote: &Remote) -> anyhow::Result<OnServer> {
    remote.get(PATH, &[])
}

/// Puts a policy in the place of the one it was made of.
pub(super) fn replace(remote: &Remote, made_of: u64, policy: &Policy) -> anyhow::Result<OnServer> {
    remote.put(PATH, &Change { revision: made_of, policy })
}

pub(super) fn run(action: &Action, section: Option<Section>) -> anyhow::Result<ExitCode> {
    match action {
        Action::Check { file } => {
            let read = read(file, section)?;
            say(&format!("{}: {}", file.display(), count(&read.policy)));
        }
        Action::List { format, access } => list(*format, section, access)?,
        Action::Apply { file, dry_run, access } => apply(file, *dry_run, section, access)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a file that has the section.
pub(super) fn read(path: &Path, section: Option<Section>) -> Result<File, BadInput> {
    let name = path.display();
    let text = bounded::read_to_string(path, file::MAX_BYTES)
        .map_err(|error| BadInput::because(format!("{name}: {error}")))?;
    let read = file::read(&text).map_err(|problems| located(path, &problems))?;
    match section {
        Some(section) if !read.sections.contains(&section) => {
            Err(BadInput::because(format!("{name}: it has no {}", section.name())))
        }
        _ => Ok(read),
    }
}

/// Problems one a line, each as `file:line:column: ...`.
fn located(path: &Path, problems: &[Problem]) -> BadInput {
    let name = path.display();
    let line = |problem: &Problem| match problem.at {
        Some(_) => format!("{name}:{problem}"),
        None => format!("{name}: {problem}"),
    };
    BadInput::because(problems.iter().map(line).collect::<Vec<_>>().join("\nfargard: "))
}

fn count(policy: &Policy) -> String {
    format!(
        "{} collections, {} rules, {} exceptions",
        policy.collections.len(),
        policy.rules.len(),
        policy.exceptions.len()
    )
}

fn list(format: ListFormat, section: Option<Section>, access: &Access) -> anyhow::Result<()> {
    let found = fetch(&access.open()?)?;
    match (format, section) {
        (ListFormat::Yaml, None) => print(&found.policy.to_yaml()),
        (ListFormat::Yaml, Some(section)) => print(&found.policy.section_to_yaml(section)),
        (ListFormat::Json, None) => print_json(&serde_json::to_value(&found.policy)?),
        (ListFormat::Json, Some(section)) => {
            let whole = serde_json::to_value(&found.policy)?;
            print_json(whole.get(section.name()).unwrap_or(&serde_json::Value::Null))
        }
    }
}

fn apply(path: &Path, dry_run: bool, section: Option<Section>, access: &Access) -> anyhow::Result<()> {
    let mut file = read(path, section)?;
    if let Some(section) = section {
        // What becomes of checks that no rule names belongs to the rules.
        let also = (section == Section::Rules).then_some(Section::Default);
        file.sections.retain(|each| *each == section || Some(*each) == also);
    }
    let remote = access.open()?;
    let current = fetch(&remote)?;
    let mut policy = current.policy.clone();
    file.put_into(&mut policy);
    let mut problems = policy.problems();
    if !problems.is_empty() {
        file.locate(&mut problems);
        return Err(located(path, &problems).into());
    }
    if policy == current.policy {
        say(&format!("nothing changes; revision {}: {}", current.revision, count(&policy)));
    } else if dry_run {
        say(&format!("would change revision {} to: {}", current.revision, count(&policy)));
    } else {
        let made = replace(&remote, current.revision, &policy)?;
        say(&format!("revision {}: {}", made.revision, count(&made.policy)));
    }
    Ok(())
}
