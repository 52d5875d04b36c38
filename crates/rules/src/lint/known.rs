//! What is known of comparisons while a formula is looked at, and what follows from it.

use std::{cell::Cell, collections::HashMap};

use super::{
    atom_test::AtomTest,
    formula::{Formula, FormulaId, Formulas},
};

/// What counts as known from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// What is written to be always true or never (`evt.num = 0`) is that.
    pub(super) fixed: bool,
    /// What is never computed on Fargate has no value.
    pub(super) never_computed: bool,
}

/// How much may be looked at; shared by everything that one question leads to.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new(steps: usize) -> Self {
        Self(Cell::new(steps))
    }

    /// Takes a step; `false` when there is none left.
    pub(super) fn step(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// The truth of some comparisons.
#[derive(Clone)]
pub(super) struct Known<'f> {
    formulas: &'f Formulas,
    given: Given,
    truths: HashMap<usize, bool>,
    /// By left side.
    by_key: HashMap<&'f str, Vec<(usize, bool)>>,
}

impl<'f> Known<'f> {
    pub(super) fn new(formulas: &'f Formulas, given: Given) -> Self {
        Self { formulas, given, truths: HashMap::new(), by_key: HashMap::new() }
    }

    /// The comparisons of a left side with their truths.
    pub(super) fn of_key(&self, key: &str) -> &[(usize, bool)] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// The left sides of which something is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().copied()
    }

    /// Takes a comparison for true or false; `false` when that cannot be.
    pub(super) fn learn(&mut self, atom: usize, truth: bool) -> bool {
        match self.truth(atom) {
            Some(known) if known != truth => return false,
            Some(_) if self.truths.contains_key(&atom) => return true,
            _ => {}
        }
        let Some(new) = self.formulas.atom(atom) else { return true };
        self.truths.insert(atom, truth);
        let same_key = self.by_key.entry(new.key.as_str()).or_default();
        same_key.push((atom, truth));
        let same_key = same_key.clone();
        !self.is_empty_choice(&same_key)
    }

    /// One of a few values must be there, and each is ruled out by something else.
    fn is_empty_choice(&self, atoms: &[(usize, bool)]) -> bool {
        let tests = || atoms.iter().filter_map(|(atom, truth)| Some((self.formulas.atom(*atom)?, *truth)));
        let ruled_out = |value: &str| {
            tests().any(|(atom, truth)| atom.is_single && atom.test.accepts(value) == Some(!truth))
        };
        tests().any(|(atom, truth)| match &atom.test {
            AtomTest::Is(values) => truth && atom.is_single && values.iter().all(|value| ruled_out(value)),
            _ => false,
        })
    }

    /// The truth of a comparison, as far as it follows from what is known.
    pub(super) fn truth(&self, index: usize) -> Option<bool> {
        let atom = self.formulas.atom(index)?;
        if let Some(fixed) = atom.fixed.filter(|_| self.given.fixed) {
            return Some(fixed);
        }
        if atom.never_computed && self.given.never_computed {
            return Some(false);
        }
        if matches!(&atom.test, AtomTest::Is(values) if values.is_empty()) {
            return Some(false);
        }
        if let Some(known) = self.truths.get(&index) {
            return Some(*known);
        }
        for (other, truth) in self.of_key(&atom.key) {
            let other = self.formulas.atom(*other)?;
            if *truth && other.implies(atom) {
                return Some(true);
            }
            if *truth && other.excludes(atom) || !*truth && atom.implies(other) {
                return Some(false);
            }
        }
        None
    }

    /// The truth of a formula, as far as it follows.
    pub(super) fn eval(&self, id: FormulaId, budget: &Budget) -> Option<bool> {
        if !budget.step() {
            return None;
        }
        match self.formulas.node(id)? {
            Formula::Atom(atom) => self.truth(*atom),
            Formula::Not(child) => self.eval(*child, budget).map(|truth| !truth),
            Formula::And(children) => self.join(children, false, budget),
            Formula::Or(children) => self.join(children, true, budget),
        }
    }

    fn join(&self, children: &[FormulaId], deciding: bool, budget: &Budget) -> Option<bool> {
        let mut whole = Some(!deciding);
        for child in children {
            match self.eval(*child, budget) {
                Some(truth) if truth == deciding => return Some(deciding),
                Some(_) => {}
                None => whole = None,
            }
        }
        whole
    }
}
