//! `fargard rules`: Falco rules, checked, listed and explained.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use fargard_model::bounded;
use fargard_rules::{MAX_FILE, Ruleset, SourceFile, default_rules, fields, load, report, traps};
use serde_json::json;

use crate::failure::{self, BadInput};

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
    Check(CheckArgs),
    /// List rules, or the fields they may use
    List(ListArgs),
    /// Say which calls the rules make the sensor stop, or what a rule's condition is in full
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Files are loaded in order, later ones may append to earlier ones.\n\n\
    Example:\n  fargard rules check falco_rules.yaml local_rules.yaml --format json\n\n\
    Exit codes: 0 loaded, 2 an error. Lines and columns count from 1 in text, from 0 in JSON (as Falco's).")]
struct CheckArgs {
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

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard rules list --format json | jq -r '.[].name'")]
struct ListArgs {
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

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard rules explain --rules my_rules.yaml 'My rule'")]
struct ExplainArgs {
    /// Name of one rule; without it, the calls that all rules need
    rule: Option<String>,
    /// Rule files; the default rules if none are given
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    files: Vec<PathBuf>,
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
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Check(args) => check(&args),
        What::List(args) => list(&args),
        What::Explain(args) => explain(&args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
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

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
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

fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
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
            .map(|need| json!({ "class": need.trap, "event_type": need.kind, "rules": need.rules }))
            .collect();
        return format!("{:#}\n", json!(needs));
    }
    let mut text = String::new();
    for need in &needs {
        let class = json!(need.trap);
        let _ = writeln!(text, "{:<16} {}", class.as_str().unwrap_or_default(), need.kind.name());
        for rule in &need.rules {
            let _ = writeln!(text, "                   {rule}");
        }
    }
    let env = if ruleset.needs_env() { "needed" } else { "not needed" };
    let _ = writeln!(text, "environment of processes: {env}");
    text
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
        .map(|need| json!(need.trap).as_str().unwrap_or_default().to_owned())
        .collect();
    let mut classes = needs;
    classes.dedup();
    if format == Format::Json {
        let all = json!({ "rule": name, "condition": condition, "event_types": types, "classes": classes });
        return Ok(format!("{all:#}\n"));
    }
    let description = ruleset.rules().get(id.index()).map_or("", |rule| rule.description.as_str());
    Ok(format!(
        "{name}\n  {description}\nevent types: {}\nclasses of calls: {}\ncondition in full:\n  {condition}\n",
        types.join(", "),
        classes.join(", ")
    ))
}

/// The rules of the files, or the default rules.
fn ruleset(paths: &[PathBuf]) -> anyhow::Result<Ruleset> {
    let files = if paths.is_empty() { default_rules() } else { read(paths)? };
    let loaded = load(&files);
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
