//! `fargard rules list`: rules, or the fields they may use.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use fargard_rules::{Ruleset, fields};
use serde_json::json;

use super::{Format, print, ruleset};

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

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text =
        if args.fields { list_fields(args.format) } else { list_rules(&ruleset(&args.files)?, args.format) };
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
    if format == Format::Json {
        let fields: Vec<_> = fields::all()
            .map(|field| {
                json!({
                    "name": field.name, "type": field.kind.name(), "description": field.doc,
                    "computed": field.is_computed(), "argument": format!("{:?}", field.arg),
                })
            })
            .collect();
        return format!("{:#}\n", json!(fields));
    }
    let mut text = String::new();
    for field in fields::all() {
        let note = if field.is_computed() { "" } else { "no value on Fargate: " };
        let _ = writeln!(text, "{:<36} {:<8} {note}{}", field.name, field.kind.name(), field.doc);
    }
    text
}
