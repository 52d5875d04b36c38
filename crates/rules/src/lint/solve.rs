//! Can a formula be true? Comparisons that must hold are collected, what follows from them is decided, alternatives
//! that cannot be are dropped, and a few alternatives are tried. "No" is certain; "perhaps" may mean that the search
//! ended early.

use super::{
    formula::{Formula, FormulaId, Formulas},
    known::{Budget, Given, Known},
};

/// How many alternatives are tried within each other.
const MAX_SPLITS: usize = 3;

/// What must hold at once.
#[derive(Clone)]
pub(super) struct Claims<'f> {
    formulas: &'f Formulas,
    pub(super) known: Known<'f>,
    /// Alternatives that are not decided.
    open: Vec<(FormulaId, bool)>,
    impossible: bool,
    /// The comparison that contradicted what was known.
    pub(super) contradiction: Option<usize>,
}

impl<'f> Claims<'f> {
    pub(super) fn new(formulas: &'f Formulas, given: Given) -> Self {
        Self {
            formulas,
            known: Known::new(formulas, given),
            open: Vec::new(),
            impossible: false,
            contradiction: None,
        }
    }

    /// Adds that a formula has this truth.
    pub(super) fn claim(&mut self, id: FormulaId, truth: bool, budget: &Budget) {
        let mut queue = vec![(id, truth)];
        while !self.impossible {
            while let Some((id, truth)) = queue.pop() {
                self.one(id, truth, &mut queue, budget);
            }
            self.reduce(&mut queue, budget);
            if queue.is_empty() {
                return;
            }
        }
    }

    fn one(&mut self, id: FormulaId, truth: bool, queue: &mut Vec<(FormulaId, bool)>, budget: &Budget) {
        if !budget.step() {
            return;
        }
        match (self.formulas.node(id), truth) {
            (Some(Formula::Atom(atom)), _) => {
                if !self.known.learn(*atom, truth) {
                    self.impossible = true;
                    self.contradiction = Some(*atom);
                }
            }
            (Some(Formula::Not(child)), _) => queue.push((*child, !truth)),
            (Some(Formula::And(children)), true) | (Some(Formula::Or(children)), false) => {
                queue.extend(children.iter().map(|child| (*child, truth)));
            }
            (Some(Formula::And(_) | Formula::Or(_)), _) => self.open.push((id, truth)),
            (None, _) => {}
        }
    }

    /// Looks at the alternatives again: one that is left must hold, none left cannot be.
    fn reduce(&mut self, queue: &mut Vec<(FormulaId, bool)>, budget: &Budget) {
        let open = std::mem::take(&mut self.open);
        for (id, truth) in open {
            let (Some(Formula::And(children)) | Some(Formula::Or(children))) = self.formulas.node(id) else {
                continue;
            };
            let mut left = Vec::new();
            let mut holds = false;
            for child in children {
                match self.known.eval(*child, budget) {
                    Some(found) => holds |= found == truth,
                    None => left.push(*child),
                }
            }
            match left.as_slice() {
                _ if holds => {}
                [] => self.impossible = true,
                [only] => queue.push((*only, truth)),
                _ => self.open.push((id, truth)),
            }
        }
    }

    /// The claims cannot hold at once. `true` is certain.
    pub(super) fn is_impossible(&self, budget: &Budget) -> bool {
        self.search(budget, MAX_SPLITS)
    }

    fn search(&self, budget: &Budget, splits: usize) -> bool {
        if self.impossible || splits == 0 {
            return self.impossible;
        }
        // Any of the alternatives may be the one that cannot be; the short ones are tried first.
        let mut open: Vec<_> =
            self.open.iter().filter_map(|(id, truth)| Some((self.children(*id)?, *truth))).collect();
        open.sort_by_key(|(children, _)| children.len());
        open.iter().take(4).any(|(children, truth)| {
            budget.step()
                && children.iter().all(|child| {
                    let mut claims = self.clone();
                    claims.claim(*child, *truth, budget);
                    budget.step() && claims.search(budget, splits - 1)
                })
        })
    }

    fn children(&self, id: FormulaId) -> Option<&'f [FormulaId]> {
        match self.formulas.node(id)? {
            Formula::And(children) | Formula::Or(children) => Some(children),
            _ => None,
        }
    }
}
