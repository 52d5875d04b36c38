//! `fargard scan taskdef`: checks of task definitions before they are deployed.

mod report;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::ValueHint;
use fargard_model::{CheckStatus, Container, Priority, Task, Timestamp};
use fargard_scan::{CheckInfo, Finding, TASK_CHECKS, Target, secrets};
use fargard_taskdef::checks::{
    self, Check, Knowledge, Report, SecretFinder, Suspect, Undecided, Violation, Weight,
};

use self::report::{Located, TaskChecked, TaskScan};
use super::{Format, write_json};
use crate::{
    commands::embed::{self, ImageArgs},
    failure::{self, BadInput},
};

/// Open questions that are named in a cause.
const NAMED_OPEN: usize = 5;

/// Arguments of `fargard scan taskdef`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads what fargard embed reads: task definitions as RegisterTaskDefinition takes or \
DescribeTaskDefinition prints them, lists of containers (Terraform's container_definitions), CloudFormation templates in \
JSON or YAML, and directories that the CDK made (cdk.out).\n\n\
Examples:\n  fargard scan taskdef taskdef.json\n  fargard scan taskdef templates/*.yaml --parameter Tag=1.2 --format sarif\n  \
fargard scan taskdef taskdef.json --image-source registry --fail-on error\n\n\
Exit codes: 0 passed, 1 failed, 2 usage or bad input, 3 not everything is known before deployment."
)]
pub(super) struct TaskdefArgs {
    /// Task definitions, templates, and directories that the CDK made (cdk.out); `-` for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Value of a template's parameter, or of a pseudo parameter as AWS::Region
    #[arg(long, value_name = "NAME=VALUE", value_parser = embed::options::pair)]
    parameter: Vec<(String, String)>,
    #[command(flatten)]
    images: ImageArgs,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only these checks, by number
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Exit with 1 only for findings of at least this severity (critical, error, warning)
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: Priority,
    /// List also findings that fail nothing
    #[arg(long)]
    all: bool,
}

fn known_check(text: &str) -> Result<u32, String> {
    let known = |number: &u32| TASK_CHECKS.iter().any(|check| check.number == *number);
    text.parse().ok().filter(known).ok_or_else(|| {
        let numbers: Vec<String> = TASK_CHECKS.iter().map(|check| check.number.to_string()).collect();
        format!("there is no check {text:?} for task definitions; use one of {}", numbers.join(", "))
    })
}

pub(super) fn run(args: &TaskdefArgs) -> anyhow::Result<ExitCode> {
    let images = args.images.open()?;
    let parameters: BTreeMap<String, String> = args.parameter.iter().cloned().collect();
    let knowledge = Knowledge { parameters, images: &images, secrets: &Detectors };
    let mut reports = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in embed::texts(&args.files)? {
        match checks::check(&text, &knowledge) {
            Ok(report) => reports.push((name, report)),
            Err(error) => errors.push(format!("{name}:{error}")),
        }
    }
    if !errors.is_empty() {
        return Err(BadInput::because(errors.join("\nfargard: ")).into());
    }
    images.write_lock().context("cannot keep what images are")?;
    let is_wanted = |check: &CheckInfo| args.check.is_empty() || args.check.contains(&check.number);
    let scan = assess(reports, is_wanted);
    give_out(&scan, args)
}

fn give_out(scan: &TaskScan, args: &TaskdefArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => report::write_table(&mut out, scan, args.all),
        Format::Json => write_json(&mut out, scan),
        Format::Sarif => write_json(&mut out, &report::sarif(scan)),
    }
    .or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    .context("cannot print the results")?;
    Ok(exit_code(scan, args.fail_on))
}

/// 1 when a check failed with a finding of that severity, 3 when one could not be made, else 0.
fn exit_code(scan: &TaskScan, fail_on: Priority) -> ExitCode {
    let fails = |checked: &TaskChecked| {
        checked.result.status == CheckStatus::Failed
            && checked.findings.iter().any(|found| found.finding.severity <= fail_on)
    };
    if scan.results.iter().any(fails) {
        ExitCode::from(failure::FINDINGS)
    } else if scan.results.iter().any(|checked| checked.result.status == CheckStatus::Error) {
        ExitCode::from(failure::INTERNAL)
    } else {
        ExitCode::SUCCESS
    }
}

