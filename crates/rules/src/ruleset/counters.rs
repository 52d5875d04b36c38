//! How often each rule matched, and what its evaluation cost.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{RuleId, Ruleset};

/// Nanoseconds since some moment. The caller brings the clock: rules have none.
pub type Clock = fn() -> u64;

/// The counts of one rule since the ruleset was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The rule.
    pub rule: RuleId,
    /// Events it matched.
    pub hits: u64,
    /// Events its condition was evaluated for; 0 unless profiled. The index leaves out the others.
    pub evaluations: u64,
    /// What these evaluations took, in nanoseconds; 0 unless profiled. A comparison that several rules share counts
    /// for the first of them.
    pub nanoseconds: u64,
}

/// The counts of all rules.
#[derive(Debug, Default)]
pub(super) struct Counters {
    cells: Vec<Cell>,
    clock: Option<Clock>,
}

#[derive(Debug, Default)]
struct Cell {
    hits: AtomicU64,
    evaluations: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Counters {
    pub(super) fn new(rules: usize) -> Self {
        Self { cells: (0..rules).map(|_| Cell::default()).collect(), clock: None }
    }

    pub(super) fn hit(&self, rule: RuleId) {
        if let Some(cell) = self.cells.get(rule.index()) {
            cell.hits.fetch_add(1, Relaxed);
        }
    }

    /// Runs an evaluation, timed when profiling.
    pub(super) fn timed(&self, rule: RuleId, evaluate: impl FnOnce() -> bool) -> bool {
        let Some(clock) = self.clock else { return evaluate() };
        let before = clock();
        let truth = evaluate();
        if let Some(cell) = self.cells.get(rule.index()) {
            cell.evaluations.fetch_add(1, Relaxed);
            cell.nanoseconds.fetch_add(clock().saturating_sub(before), Relaxed);
        }
        truth
    }
}

impl Ruleset {
    /// The counts of every rule, in the order of definition.
    #[must_use]
    pub fn counters(&self) -> Vec<Counter> {
        let count = |(index, cell): (u32, &Cell)| Counter {
            rule: RuleId(index),
            hits: cell.hits.load(Relaxed),
            evaluations: cell.evaluations.load(Relaxed),
            nanoseconds: cell.nanoseconds.load(Relaxed),
        };
        (0..).zip(&self.counters.cells).map(count).collect()
    }

    /// From now on counts evaluations and their cost as well; two readings of the clock for each.
    pub fn profile(&mut self, clock: Clock) {
        self.counters.clock = Some(clock);
    }
}
