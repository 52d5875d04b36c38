//! Which clauses of which rules the tests exercised: each comparison should have decided its rule's truth both ways,
//! so that a test would notice if it were dropped or turned around.

use std::collections::{BTreeMap, HashMap};

use super::truth::{Truths, cut};
use crate::{
    Ruleset, Subject,
    compile::{
        is_event_type,
        program::{NodeId, Program},
    },
};

/// A comparison that the tests did not exercise whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// As text, cut when long.
    pub text: String,
    /// It never decided the rule's truth by being true.
    pub never_true: bool,
    /// It never decided the rule's truth by being false.
    pub never_false: bool,
}

/// What was exercised of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCoverage {
    /// The rule, sequence or threshold.
    pub rule: String,
    /// Truths that were exercised.
    pub seen: usize,
    /// Truths that could be: two for each comparison, one for those of the event's type.
    pub all: usize,
    /// What is missing.
    pub missing: Vec<Clause>,
    /// Events for which it held.
    pub held: usize,
    /// Events for which one clause alone kept it from holding.
    pub near_misses: usize,
}

/// What was exercised of all rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By rule, in the order of definition.
    pub rules: Vec<RuleCoverage>,
}

impl RuleCoverage {
    /// Per cent, rounded down; 100 for a rule without clauses.
    #[must_use]
    pub fn percent(&self) -> usize {
        (self.seen * 100).checked_div(self.all).unwrap_or(100)
    }
}

impl Coverage {
    /// Per cent over all rules, rounded down.
    #[must_use]
    pub fn percent(&self) -> usize {
        let sum = |part: fn(&RuleCoverage) -> usize| self.rules.iter().map(part).sum::<usize>();
        (sum(|rule| rule.seen) * 100).checked_div(sum(|rule| rule.all)).unwrap_or(100)
    }
}

/// Collects what is exercised.
pub(super) struct Collector<'r> {
    ruleset: &'r Ruleset,
    /// By rule: its conditions, more than one for a sequence.
    conditions: Vec<Vec<NodeId>>,
    /// By rule and check: seen true, seen false.
    seen: HashMap<(usize, u32), (bool, bool)>,
    /// By rule: for how many events it held, and how many it nearly held for.
    events: Vec<(usize, usize)>,
}

impl<'r> Collector<'r> {
    pub(super) fn new(ruleset: &'r Ruleset) -> Self {
        let conditions: Vec<_> = (0..ruleset.rules().len()).map(|index| ruleset.conditions(index)).collect();
        let events = vec![(0, 0); conditions.len()];
        Self { ruleset, conditions, seen: HashMap::new(), events }
    }

    /// An event was observed.
    pub(super) fn observe(&mut self, subject: Subject<'_>) {
        let mut truths = Truths::new(self.ruleset.program(), subject);
        for ((rule, conditions), events) in self.conditions.iter().enumerate().zip(&mut self.events) {
            for condition in conditions {
                let mut is_near = false;
                truths.decisive(*condition, &mut |check, truth| {
                    is_near = true;
                    let seen = self.seen.entry((rule, check)).or_default();
                    seen.0 |= truth;
                    seen.1 |= !truth;
                });
                let holds = truths.of(*condition);
                events.0 += usize::from(holds);
                events.1 += usize::from(is_near && !holds);
            }
        }
    }

    pub(super) fn finish(self) -> Coverage {
        let rules = self.ruleset.rules().iter().zip(&self.conditions).enumerate();
        let rules = rules.map(|(index, (rule, conditions))| self.of_rule(index, &rule.name, conditions));
        Coverage { rules: rules.collect() }
    }

    fn of_rule(&self, index: usize, rule: &str, conditions: &[NodeId]) -> RuleCoverage {
        let program = self.ruleset.program();
        let checks = checks_of(program, conditions);
        let (held, near_misses) = self.events.get(index).copied().unwrap_or_default();
        let mut coverage =
            RuleCoverage { rule: rule.to_owned(), seen: 0, all: 0, missing: Vec::new(), held, near_misses };
        for (check, is_type) in checks {
            let (seen_true, seen_false) = self.seen.get(&(index, check)).copied().unwrap_or_default();
            // An event of another type is nobody's near miss.
            let seen_false = seen_false || is_type;
            coverage.all += if is_type { 1 } else { 2 };
            coverage.seen += usize::from(seen_true) + usize::from(seen_false && !is_type);
            if !(seen_true && seen_false) {
                coverage.missing.push(Clause {
                    text: program.check(check).map(|check| cut(&check.text)).unwrap_or_default(),
                    never_true: !seen_true,
                    never_false: !seen_false,
                });
            }
        }
        coverage
    }
}

/// The comparisons of conditions that can have either truth, and whether each is of the event's type.
fn checks_of(program: &Program, conditions: &[NodeId]) -> BTreeMap<u32, bool> {
    program
        .checks_of(conditions.iter().copied())
        // `evt.num = 0` is how rules write "never".
        .filter(|(_, check)| !check.left.is_always_missing() && check.text != "evt.num = 0")
        .map(|(index, check)| (index, is_event_type(&check.left)))
        .collect()
}
