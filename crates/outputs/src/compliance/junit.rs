//! `JUnit` XML as CI servers read it: one test a check and a vulnerability.

use fargard_model::CheckStatus;

use super::{Report, cut};

/// Findings listed in one failure.
const LISTED: usize = 200;

/// The report.
#[must_use]
pub fn junit(report: &Report<'_>) -> String {
    let failed = |status| report.checks.iter().filter(|check| check.result.status == status).count();
    let (failures, errors) = (failed(CheckStatus::Failed), failed(CheckStatus::Error));
    let tests = report.checks.len() + report.skipped.len();
    let time = attribute(report.time.rfc3339().split('.').next().unwrap_or_default());
    let target = attribute(report.target);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuites name=\"fargard\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\">\n",
        tests + report.flaws.len(),
        failures + report.flaws.len()
    ));
    out.push_str(&format!(
        "  <testsuite name=\"compliance of {target}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{}\" timestamp=\"{time}\">\n",
        report.skipped.len()
    ));
    for check in &report.checks {
        let result = check.result;
        let name = format!("{} {}", result.check, result.title);
        let verdict = match result.status {
            CheckStatus::Passed => String::new(),
            CheckStatus::Failed => {
                let mut lines: Vec<String> = check
                    .findings
                    .iter()
                    .take(LISTED)
                    .map(|found| {
                        format!(
                            "{}: {}: {} ({})",
                            found.severity.name(),
                            found.subject,
                            found.reason,
                            found.class
                        )
                    })
                    .collect();
                lines.push(format!("Remedy: {}", check.remedy));
                element("failure", &result.cause, result.severity.name(), &lines.join("\n"))
            }
            CheckStatus::Error => element("error", &result.cause, "incomplete", ""),
        };
        test(&mut out, "fargard.check", &name, &verdict);
    }
    for skipped in &report.skipped {
        let verdict = format!("<skipped message=\"{}\"/>", attribute(skipped.reason));
        test(&mut out, "fargard.check", &format!("{} {}", skipped.number, skipped.title), &verdict);
    }
    out.push_str("  </testsuite>\n");
    if !report.flaws.is_empty() {
        let number = report.flaws.len();
        out.push_str(&format!(
            "  <testsuite name=\"vulnerabilities of {target}\" tests=\"{number}\" failures=\"{number}\" errors=\"0\" \
             skipped=\"0\" timestamp=\"{time}\">\n"
        ));
        for flaw in &report.flaws {
            let text = format!("{}\n{}\n{}", flaw.advice(), flaw.purl, flaw.place);
            let verdict = element("failure", &flaw.line(), flaw.severity, &text);
            test(
                &mut out,
                "fargard.vulnerability",
                &format!("{} {} {}", flaw.id, flaw.package, flaw.version),
                &verdict,
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn test(out: &mut String, class: &str, name: &str, verdict: &str) {
    let name = attribute(name);
    if verdict.is_empty() {
        out.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"/>\n"));
    } else {
        out.push_str(&format!(
            "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">{verdict}</testcase>\n"
        ));
    }
}

fn element(name: &str, message: &str, kind: &str, text: &str) -> String {
    let message = attribute(&cut(message, 1000));
    format!("<{name} message=\"{message}\" type=\"{}\">{}</{name}>", attribute(kind), escape(text))
}

fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;").replace(['\n', '\t'], " ")
}

/// Without what XML 1.0 cannot hold at all.
fn escape(text: &str) -> String {
    text.chars()
        .filter(|letter| matches!(letter, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        .collect::<String>()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
