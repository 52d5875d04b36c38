//! Runs tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Test,
    coverage::{Collector, Coverage},
    truth::Truths,
};
use crate::{Detector, LineColumn, RuleKind, Ruleset, Subject};

/// What a test expected and did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which event, counted from 1; `None` for all of them together.
    pub event: Option<usize>,
    /// Where that event, or the test, stands.
    pub at: LineColumn,
    /// Expected rules that were not raised.
    pub missing: Vec<String>,
    /// Raised rules that were not expected.
    pub unexpected: Vec<String>,
    /// The condition of the first of them with the truth of its clauses, indented.
    pub why: String,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Name.
    pub name: String,
    /// File.
    pub file: String,
    /// Where it stands.
    pub at: LineColumn,
    /// Empty when it passed.
    pub failures: Vec<Failure>,
}

/// What became of all tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the files.
    pub tests: Vec<TestResult>,
    /// What they exercised.
    pub coverage: Coverage,
}

impl Report {
    /// How many tests failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.tests.iter().filter(|test| !test.failures.is_empty()).count()
    }
}

/// Runs the tests, each from the beginning. Rules that are disabled are enabled where a test names them.
#[must_use]
pub fn run(mut ruleset: Ruleset, tests: &[Test]) -> Report {
    let disabled: BTreeSet<String> =
        ruleset.rules().iter().filter(|rule| !rule.enabled).map(|rule| rule.name.clone()).collect();
    let named: BTreeSet<&str> = tests.iter().flat_map(Test::names).collect();
    if disabled.iter().any(|name| named.contains(name.as_str())) {
        ruleset.enable(true, |rule| named.contains(rule.name.as_str()));
    }
    let ruleset = Arc::new(ruleset);
    let mut collector = Collector::new(&ruleset);
    let results = tests.iter().map(|test| run_one(&ruleset, test, &disabled, &mut collector)).collect();
    Report { tests: results, coverage: collector.finish() }
}

fn run_one(
    ruleset: &Arc<Ruleset>,
    test: &Test,
    disabled: &BTreeSet<String>,
    collector: &mut Collector<'_>,
) -> TestResult {
    let mut detector = Detector::new(Arc::clone(ruleset));
    let mut alerts = Vec::new();
    let mut failures = Vec::new();
    // Each rule with the first event that raised it.
    let mut raised: BTreeMap<String, usize> = BTreeMap::new();
    for (index, event) in test.events.iter().enumerate() {
        let subject = event.subject.subject();
        collector.observe(subject);
        detector.observe(subject, &mut alerts);
        let now: BTreeSet<String> = alerts
            .iter()
            .filter_map(|alert| ruleset.rules().get(alert.rule.index()))
            .filter(|rule| test.considers(&rule.name, !disabled.contains(&rule.name)))
            .map(|rule| rule.name.clone())
            .collect();
        if let Some(expected) = &event.expect {
            let found = now.iter().map(|name| (name.clone(), index)).collect();
            failures.extend(compare(ruleset, test, expected, &found, Some(index)));
        }
        for name in now {
            raised.entry(name).or_insert(index);
        }
    }
    if let Some(expected) = &test.expect {
        failures.extend(compare(ruleset, test, expected, &raised, None));
    }
    TestResult { name: test.name.clone(), file: test.file.clone(), at: test.at, failures }
}

fn compare(
    ruleset: &Ruleset,
    test: &Test,
    expected: &BTreeSet<String>,
    raised: &BTreeMap<String, usize>,
    event: Option<usize>,
) -> Option<Failure> {
    let missing: Vec<String> = expected.iter().filter(|name| !raised.contains_key(*name)).cloned().collect();
    let unexpected: Vec<String> = raised.keys().filter(|name| !expected.contains(*name)).cloned().collect();
    let (first, at) = match (missing.first(), unexpected.first()) {
        (Some(name), _) => (name, event),
        (None, Some(name)) => (name, raised.get(name).copied()),
        (None, None) => return None,
    };
    Some(Failure {
        event: event.map(|index| index + 1),
        at: event.and_then(|index| test.events.get(index)).map_or(test.at, |event| event.at),
        why: why(ruleset, test, first, at),
        missing,
        unexpected,
    })
}

/// Explains why a rule was raised or not, on one event or on the one that it looks at.
fn why(ruleset: &Ruleset, test: &Test, name: &str, at: Option<usize>) -> String {
    let Some(id) = ruleset.find(name) else { return String::new() };
    let is_plain = ruleset.rules().get(id.index()).is_some_and(|rule| rule.kind == RuleKind::Condition);
    let conditions = ruleset.conditions(id.index());
    let subjects: Vec<Subject<'_>> = test.events.iter().map(|event| event.subject.subject()).collect();
    let mut text = String::new();
    for (part, condition) in conditions.iter().enumerate() {
        let holds = |index: &usize| {
            subjects
                .get(*index)
                .is_some_and(|subject| Truths::new(ruleset.program(), *subject).of(*condition))
        };
        if !is_plain {
            let held: Vec<String> =
                (0..subjects.len()).filter(holds).map(|index| format!("event {}", index + 1)).collect();
            let on = if held.is_empty() { "no event".to_owned() } else { held.join(", ") };
            text.push_str(&format!("part {} holds on {on}\n", part + 1));
            if !held.is_empty() {
                continue;
            }
        }
        let index = at.unwrap_or_else(|| nearest(ruleset, id, &subjects));
        let Some(subject) = subjects.get(index) else { continue };
        text.push_str(&format!("'{name}' on event {}:\n", index + 1));
        Truths::new(ruleset.program(), *subject).explain(*condition, 1, &mut text);
    }
    text
}

/// The last event of a type that the rule looks at; else the last.
fn nearest(ruleset: &Ruleset, id: crate::RuleId, subjects: &[Subject<'_>]) -> usize {
    let types = ruleset.event_types(id);
    let fits = |subject: &Subject<'_>| matches!(subject, Subject::Call(event) if types.contains(&event.kind));
    subjects.iter().rposition(fits).unwrap_or(subjects.len().saturating_sub(1))
}
