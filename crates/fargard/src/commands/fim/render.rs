//! A report as text and as CSV.

use std::fmt::Write as _;

use fargard_model::{FileChange, FileState};
use fargard_outputs::falco::printable;

use super::report::{ChangeLine, Report};

/// For people.
pub(super) fn table(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "File integrity report, {}", report.made_at);
    let _ = writeln!(text, "  source    {}", printable(&report.source));
    let _ = writeln!(text, "  standard  {}", report.standard.as_deref().unwrap_or("all"));
    let _ = writeln!(text, "  since     {}", report.since.as_deref().unwrap_or("everything known"));
    let _ = writeln!(text, "\nMonitored");
    if report.tasks.is_empty() {
        let _ = writeln!(text, "  nothing: no sensor was heard");
    }
    for task in &report.tasks {
        let _ = writeln!(text, "  {} {}", printable(&task.task), printable(&task.family));
        for sensor in &task.sensors {
            let _ = writeln!(
                text,
                "    {}: {} to {}{}; policy {} ({}); last whole comparison {}",
                printable(&sensor.container),
                sensor.from,
                sensor.until,
                if sensor.ended { " (ended)" } else { "" },
                printable(&sensor.policy),
                sensor.policy_sha256.get(..12).unwrap_or_default(),
                sensor.compared.as_deref().unwrap_or("not complete")
            );
            for entry in &sensor.entries {
                let _ = writeln!(
                    text,
                    "      {:<32} {:>6} files, {:>6} hashed: {}",
                    printable(&entry.name),
                    entry.files,
                    entry.hashed,
                    printable(&entry.paths.join(" "))
                );
            }
        }
        for gap in &task.gaps {
            let _ = writeln!(text, "    GAP {}", printable(gap));
        }
    }
    let _ = writeln!(text, "\nChanges: {}, unauthorised: {}", report.changes.len(), report.unauthorised);
    for line in &report.changes {
        change(&mut text, line);
    }
    let _ = writeln!(text, "\nNot covered");
    for line in &report.not_covered {
        let _ = writeln!(text, "  - {}", printable(line));
    }
    text
}

fn change(text: &mut String, line: &ChangeLine) {
    let change = &line.change;
    let _ = writeln!(
        text,
        "  {} {:<10} {} {} [{}]{}",
        change.time.rfc3339(),
        change.what(),
        printable(&change.path),
        change.from.as_ref().map(|from| format!("(was {})", printable(from))).unwrap_or_default(),
        printable(&change.entry),
        if line.authorised { "" } else { " UNAUTHORISED" }
    );
    let _ = writeln!(text, "    before {}", state(change.before.as_ref()));
    let _ = writeln!(text, "    after  {}", state(change.after.as_ref()));
    let _ = writeln!(text, "    who    {}", printable(&who(change)));
    if let Some(decision) = &line.decision {
        let _ = writeln!(
            text,
            "    {} by {} at {}: {}",
            line.state,
            printable(&decision.who),
            decision.at.rfc3339(),
            printable(&decision.note)
        );
    }
}

fn state(state: Option<&FileState>) -> String {
    let Some(state) = state else { return "none, or not known".to_owned() };
    format!(
        "{:04o} {}:{} {} bytes sha256 {}",
        state.mode,
        state.uid,
        state.gid,
        state.size,
        state.sha256.as_deref().unwrap_or("not taken")
    )
}

fn who(change: &FileChange) -> String {
    match &change.writer {
        None => "unknown".to_owned(),
        Some(writer) => format!(
            "{} pid {} uid {} by {}",
            writer.process.cmdline(),
            writer.process.pid,
            writer.process.uid,
            writer.call.name()
        ),
    }
}

/// The changes, one a line (RFC 4180), cells a spreadsheet would take for a formula disarmed.
pub(super) fn csv(report: &Report) -> String {
    let mut text = String::new();
    row(
        &mut text,
        &[
            "time",
            "what",
            "path",
            "from",
            "entry",
            "severity",
            "before",
            "after",
            "who",
            "authorised",
            "state",
            "decided_by",
            "note",
            "found_by",
            "task",
            "container",
            "standards",
        ]
        .map(str::to_owned),
    );
    for line in &report.changes {
        let change = &line.change;
        let decision = line.decision.as_ref();
        let found_by = serde_json::to_value(change.found_by).unwrap_or_default();
        row(
            &mut text,
            &[
                change.time.rfc3339(),
                change.what(),
                change.path.clone(),
                change.from.clone().unwrap_or_default(),
                change.entry.clone(),
                change.severity.to_string(),
                state(change.before.as_ref()),
                state(change.after.as_ref()),
                who(change),
                line.authorised.to_string(),
                line.state.clone(),
                decision.map(|decision| decision.who.clone()).unwrap_or_default(),
                decision.map(|decision| decision.note.clone()).unwrap_or_default(),
                found_by.as_str().unwrap_or_default().to_owned(),
                change.task.arn.clone(),
                change.container.name.clone(),
                change.tags.join(" "),
            ],
        );
    }
    text
}

fn row<const N: usize>(text: &mut String, cells: &[String; N]) {
    let cell = |value: &String| {
        let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
        format!("\"{guard}{}\"", value.replace('"', "\"\""))
    };
    text.push_str(&cells.iter().map(cell).collect::<Vec<_>>().join(","));
    text.push_str("\r\n");
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
