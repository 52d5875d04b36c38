//! What the checks of task definitions gave, and how it is printed.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use fargard_model::{CheckResult, CheckStatus};
use fargard_scan::{CheckInfo, Finding, TASK_CHECKS};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::report::{level, uri};

/// All files and what the checks said of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct TaskScan {
    pub(super) files: Vec<String>,
    pub(super) tasks: usize,
    pub(super) containers: usize,
    pub(super) results: Vec<TaskChecked>,
    /// What of templates cannot be looked into, with place and reason.
    pub(super) not_seen: Vec<String>,
    /// Checks that had nothing to look at, with the reason.
    pub(super) not_applicable: BTreeMap<u32, String>,
}

/// A check's result with everything it found, also what does not fail it.
#[derive(Debug, Serialize)]
pub(super) struct TaskChecked {
    #[serde(flatten)]
    pub(super) result: CheckResult,
    /// What others call the check.
    pub(super) known_as: &'static [&'static str],
    /// What is not known before deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) undecided: Option<String>,
    pub(super) findings: Vec<Located>,
}

/// A finding and where it stands.
#[derive(Debug, Serialize)]
pub(super) struct Located {
    #[serde(flatten)]
    pub(super) finding: Finding,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) task: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) container: Option<String>,
    pub(super) path: String,
}

impl Located {
    fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    /// Container, or else the task, and the member's last part.
    fn whose(&self) -> String {
        let owner = self.container.as_deref().unwrap_or(&self.task);
        if owner.is_empty() { String::new() } else { format!("{owner}: ") }
    }
}

fn info(number: u32) -> Option<&'static CheckInfo> {
    TASK_CHECKS.into_iter().find(|check| check.number == number)
}

/// Prints the table; `all` also lists what fails nothing.
pub(super) fn write_table(out: &mut impl Write, scan: &TaskScan, all: bool) -> io::Result<()> {
    for checked in &scan.results {
        write_check(out, checked, all)?;
    }
    write_idle(out, scan, all)?;
    for unseen in &scan.not_seen {
        writeln!(out, "Not looked into: {unseen}")?;
    }
    let (files, tasks, containers) = (scan.files.len(), scan.tasks, scan.containers);
    writeln!(out, "\n{files} files, {tasks} task definitions, {containers} containers")
}

/// Checks that had nothing to look at: their numbers, with `all` each with its reason.
fn write_idle(out: &mut impl Write, scan: &TaskScan, all: bool) -> io::Result<()> {
    for (check, reason) in scan.not_applicable.iter().filter(|_| all) {
        let title = info(*check).map_or("", |info| info.title);
        writeln!(out, "-       {check:<5} {:<9} {title}\n        Not applicable: {reason}", "")?;
    }
    if !all && !scan.not_applicable.is_empty() {
        let numbers: Vec<String> = scan.not_applicable.keys().map(u32::to_string).collect();
        writeln!(out, "Not applicable (--all says why): {}", numbers.join(", "))?;
    }
    Ok(())
}

fn write_check(out: &mut impl Write, checked: &TaskChecked, all: bool) -> io::Result<()> {
    let result = &checked.result;
    let word = match result.status {
        CheckStatus::Passed => "PASSED",
        CheckStatus::Failed => "FAILED",
        CheckStatus::Error => "OPEN",
    };
    let also = if checked.known_as.is_empty() || result.status == CheckStatus::Passed {
        String::new()
    } else {
        format!(" ({})", checked.known_as.join(", "))
    };
    writeln!(out, "{word:<7} {:<5} {:<9} {}{also}", result.check, result.severity, result.title)?;
    let shown: Vec<&Located> = checked.findings.iter().filter(|found| all || found.finding.fails()).collect();
    let width = shown.iter().map(|found| found.place().chars().count()).max().unwrap_or(0).min(60);
    for found in &shown {
        let severity = if found.finding.severity == result.severity {
            String::new()
        } else {
            format!(" [{}]", found.finding.severity)
        };
        writeln!(
            out,
            "        {:<width$}  {}{}{severity}",
            found.place(),
            found.whose(),
            found.finding.reason
        )?;
    }
    let noted = checked.findings.len() - shown.len();
    if noted > 0 {
        writeln!(out, "        Noted: {noted} (--all lists them)")?;
    }
    if let Some(undecided) = &checked.undecided {
        writeln!(out, "        Open: {undecided}")?;
    }
    match (result.status, info(result.check)) {
        (CheckStatus::Failed, Some(info)) => writeln!(out, "        Remedy: {}", info.remedy),
        _ => Ok(()),
    }
}

/// SARIF 2.1.0 (OASIS), one rule a check, one result a finding, each with its region.
pub(super) fn sarif(scan: &TaskScan) -> Value {
    let rules: Vec<Value> = TASK_CHECKS
        .iter()
        .filter(|check| scan.results.iter().any(|checked| checked.result.check == check.number))
        .map(|check| {
            json!({
                "id": check.number.to_string(),
                "shortDescription": {"text": check.title},
                "fullDescription": {"text": check.description},
                "help": {"text": check.remedy},
                "defaultConfiguration": {"level": level(check.severity)},
                "properties": {"tags": check.tags, "knownAs": check.known_as},
            })
        })
        .collect();
    let results = scan.results.iter().flat_map(|checked| {
        checked.findings.iter().map(move |found| sarif_result(checked.result.check, found))
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "fargard",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn sarif_result(check: u32, found: &Located) -> Value {
    let slash = if found.file.starts_with('/') { "file:///" } else { "" };
    json!({
        "ruleId": check.to_string(),
        "level": level(found.finding.severity),
        "message": {"text": format!("{}{} ({})", found.whose(), found.finding.reason, found.finding.class)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": format!("{slash}{}", uri(&found.file))},
                "region": {"startLine": found.line, "startColumn": found.column},
            },
            "logicalLocations": [{"fullyQualifiedName": found.path}],
        }],
        "partialFingerprints": {"subject/v1": format!("{check}:{}:{}", found.file, found.finding.subject)},
        "properties": {"class": found.finding.class, "severity": found.finding.severity},
    })
}