/// Results of all files together.
fn assess(reports: Vec<(String, Report)>, is_wanted: impl Fn(&CheckInfo) -> bool) -> TaskScan {
    let mut scan = TaskScan::default();
    let mut findings: BTreeMap<u32, Vec<Located>> = BTreeMap::new();
    let mut open: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut made: Vec<u32> = Vec::new();
    let mut idle: BTreeMap<u32, &'static str> = BTreeMap::new();
    let mut left_out = 0;
    for (file, report) in reports {
        scan.tasks += report.tasks;
        scan.containers += report.containers;
        left_out += report.left_out;
        made.extend(report.made.iter().copied().map(Check::number));
        idle.extend(report.not_applicable.into_iter().map(|(check, reason)| (check.number(), reason)));
        for violation in report.violations {
            findings.entry(violation.check.number()).or_default().push(located(&file, violation));
        }
        for question in report.undecided {
            open.entry(question.check.number()).or_default().push(describe(&file, &question));
        }
        let unseen = report.unseen.iter();
        scan.not_seen.extend(unseen.map(|it| format!("{file}:{}: {}: {}", it.at, it.name, it.reason)));
        scan.files.push(file);
    }
    for check in TASK_CHECKS.into_iter().filter(|check| is_wanted(check)) {
        let number = check.number;
        if !made.contains(&number) {
            let reason = idle.get(&number).copied().unwrap_or("the files have nothing of the kind");
            scan.not_applicable.insert(number, reason.to_owned());
            continue;
        }
        let found = findings.remove(&number).unwrap_or_default();
        let incomplete = incomplete(&open.remove(&number).unwrap_or_default(), left_out);
        scan.results.push(checked(check, found, incomplete.as_deref()));
    }
    scan
}

/// Why a check could not be decided everywhere.
fn incomplete(open: &[String], left_out: usize) -> Option<String> {
    let mut reasons: Vec<String> = open.iter().take(NAMED_OPEN).cloned().collect();
    if open.len() > NAMED_OPEN {
        reasons.push(format!("{} more", open.len() - NAMED_OPEN));
    }
    if left_out > 0 {
        reasons.push(format!("{left_out} findings are left out"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn checked(check: &CheckInfo, findings: Vec<Located>, incomplete: Option<&str>) -> TaskChecked {
    let target = Target {
        id: format!("scan-check-{}", check.number),
        time: Timestamp::now(),
        task: &Task::default(),
        container: &Container::default(),
    };
    let plain: Vec<Finding> = findings.iter().map(|found| found.finding.clone()).collect();
    TaskChecked {
        result: check.result(&plain, incomplete, target),
        known_as: check.known_as,
        undecided: incomplete.map(str::to_owned),
        findings,
    }
}

fn located(file: &str, violation: Violation) -> Located {
    let mut subject = violation.task.clone();
    for part in [violation.container.as_deref(), Some(violation.path.as_str())].into_iter().flatten() {
        if !subject.is_empty() && !part.is_empty() {
            subject.push(' ');
        }
        subject.push_str(part);
    }
    Located {
        finding: Finding {
            subject,
            class: violation.class,
            reason: violation.reason,
            severity: priority(violation.weight),
        },
        file: file.to_owned(),
        line: violation.at.line,
        column: violation.at.column,
        task: violation.task,
        container: violation.container,
        path: violation.path,
    }
}

fn describe(file: &str, question: &Undecided) -> String {
    format!("{file}:{}: {}: {}", question.at, question.path, question.reason)
}

fn priority(weight: Weight) -> Priority {
    match weight {
        Weight::Error => Priority::Error,
        Weight::Warning => Priority::Warning,
        Weight::Notice => Priority::Notice,
        Weight::Informational => Priority::Informational,
    }
}

/// The detectors of check 424.
struct Detectors;

impl SecretFinder for Detectors {
    fn variable(&self, name: &str, value: &str) -> Option<Suspect> {
        secrets::variable(name, value).map(suspect)
    }

    fn command(&self, words: &[&str]) -> Vec<Suspect> {
        secrets::command(words).into_iter().map(suspect).collect()
    }
}

fn suspect(secret: secrets::Secret) -> Suspect {
    let weight = match secret.severity {
        Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => Weight::Error,
        Priority::Warning => Weight::Warning,
        Priority::Notice => Weight::Notice,
        Priority::Informational | Priority::Debug => Weight::Informational,
    };
    Suspect { class: secret.class, reason: secret.reason, weight }
}
