//! Event types a condition can be true for, and those it can be false for.

use std::collections::BTreeSet;

use fargard_model::EventType;

use super::details::Details;
use crate::{
    load::Definitions,
    syntax::ast::{Check, Expr, List, Op, Operand, Right, Test},
};

type Names = BTreeSet<&'static str>;

/// For each truth the types with which a condition can have it.
#[derive(Clone, Debug)]
pub(super) struct EventTypes {
    when_true: Names,
    when_false: Names,
}

impl Default for EventTypes {
    fn default() -> Self {
        Self { when_true: all(), when_false: all() }
    }
}

fn all() -> Names {
    EventType::ALL.iter().map(|kind| kind.name()).collect()
}

impl EventTypes {
    pub(super) fn of(tree: &Expr, definitions: &Definitions, macros: &[Details]) -> Self {
        let of = |child: &Expr| Self::of(child, definitions, macros);
        match tree {
            Expr::And(children) => children.iter().map(of).reduce(Self::and).unwrap_or_default(),
            Expr::Or(children) => {
                let negated = children.iter().map(|child| of(child).not());
                negated.reduce(Self::and).unwrap_or_default().not()
            }
            Expr::Not(child) => of(child).not(),
            Expr::Macro(name, _) => definitions
                .macro_index(name)
                .and_then(|index| macros.get(index))
                .map(|inner| inner.types().clone())
                .unwrap_or_default(),
            Expr::Check(check) => Self::of_check(check),
        }
    }

    /// The names of the types for which the condition can have that truth.
    pub(super) fn names(&self, truth: bool) -> impl Iterator<Item = &'static str> {
        if truth { &self.when_true } else { &self.when_false }.iter().copied()
    }

    fn not(self) -> Self {
        Self { when_true: self.when_false, when_false: self.when_true }
    }

    fn and(mut self, other: Self) -> Self {
        self.when_true.retain(|name| other.when_true.contains(name));
        self.when_false.extend(other.when_false);
        self
    }

    fn of_check(check: &Check) -> Self {
        let is_type = matches!(&check.left, Operand::Field(field) if field.name == "evt.type");
        let values: Vec<&str> = match &check.test {
            Test::Compare(Op::Eq | Op::Ne, Right::Literal(literal)) => vec![literal.text.as_str()],
            Test::Compare(Op::In | Op::Intersects, Right::List(List::Literals(items))) => {
                items.iter().map(|item| item.text.as_str()).collect()
            }
            _ => return Self::default(),
        };
        if !is_type {
            return Self::default();
        }
        let named: Names = all().into_iter().filter(|name| values.contains(name)).collect();
        let others = all().difference(&named).copied().collect();
        let types = Self { when_true: named, when_false: others };
        if matches!(check.test, Test::Compare(Op::Ne, _)) { types.not() } else { types }
    }
}
