//! OCSF 1.8: a Compliance Finding (2003) for each check, a Vulnerability Finding (2002) for each vulnerability.

use fargard_model::{CheckStatus, Priority};
use serde_json::{Value, json};

use super::{Check, Flaw, Report, controls};

/// Findings named in one event.
const DETAILS: usize = 100;

/// The events, one a line in what is sent.
#[must_use]
pub fn ocsf(report: &Report<'_>) -> Vec<Value> {
    let checks = report.checks.iter().map(|check| compliance(report, check));
    checks.chain(report.flaws.iter().map(|flaw| vulnerability(report, flaw))).collect()
}

/// What events of both classes say.
fn event(
    report: &Report<'_>,
    class: u64,
    name: &str,
    severity: (u64, &str),
    uid: &str,
    title: &str,
    desc: &str,
) -> Value {
    let time = report.time.0 / 1_000_000;
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": class,
        "class_name": name,
        "type_uid": class * 100 + 1,
        "type_name": format!("{name}: Create"),
        "time": time,
        "severity_id": severity.0,
        "severity": severity.1,
        "message": title,
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "Fargard", "vendor_name": "Fargard", "version": report.tool_version},
        },
        "finding_info": {"uid": uid, "title": title, "desc": desc, "created_time": time},
        "resources": [resource(report)],
    })
}

fn resource(report: &Report<'_>) -> Value {
    let kind = if report.digest.is_some() { "Container Image" } else { "Root File System" };
    json!({"name": report.target, "uid": report.digest.unwrap_or(report.target), "type": kind})
}

fn put(event: &mut Value, key: &str, value: Value) {
    if let Some(event) = event.as_object_mut() {
        event.insert(key.to_owned(), value);
    }
}

fn compliance(report: &Report<'_>, check: &Check<'_>) -> Value {
    let result = check.result;
    let (status_id, status) = match result.status {
        CheckStatus::Passed => (1, "Pass"),
        CheckStatus::Failed => (3, "Fail"),
        CheckStatus::Error => (0, "Unknown"),
    };
    let severity =
        if result.status == CheckStatus::Failed { severity(result.severity) } else { (1, "Informational") };
    let uid = format!("{}/check/{}", report.digest.unwrap_or(report.target), result.check);
    let mut event =
        event(report, 2003, "Compliance Finding", severity, &uid, &result.title, check.description);
    let mut standards: Vec<&str> = controls(result).map(|(standard, _)| standard).collect();
    standards.dedup();
    let requirements: Vec<String> =
        controls(result).map(|(standard, control)| format!("{standard} {control}")).collect();
    let details = check.findings.iter().take(DETAILS);
    let details: Vec<String> = details.map(|found| format!("{}: {}", found.subject, found.reason)).collect();
    put(
        &mut event,
        "compliance",
        json!({
            "control": result.check.to_string(),
            "desc": check.description,
            "standards": standards,
            "requirements": requirements,
            "status": status,
            "status_id": status_id,
            "status_detail": result.cause,
            "status_details": details,
        }),
    );
    put(&mut event, "remediation", json!({"desc": check.remedy}));
    // A finding that passes is over before it began.
    let state = if result.status == CheckStatus::Passed { (4, "Resolved") } else { (1, "New") };
    put(&mut event, "status_id", json!(state.0));
    put(&mut event, "status", json!(state.1));
    event
}

fn vulnerability(report: &Report<'_>, flaw: &Flaw<'_>) -> Value {
    let severity = match flaw.severity {
        "unknown" => (0, "Unknown"),
        _ => severity(flaw.priority),
    };
    let uid = format!("{}/{}/{}", report.digest.unwrap_or(report.target), flaw.id, flaw.purl);
    let title = format!("{} in {} {}", flaw.id, flaw.package, flaw.version);
    let mut event = event(report, 2002, "Vulnerability Finding", severity, &uid, &title, flaw.summary);
    let mut package =
        json!({"name": flaw.package, "version": flaw.version, "purl": flaw.purl, "path": flaw.place});
    if let Some(fixed) = flaw.fixed {
        put(&mut package, "fixed_in_version", json!(fixed));
    }
    let mut found = json!({
        "title": title,
        "desc": flaw.summary,
        "severity": severity.1,
        "affected_packages": [package],
        "is_fix_available": flaw.fixed.is_some(),
        "remediation": {"desc": flaw.advice()},
    });
    // One of both, as the class has it.
    if flaw.id.starts_with("CVE-") {
        let mut cve = json!({"uid": flaw.id});
        if let Some(score) = flaw.score {
            let vector = flaw.vector.unwrap_or_default();
            let version =
                vector.strip_prefix("CVSS:").and_then(|rest| rest.split('/').next()).unwrap_or("2.0");
            put(
                &mut cve,
                "cvss",
                json!([{"base_score": score, "version": version, "vector_string": vector}]),
            );
        }
        put(&mut found, "cve", cve);
    } else {
        put(&mut found, "advisory", json!({"uid": flaw.id}));
    }
    put(&mut event, "vulnerabilities", json!([found]));
    put(&mut event, "status_id", json!(1));
    put(&mut event, "status", json!("New"));
    event
}

fn severity(priority: Priority) -> (u64, &'static str) {
    match priority {
        Priority::Emergency => (6, "Fatal"),
        Priority::Alert | Priority::Critical => (5, "Critical"),
        Priority::Error => (4, "High"),
        Priority::Warning => (3, "Medium"),
        Priority::Notice => (2, "Low"),
        Priority::Informational | Priority::Debug => (1, "Informational"),
    }
}
