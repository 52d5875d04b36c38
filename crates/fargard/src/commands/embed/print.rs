//! The report of `fargard embed`.

use std::io::{self, Write};

use fargard_taskdef::embed::{Outcome, TaskReport};
use serde::Serialize;

use super::Done;

/// For people: each task definition, its containers, what there is to know.
pub(super) fn text(out: &mut impl Write, all: &[Done], check: bool) -> io::Result<()> {
    for done in all {
        let name = &done.file.name;
        for task in &done.embedding.tasks {
            writeln!(out, "{name}:{}:{}: {}", task.line, task.column, headline(task, check))?;
            for container in &task.containers {
                let at = format!("{name}:{}:{}", container.line, container.column);
                let state = if check && !matches!(container.outcome, Outcome::Skip(_)) {
                    if container.was_watched { "protected" } else { "UNPROTECTED" }.to_owned()
                } else {
                    describe(&container.outcome, check && !container.was_watched)
                };
                writeln!(out, "  {at}: {}: {state}", container.name)?;
            }
            if !check {
                task.notes.iter().try_for_each(|note| writeln!(out, "  note: {note}"))?;
            }
            task.issues.iter().try_for_each(|issue| writeln!(out, "  Fargate: {name}:{issue}"))?;
        }
    }
    Ok(())
}

fn headline(task: &TaskReport, check: bool) -> String {
    let name = if task.name.is_empty() { "task definition" } else { &task.name };
    match (task.mode, &task.skip) {
        (_, Some(skip)) if check && task.containers.is_empty() && task.is_unprotected() => {
            format!("{name}: UNPROTECTED [{}]: {}", skip.code, skip.reason)
        }
        (_, Some(skip)) => format!("{name}: left as it is [{}]: {}", skip.code, skip.reason),
        _ if check => match task.unprotected().count() {
            0 => format!("{name}: protected"),
            count => format!("{name}: {count} containers unprotected"),
        },
        (Some(mode), None) => {
            format!("{name}: {mode:?}").to_lowercase().replacen(&name.to_lowercase(), name, 1)
        }
        (None, None) => format!("{name}: left as it is"),
    }
}

fn describe(outcome: &Outcome, unprotected: bool) -> String {
    match outcome {
        Outcome::Wrap { reason } => format!("wrap ({reason})"),
        Outcome::Attach { .. } => "attach".to_owned(),
        Outcome::Skip(skip) if unprotected && !skip.code.is_intended() => {
            format!("UNPROTECTED [{}]: {}", skip.code, skip.reason)
        }
        Outcome::Skip(skip) => format!("skipped [{}]: {}", skip.code, skip.reason),
    }
}

#[derive(Serialize)]
struct FileReport<'a> {
    file: &'a str,
    changed: bool,
    tasks: &'a [TaskReport],
}

/// For programs: a list with one object for each file.
pub(super) fn json(out: &mut impl Write, all: &[Done]) -> io::Result<()> {
    let files: Vec<FileReport<'_>> = all
        .iter()
        .map(|done| FileReport {
            file: &done.file.name,
            changed: done.file.text != done.embedding.text,
            tasks: &done.embedding.tasks,
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &files)?;
    writeln!(out)
}
