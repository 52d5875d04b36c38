//! The sets of rules: none, Falco's stable rules, all of its three files, and a thousand.

use std::fmt::Write;

use allocation_counter::measure;
use fargard_model::bounded;
use fargard_rules::{Ruleset, SourceFile, load};

use crate::{Failure, clock, shared};

const FILES: [&str; 3] = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
const LOADS: usize = 5;
const MANY: usize = 1_000;

/// Some rules and what they were loaded from.
pub(crate) struct Subset {
    files: Vec<SourceFile>,
    pub(crate) ruleset: Ruleset,
}

/// What a set costs before the first event.
pub(crate) struct Cost {
    /// Best of several loads.
    pub(crate) nanoseconds: f64,
    /// Bytes that stay allocated.
    pub(crate) resident: i64,
}

/// The sets, small ones first.
pub(crate) fn all() -> Result<Vec<Subset>, Failure> {
    let mut files = Vec::new();
    for name in FILES {
        let path = shared::path("data/falco").join(name);
        let text = bounded::read_to_string(&path, 16 << 20)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        files.push(SourceFile { name: name.to_owned(), text });
    }
    let stable = files.iter().take(1).cloned().collect();
    let official = subset(files.clone())?;
    files.push(generated(MANY - official.ruleset.rules().len()));
    Ok(vec![subset(Vec::new())?, subset(stable)?, official, subset(files)?])
}

fn subset(files: Vec<SourceFile>) -> Result<Subset, Failure> {
    Ok(Subset { ruleset: loaded(&files)?, files })
}

fn loaded(files: &[SourceFile]) -> Result<Ruleset, Failure> {
    let report = load(files);
    let mut ruleset = report.ruleset.ok_or_else(|| format!("{:?}", report.diagnostics))?;
    ruleset.enable(true, |_| true);
    Ok(ruleset)
}

/// Time and memory of a set.
pub(crate) fn cost(subset: &Subset) -> Result<Cost, Failure> {
    let mut best = f64::MAX;
    for _ in 0..LOADS {
        let (nanoseconds, _) = clock::timed(|| load(&subset.files));
        best = best.min(nanoseconds);
    }
    let mut kept = None;
    let resident = measure(|| kept = load(&subset.files).ruleset).bytes_current;
    kept.ok_or("the rules did not load")?;
    Ok(Cost { nanoseconds: best, resident })
}

/// Simple rules as users write them: a path, a program, a port.
fn generated(count: usize) -> SourceFile {
    let mut text = String::new();
    for number in 0..count {
        let condition = match number % 3 {
            0 => format!(
                "evt.type in (open, openat, openat2) and fd.name = /opt/service-{number}/secrets.json"
            ),
            1 => format!(
                "evt.type in (execve, execveat) and proc.name = tool-{number} and proc.args contains --all"
            ),
            _ => format!("evt.type = connect and fd.sport = {} and fd.typechar = '4'", 20_000 + number),
        };
        let _ = write!(
            text,
            "- rule: generated {number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
        );
    }
    SourceFile { name: "generated.yaml".to_owned(), text }
}
