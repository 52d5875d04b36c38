//! Conditions with their macros put in, as a graph of formulas in which equal parts stand once.

use std::collections::HashMap;

use super::{atom::Atom, book::Book};
use crate::syntax::ast::Expr;

/// Index of a formula.
pub(super) type FormulaId = usize;

/// A formula.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Formula {
    Atom(usize),
    Not(FormulaId),
    And(Vec<FormulaId>),
    Or(Vec<FormulaId>),
}

/// The formulas of all conditions.
#[derive(Default)]
pub(super) struct Formulas {
    nodes: Vec<Formula>,
    known: HashMap<Formula, FormulaId>,
    atoms: Vec<Atom>,
    atom_at: HashMap<String, usize>,
    /// By macro; `None` for one that is not put in.
    macros: Vec<Option<FormulaId>>,
    /// By rule, with its exceptions.
    rules: Vec<Option<FormulaId>>,
}

impl Formulas {
    pub(super) fn of(book: &Book<'_>) -> Self {
        let mut formulas = Self { macros: vec![None; book.macros.len()], ..Self::default() };
        for index in book.definitions.macro_order(book.lists) {
            if let Some(Some(parsed)) = book.macros.get(index) {
                let id = formulas.expr(book, &parsed.tree);
                if let Some(slot) = formulas.macros.get_mut(index) {
                    *slot = id;
                }
            }
        }
        for (parsed, exceptions) in book.rules.iter().zip(&book.exceptions) {
            let id =
                parsed.as_ref().and_then(|parsed| formulas.expr(book, &parsed.tree)).and_then(|condition| {
                    let excepted: Option<Vec<_>> =
                        exceptions.iter().map(|tree| formulas.expr(book, tree)).collect();
                    let excepted: Vec<_> =
                        excepted?.into_iter().map(|id| formulas.add(Formula::Not(id))).collect();
                    Some(formulas.add(Formula::And(std::iter::once(condition).chain(excepted).collect())))
                });
            formulas.rules.push(id);
        }
        formulas
    }

    pub(super) fn rule(&self, index: usize) -> Option<FormulaId> {
        self.rules.get(index).copied().flatten()
    }

    pub(super) fn node(&self, id: FormulaId) -> Option<&Formula> {
        self.nodes.get(id)
    }

    pub(super) fn atom(&self, index: usize) -> Option<&Atom> {
        self.atoms.get(index)
    }

    /// How many formulas there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The formula of a tree; `None` when it names a macro that has none.
    pub(super) fn expr(&mut self, book: &Book<'_>, tree: &Expr) -> Option<FormulaId> {
        Some(match tree {
            Expr::And(children) => {
                let children = children.iter().map(|child| self.expr(book, child)).collect::<Option<_>>()?;
                self.add(Formula::And(children))
            }
            Expr::Or(children) => {
                let children = children.iter().map(|child| self.expr(book, child)).collect::<Option<_>>()?;
                self.add(Formula::Or(children))
            }
            Expr::Not(child) => {
                let child = self.expr(book, child)?;
                self.add(Formula::Not(child))
            }
            Expr::Macro(name, _) => {
                let index = book.definitions.macro_index(name)?;
                self.macros.get(index).copied().flatten()?
            }
            Expr::Check(check) => {
                let text = check.to_string();
                let atom = match self.atom_at.get(&text) {
                    Some(atom) => *atom,
                    None => {
                        self.atoms.push(Atom::of(check));
                        self.atom_at.insert(text, self.atoms.len() - 1);
                        self.atoms.len() - 1
                    }
                };
                self.add(Formula::Atom(atom))
            }
        })
    }

    fn add(&mut self, formula: Formula) -> FormulaId {
        if let Some(id) = self.known.get(&formula) {
            return *id;
        }
        self.nodes.push(formula.clone());
        let id = self.nodes.len() - 1;
        self.known.insert(formula, id);
        id
    }
}
