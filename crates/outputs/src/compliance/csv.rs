//! Comma-separated values (RFC 4180), one line a finding, check without findings, and vulnerability.

use fargard_model::CheckStatus;

use super::Report;

const HEADER: &str = "target,kind,id,title,status,severity,subject,class,reason,fixed,score";

/// The report with a line of names before it.
#[must_use]
pub fn csv(report: &Report<'_>) -> String {
    let mut out = String::from(HEADER);
    out.push_str("\r\n");
    for check in &report.checks {
        let result = check.result;
        let (number, status) = (result.check.to_string(), status(result.status));
        if check.findings.is_empty() {
            let severity = result.severity.name();
            let fields = [
                report.target,
                "check",
                &number,
                &result.title,
                status,
                severity,
                "",
                "",
                &result.cause,
                "",
                "",
            ];
            line(&mut out, &fields);
        }
        for found in &check.findings {
            let severity = found.severity.name();
            let fields = [
                report.target,
                "check",
                &number,
                &result.title,
                status,
                severity,
                found.subject,
                found.class,
                found.reason,
                "",
                "",
            ];
            line(&mut out, &fields);
        }
    }
    for skipped in &report.skipped {
        let number = skipped.number.to_string();
        let fields = [
            report.target,
            "check",
            &number,
            skipped.title,
            "not assessed",
            "",
            "",
            "",
            skipped.reason,
            "",
            "",
        ];
        line(&mut out, &fields);
    }
    for flaw in &report.flaws {
        let score = flaw.score.map(|score| format!("{score:.1}")).unwrap_or_default();
        let subject = format!("{} {}", flaw.package, flaw.version);
        let fields = [
            report.target,
            "vulnerability",
            flaw.id,
            flaw.summary,
            flaw.status,
            flaw.severity,
            &subject,
            "",
            flaw.place,
            flaw.fixed.unwrap_or_default(),
            &score,
        ];
        line(&mut out, &fields);
    }
    out
}

fn status(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
        CheckStatus::Error => "error",
    }
}

fn line(out: &mut String, fields: &[&str; 11]) {
    for (at, text) in fields.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        field(out, text);
    }
    out.push_str("\r\n");
}

/// Quoted where needed. What a spreadsheet would take for a formula gets a quote before it: names come from the image.
fn field(out: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains(['"', ',', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}
