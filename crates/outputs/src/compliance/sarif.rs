//! SARIF 2.1.0 (OASIS): one rule a check and a vulnerability, one result a finding.

use std::collections::BTreeMap;

use fargard_model::Priority;
use serde_json::{Value, json};

use super::{Flaw, Report};

/// The document.
#[must_use]
pub fn sarif(report: &Report<'_>) -> Value {
    let mut rules: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            json!({
                "id": check.result.check.to_string(),
                "shortDescription": {"text": check.result.title},
                "fullDescription": {"text": check.description},
                "help": {"text": check.remedy},
                "defaultConfiguration": {"level": level(check.result.severity)},
                "properties": {"tags": check.result.tags},
            })
        })
        .collect();
    let flaws: BTreeMap<&str, &Flaw<'_>> = report.flaws.iter().rev().map(|flaw| (flaw.id, flaw)).collect();
    rules.extend(flaws.values().map(|flaw| rule(flaw)));
    let found = report.checks.iter().flat_map(|check| {
        check.findings.iter().map(move |found| {
            json!({
                "ruleId": check.result.check.to_string(),
                "level": level(found.severity),
                "message": {"text": format!("{} ({})", found.reason, found.class)},
                "locations": [location(found.subject)],
                "partialFingerprints": {"subject/v1": format!("{}:{}", check.result.check, found.subject)},
                "properties": {"class": found.class, "severity": found.severity},
            })
        })
    });
    let vulnerable = report.flaws.iter().map(|flaw| {
        json!({
            "ruleId": flaw.id,
            "level": level(flaw.priority),
            "message": {"text": format!("{} {} has {}. {}", flaw.package, flaw.version, flaw.id, flaw.advice())},
            "locations": [location(flaw.place)],
            "partialFingerprints": {"subject/v1": format!("{}:{}", flaw.id, flaw.purl)},
            "properties": {"purl": flaw.purl, "severity": flaw.severity, "status": flaw.status},
        })
    });
    let results: Vec<Value> = found.chain(vulnerable).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "fargard", "version": report.tool_version, "rules": rules}},
            "originalUriBaseIds": {"ROOTFS": {"description": {"text": report.target}}},
            "results": results,
        }],
    })
}

fn rule(flaw: &Flaw<'_>) -> Value {
    let summary = if flaw.summary.is_empty() { flaw.id } else { flaw.summary };
    // GitHub sorts by this number; where nobody says a score, by the middle of the word's span.
    let score = flaw.score.unwrap_or(match flaw.severity {
        "critical" => 9.5,
        "high" => 8.0,
        "medium" => 5.5,
        "low" => 2.0,
        _ => 0.0,
    });
    json!({
        "id": flaw.id,
        "shortDescription": {"text": summary},
        "defaultConfiguration": {"level": level(flaw.priority)},
        "properties": {"tags": ["vulnerability", "security"], "security-severity": format!("{score:.1}")},
    })
}

fn location(path: &str) -> Value {
    json!({"physicalLocation": {"artifactLocation": {"uri": uri(path), "uriBaseId": "ROOTFS"}}})
}

/// SARIF's three levels.
#[must_use]
pub fn level(severity: Priority) -> &'static str {
    match severity {
        Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => "error",
        Priority::Warning => "warning",
        Priority::Notice | Priority::Informational | Priority::Debug => "note",
    }
}

/// A path relative to the root with what a URI cannot have escaped (RFC 3986).
#[must_use]
pub fn uri(subject: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in subject.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
