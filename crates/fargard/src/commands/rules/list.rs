//! `fargard rules list`: rules, or the fields they may use.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use fargard_rules::{Ruleset, describe, fields::reference};
use serde_json::json;

use super::{configured, files, print};
use crate::failure::BadInput;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fargard rules list --format json | jq -r '.[].name'\n  \
    fargard rules list --describe | jq '.rules[] | {name: .info.name, events: .details.events}'\n  \
    fargard rules list --fields --format markdown")]
pub(super) struct Args {
    /// Rule files; the default rules if none are given
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// List the fields that conditions and outputs may use instead
    #[arg(long)]
    fields: bool,
    /// Say what each rule, macro and list is made of, as JSON: what `falco -L -o json_output=true` prints
    #[arg(long, conflicts_with = "fields")]
    describe: bool,
    /// Falco configuration whose rule selection, append_output and priority apply
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fields", "describe"])]
    falco_config: Option<PathBuf>,
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
        _ if args.describe => describe_rules(&args.files)?,
        (true, format) => list_fields(format),
        (false, Format::Markdown) => {
            return Err(BadInput::because("--format markdown lists fields: add --fields".to_owned()).into());
        }
        (false, format) => list_rules(&configured(&args.files, args.falco_config.as_deref())?, format),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe_rules(paths: &[PathBuf]) -> anyhow::Result<String> {
    let files = files(paths)?;
    let described = describe(&files).ok_or_else(|| {
        BadInput::because("the rules do not load; `fargard rules check` says where and why")
    })?;
    Ok(format!("{described:#}\n"))
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
