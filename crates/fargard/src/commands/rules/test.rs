//! `fargard rules test`: unit tests of rules, and which clauses they exercise.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use fargard_rules::{
    default_rules, load, report,
    unit_test::{self, Coverage, RuleCoverage, TestResult},
};
use serde_json::{Value, json};

use super::{Format, print, read};
use crate::failure::{self, BadInput};

/// Most unexercised clauses that are shown of a rule.
const MAX_CLAUSES: usize = 12;

#[derive(Debug, clap::Args)]
#[command(after_help = "A test is an item of a rules file:\n\n  \
      - test: Shadow file read by cat\n    \
        expect: [Credential file read]\n    \
        events:\n    \
        - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat}\n\n\
    Examples:\n  fargard rules test --defaults rules/tests/*.yaml\n  \
    fargard rules test --rules my_rules.yaml my_tests.yaml --min-coverage 80\n\n\
    Exit codes: 0 all passed, 1 a test failed or the coverage is too low, 2 an error in a file.")]
pub(super) struct Args {
    /// Files with tests, and rules
    files: Vec<PathBuf>,
    /// Rule files, loaded before them
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Load the default rules first
    #[arg(long)]
    defaults: bool,
    /// Least coverage of conditions in per cent, over all rules
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Show the unexercised clauses of every rule
    #[arg(long)]
    clauses: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut files = if args.defaults { default_rules() } else { Vec::new() };
    files.extend(read(&args.rules)?);
    files.extend(read(&args.files)?);
    let loaded = load(&files);
    let Some(ruleset) = loaded.ruleset else {
        let errors: Vec<_> = loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .map(|diagnostic| report::render(diagnostic, &files, false))
            .collect();
        return Err(BadInput::because(format!("the files do not load\n{}", errors.join("\n\n"))).into());
    };
    if loaded.tests.is_empty() {
        let hint = "the files hold no tests; a test is an item that begins '- test: NAME' (see --help)";
        return Err(BadInput::because(hint).into());
    }
    let report = unit_test::run(ruleset, &loaded.tests);
    let percent = report.coverage.percent();
    let too_low = args.min_coverage.filter(|least| percent < usize::from(*least));
    let text = match args.format {
        Format::Json => {
            let all = json!({
                "passed": report.tests.len() - report.failed(),
                "failed": report.failed(),
                "coverage": percent,
                "tests": report.tests.iter().map(test_json).collect::<Value>(),
                "rules": report.coverage.rules.iter().map(rule_json).collect::<Value>(),
            });
            format!("{all:#}\n")
        }
        Format::Text => text(&report, args.clauses, too_low),
    };
    print(&text)?;
    let well = report.failed() == 0 && too_low.is_none();
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(failure::FINDINGS) })
}

fn text(report: &unit_test::Report, clauses: bool, too_low: Option<u8>) -> String {
    let mut text = String::new();
    for test in report.tests.iter().filter(|test| !test.failures.is_empty()) {
        failed(test, &mut text);
    }
    coverage(&report.coverage, clauses, &mut text);
    let failed = report.failed();
    let passed = report.tests.len() - failed;
    let _ = writeln!(
        text,
        "{passed} passed, {failed} failed; conditions covered: {}%",
        report.coverage.percent()
    );
    if let Some(least) = too_low {
        let _ = writeln!(text, "the coverage is below {least}%");
    }
    text
}

fn failed(test: &TestResult, text: &mut String) {
    let _ = writeln!(text, "FAILED {} ({}:{}:{})", test.name, test.file, test.at.line, test.at.column);
    for failure in &test.failures {
        let place = match failure.event {
            Some(event) => format!("event {event} (line {})", failure.at.line),
            None => "all events together".to_owned(),
        };
        for (names, what) in
            [(&failure.missing, "did not raise"), (&failure.unexpected, "raised unexpectedly")]
        {
            if !names.is_empty() {
                let _ = writeln!(text, "  {place} {what}: {}", names.join(", "));
            }
        }
        for line in failure.why.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push('\n');
}

fn coverage(coverage: &Coverage, clauses: bool, text: &mut String) {
    for rule in &coverage.rules {
        let _ = writeln!(text, "{:>4}%  {}", rule.percent(), rule.rule);
        if !clauses {
            continue;
        }
        for clause in rule.missing.iter().take(MAX_CLAUSES) {
            let never = match (clause.never_true, clause.never_false) {
                (true, true) => "never decided",
                (true, false) => "never true",
                _ => "never false",
            };
            let _ = writeln!(text, "         {never:<13} {}", clause.text);
        }
        if let Some(more) = rule.missing.len().checked_sub(MAX_CLAUSES).filter(|more| *more > 0) {
            let _ = writeln!(text, "         and {more} more");
        }
    }
}

fn test_json(test: &TestResult) -> Value {
    let failures: Vec<_> = test
        .failures
        .iter()
        .map(|failure| {
            json!({
                "event": failure.event, "line": failure.at.line, "missing": failure.missing,
                "unexpected": failure.unexpected, "why": failure.why,
            })
        })
        .collect();
    json!({
        "name": test.name, "file": test.file, "line": test.at.line, "column": test.at.column,
        "passed": failures.is_empty(), "failures": failures,
    })
}

fn rule_json(rule: &RuleCoverage) -> Value {
    let missing: Vec<_> = rule
        .missing
        .iter()
        .map(|clause| {
            json!({ "clause": clause.text, "never_true": clause.never_true, "never_false": clause.never_false })
        })
        .collect();
    json!({
        "rule": rule.rule, "percent": rule.percent(), "seen": rule.seen, "all": rule.all, "missing": missing,
    })
}
