//! `fargard rules list`: rules, or the fields they may use.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use fargard_rules::{Ruleset, fields::reference};
use serde_json::json;

use super::{print, ruleset};
use crate::failure::BadInput;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard rules list --format json | jq -r '.[].name'")]
pub(super) struct Args {
    /// Rule files; the default rules if none are given
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// List the fields that conditions and outputs may use instead
    #[arg(long)]
    fields: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// The page of the documentation; with --fields only
    Markdown,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = match (args.fields, args.format) {
        (true, format) => list_fields(format),
        (false, Format::Markdown) => {
            return Err(BadInput::because("--format markdown lists fields: add --fields".to_owned()).into());
        }
        (false, format) => list_rules(&ruleset(&args.files)?, format),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn list_rules(ruleset: &Ruleset, format: Format) -> String {
    if format == Format::Json {
        let rules: Vec<_> = ruleset
            .rules()
            .iter()
            .map(|rule| {
                json!({
                    "name": rule.name, "description": rule.description, "priority": rule.priority.name(),
                    "source": rule.source.name(), "enabled": rule.enabled, "tags": rule.tags,
                    "condition": rule.condition, "output": rule.output,
                })
            })
            .collect();
        return format!("{:#}\n", json!(rules));
    }
    let mut text = String::new();
    for rule in ruleset.rules() {
        let state = if rule.enabled { "" } else { " (disabled)" };
        let _ = writeln!(
            text,
            "{:<13} {}{state}\n              {}",
            rule.priority,
            rule.name,
            rule.tags.join(" ")
        );
    }
    text
}

fn list_fields(format: Format) -> String {
    match format {
        Format::Text => reference::text(),
        Format::Json => format!("{:#}\n", reference::json()),
        Format::Markdown => reference::markdown(),
    }
}
