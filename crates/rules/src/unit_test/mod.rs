//! Unit tests of rules: `test` items, events made of fields with the rules they must raise.

mod build;
mod coverage;
mod run;
mod truth;

use std::collections::BTreeSet;

use crate::{LineColumn, OwnedSubject};

pub(crate) use build::tests;
pub use coverage::{Clause, Coverage, RuleCoverage};
pub use run::{Failure, Report, TestResult, run};

/// A test, ready to run.
#[derive(Clone, Debug)]
pub struct Test {
    /// Name.
    pub name: String,
    /// Name of its file.
    pub file: String,
    /// Where it stands.
    pub at: LineColumn,
    /// Rules that all events together must raise, exactly.
    expect: Option<BTreeSet<String>>,
    /// The only rules that are looked at.
    rules: Option<BTreeSet<String>>,
    events: Vec<Step>,
}

/// One event of a test.
#[derive(Clone, Debug)]
struct Step {
    subject: OwnedSubject,
    at: LineColumn,
    /// Rules that this event must raise, exactly.
    expect: Option<BTreeSet<String>>,
}

impl Test {
    /// How many events it has.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Every rule it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of_events = self.events.iter().filter_map(|event| event.expect.as_ref());
        self.expect.iter().chain(&self.rules).chain(of_events).flatten().map(String::as_str)
    }

    /// Whether it looks at a rule, which is enabled by the files or not.
    fn considers(&self, rule: &str, enabled: bool) -> bool {
        match &self.rules {
            Some(rules) => rules.contains(rule),
            None => enabled || self.names().any(|name| name == rule),
        }
    }
}

#[cfg(test)]
mod tests;
