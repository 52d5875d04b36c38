//! `fargard rules check`: load rule files and say what is wrong with them, and what is suspicious.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::ValueEnum;
use fargard_rules::{Diagnostic, LoadReport, Severity, SourceFile, default_rules, describe, lint, report};

use super::{config, print, read};
use crate::failure;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Files are loaded in order, later ones may append to earlier ones. In text, what is suspicious \
    in rules that load follows what is wrong (codes FARGARD_LINT_..).\n\n\
    Examples:\n  fargard rules check falco_rules.yaml local_rules.yaml\n  \
    fargard rules check --json --describe my_rules.yaml | jq '.falco_load_results[].errors'\n  \
    fargard rules check --deny warnings --deny lints my_rules.yaml\n\n\
    Exit codes: 0 the files load, 1 an error or something denied, 2 a file cannot be read. Lines and columns count \
    from 1 in text, from 0 in JSON (as Falco's)."
)]
pub(super) struct Args {
    /// Rule files, in the order in which they are loaded
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Load the default rules before them
    #[arg(long)]
    defaults: bool,
    /// Print Falco's falco_load_results, as `falco -V FILE -o json_output=true`
    #[arg(long)]
    json: bool,
    /// Add falco_describe_results: what each rule, macro and list is made of
    #[arg(long, requires = "json")]
    describe: bool,
    /// Add fargard_lints to the JSON
    #[arg(long, requires = "json")]
    lints: bool,
    /// Fail for these as well; may be given twice
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Vec<Deny>,
    /// Falco configuration whose rule selection, append_output and priority apply
    #[arg(long, value_name = "FILE")]
    falco_config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Falco's warnings
    Warnings,
    /// What only Fargard finds suspicious
    Lints,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut files = if args.defaults { default_rules() } else { Vec::new() };
    files.extend(read(&args.files)?);
    let loaded = config::load(&files, args.falco_config.as_deref())?;
    let wants_lints = !args.json || args.lints || args.deny.contains(&Deny::Lints);
    let lints = if wants_lints { lint(&files) } else { Vec::new() };
    let text = if args.json { json(args, &files, &loaded, &lints) } else { people(&files, &loaded, &lints) };
    print(&text)?;
    let denied = args.deny.contains(&Deny::Lints) && !lints.is_empty()
        || args.deny.contains(&Deny::Warnings) && count(&loaded.diagnostics, Severity::Warning) > 0;
    let failed = loaded.ruleset.is_none() || denied;
    Ok(if failed { ExitCode::from(failure::FINDINGS) } else { ExitCode::SUCCESS })
}

fn json(args: &Args, files: &[SourceFile], loaded: &LoadReport, lints: &[Diagnostic]) -> String {
    let mut results = report::load_results(files, &loaded.diagnostics);
    if let Some(results) = results.as_object_mut() {
        if args.describe
            && let Some(described) = describe(files)
        {
            results.insert("falco_describe_results".into(), described);
        }
        if args.lints {
            results.insert("fargard_lints".into(), report::lint_results(files, lints));
        }
    }
    format!("{results:#}\n")
}

fn people(files: &[SourceFile], loaded: &LoadReport, lints: &[Diagnostic]) -> String {
    let color = io::stdout().is_terminal();
    let mut text = String::new();
    for diagnostic in loaded.diagnostics.iter().chain(lints) {
        let _ = writeln!(text, "{}\n", report::render(diagnostic, files, color));
    }
    let rules = loaded.ruleset.as_ref().map_or(0, |ruleset| ruleset.rules().len());
    let verdict = if loaded.ruleset.is_some() { "ok" } else { "refused" };
    let _ = writeln!(
        text,
        "{verdict}: {}, {}, {}, {}",
        number(rules, "rule"),
        number(count(&loaded.diagnostics, Severity::Error), "error"),
        number(count(&loaded.diagnostics, Severity::Warning), "warning"),
        number(lints.len(), "lint")
    );
    text
}

fn number(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.code.severity() == severity).count()
}
