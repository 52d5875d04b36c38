//! `fargard rules explain`: which calls the rules make the sensor stop, or a rule's condition in full.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use fargard_model::TrapSet;
use fargard_rules::{Ruleset, traps};
use serde_json::json;

use super::{Format, print, ruleset};
use crate::failure::BadInput;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard rules explain --rules my_rules.yaml 'My rule'")]
pub(super) struct Args {
    /// Name of one rule; without it, the calls that all rules need
    rule: Option<String>,
    /// Rule files; the default rules if none are given
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let ruleset = ruleset(&args.files)?;
    let text = match &args.rule {
        Some(name) => explain_rule(&ruleset, name, args.format)?,
        None => explain_traps(&ruleset, args.format),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn explain_traps(ruleset: &Ruleset, format: Format) -> String {
    let needs = traps::needs(ruleset);
    if format == Format::Json {
        let needs: Vec<_> = needs
            .iter()
            .map(|need| {
                json!({ "class": need.trap, "event_type": need.kind, "calls": calls(need), "rules": need.rules })
            })
            .collect();
        return format!("{:#}\n", json!(needs));
    }
    let mut text = String::new();
    for need in &needs {
        let _ = writeln!(text, "{:<16} {:<18} {}", need.trap.name(), need.kind.name(), calls(need));
        for rule in &need.rules {
            let _ = writeln!(text, "                   {rule}");
        }
    }
    let env = if ruleset.needs_env() { "needed" } else { "not needed" };
    let _ = writeln!(text, "environment of processes: {env}");
    text
}

/// Which calls of the kind, as the sensor's own `explain` says it.
fn calls(need: &traps::Need) -> String {
    let mut set = TrapSet::default();
    let all = need.trap.is_whole();
    set.add_calls(need.trap, need.kind, need.only.clone().filter(|_| !all), "");
    need.trap.words(need.kind, &set.calls(need.trap, need.kind).unwrap_or_default())
}

fn explain_rule(ruleset: &Ruleset, name: &str, format: Format) -> anyhow::Result<String> {
    let Some(id) = ruleset.find(name) else {
        let close = ruleset.rules().iter().find(|rule| rule.name.eq_ignore_ascii_case(name));
        let hint = close.map(|rule| format!("; '{}' is meant, perhaps", rule.name)).unwrap_or_default();
        return Err(BadInput::because(format!(
            "there is no rule '{name}'{hint}; `fargard rules list` names them"
        ))
        .into());
    };
    let condition = ruleset.expanded_condition(id).unwrap_or_default();
    let types: Vec<_> = ruleset.event_types(id).into_iter().map(|kind| kind.name()).collect();
    let needs: Vec<_> = traps::needs(ruleset)
        .into_iter()
        .filter(|need| need.rules.iter().any(|rule| rule == name))
        .map(|need| need.trap.name())
        .collect();
    let mut classes = needs;
    classes.dedup();
    if format == Format::Json {
        let all = json!({ "rule": name, "condition": condition, "event_types": types, "classes": classes });
        return Ok(format!("{all:#}\n"));
    }
    let description = ruleset.rules().get(id.index()).map_or("", |rule| rule.description.as_str());
    Ok(format!(
        "{name}\n  {description}\nevent types: {}\nclasses of calls: {}\ncondition in full:\n  {}\n",
        types.join(", "),
        classes.join(", "),
        condition.replace('\n', "\n  ")
    ))
}
