//! Parts of conditions that decide nothing.

use super::{
    book::{Book, Owner},
    formula::{FormulaId, Formulas},
    known::{Budget, Given},
    solve::Claims,
};
use crate::{
    diagnostic::Code,
    load::Place,
    syntax::ast::{Expr, Operand, Span},
};

/// Most parts that are looked at.
const MAX_CLAUSES: usize = 20_000;
/// Steps for one question.
const PER_CLAUSE: usize = 2_000;

/// Looks at every alternative of an `or` and every group of an `and`. What is written to be never true, as the
/// macros that users override, is taken as if it were not known.
pub(super) fn lint(book: &mut Book<'_>, formulas: &mut Formulas) {
    let mut found = Vec::new();
    let mut clauses: Vec<(Owner<'_>, Place, FormulaId, bool)> = Vec::new();
    for (owner, parsed) in book.conditions() {
        let mut parts = Vec::new();
        parts_of(&parsed.tree, &mut parts);
        for (part, joined_by_or) in parts {
            if let Some(id) = formulas.expr(book, part) {
                clauses.push((owner, book.place(parsed, span_of(part)), id, joined_by_or));
            }
        }
    }
    for (owner, place, id, joined_by_or) in clauses.into_iter().take(MAX_CLAUSES) {
        let cannot_be = |truth: bool| {
            let budget = Budget::new(PER_CLAUSE);
            let mut claims = Claims::new(formulas, Given { fixed: false, never_computed: false });
            claims.claim(id, truth, &budget);
            claims.is_impossible(&budget)
        };
        if joined_by_or && cannot_be(true) {
            let message = "this alternative can never be true: its parts contradict each other";
            found.push((owner, place, message, "remove it, or 'or' was meant between its parts"));
        } else if !joined_by_or && cannot_be(false) {
            let message = "this part is always true";
            found.push((owner, place, message, "remove it, or 'and' was meant between its alternatives"));
        }
    }
    for (owner, place, message, help) in found {
        book.report(Code::LintConstantClause, &place, Some(owner), message.to_owned(), help);
    }
}

/// Alternatives of several parts, and groups of several alternatives.
fn parts_of<'e>(tree: &'e Expr, parts: &mut Vec<(&'e Expr, bool)>) {
    match tree {
        Expr::And(children) => {
            parts.extend(children.iter().filter(|child| is_group(child, false)).map(|child| (child, false)));
            children.iter().for_each(|child| parts_of(child, parts));
        }
        Expr::Or(children) => {
            parts.extend(children.iter().filter(|child| is_group(child, true)).map(|child| (child, true)));
            children.iter().for_each(|child| parts_of(child, parts));
        }
        Expr::Not(child) => parts_of(child, parts),
        Expr::Macro(..) | Expr::Check(_) => {}
    }
}

fn is_group(tree: &Expr, and: bool) -> bool {
    if and { matches!(tree, Expr::And(_)) } else { matches!(tree, Expr::Or(_)) }
}

/// The text from a tree's first comparison to its last.
fn span_of(tree: &Expr) -> Span {
    match tree {
        Expr::And(children) | Expr::Or(children) => {
            let start = children.first().map(span_of).unwrap_or_default();
            let end = children.last().map(span_of).unwrap_or_default();
            Span { start: start.start, end: end.end }
        }
        Expr::Not(child) => span_of(child),
        Expr::Macro(_, span) => *span,
        Expr::Check(check) => Span { start: Operand::span(&check.left).start, end: check.span.end },
    }
}
