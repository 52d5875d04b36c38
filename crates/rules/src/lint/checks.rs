//! Single comparisons that cannot mean what they say.

use fargard_model::EventType;

use super::{
    book::{Book, Owner},
    regex,
};
use crate::{
    diagnostic::Code,
    load::Place,
    syntax::ast::{Check, Expr, List, Literal, Op, Operand, Right, Test},
};

/// A mistake with its code, place, message and remedy.
type Found<'a> = (Code, Owner<'a>, Place, String, &'static str);

pub(super) fn lint(book: &mut Book<'_>) {
    let mut found: Vec<Found<'_>> = Vec::new();
    for (owner, parsed) in book.conditions() {
        let mut checks = Vec::new();
        collect(&parsed.tree, &mut checks);
        for check in checks {
            let place = || book.place(parsed, check.span);
            if let Some(message) = regex::mistake(check) {
                let help = "write '.*' where other text may stand, or use contains or startswith";
                found.push((Code::LintRegexAnchored, owner, place(), message, help));
            }
            if let Some(message) = unknown_event_type(check) {
                let help = "`fargard rules list --fields` and Falco's list of events name the types";
                found.push((Code::LintUnknownEventType, owner, place(), message, help));
            }
        }
    }
    for (code, owner, place, message, help) in found {
        book.report(code, &place, Some(owner), message, help);
    }
}

fn collect<'e>(tree: &'e Expr, checks: &mut Vec<&'e Check>) {
    match tree {
        Expr::And(children) | Expr::Or(children) => children.iter().for_each(|child| collect(child, checks)),
        Expr::Not(child) => collect(child, checks),
        Expr::Macro(..) => {}
        Expr::Check(check) => checks.push(check),
    }
}

/// What compares the event's type otherwise than by `=` and `in`, where the loader knows every name.
fn unknown_event_type(check: &Check) -> Option<String> {
    let is_type = matches!(&check.left, Operand::Field(field) if field.name == "evt.type");
    let (op, values): (Op, &[Literal]) = match &check.test {
        Test::Compare(op, Right::Literal(literal)) => (*op, std::slice::from_ref(literal)),
        Test::Each(op, _, List::Literals(items)) => (*op, items),
        _ => return None,
    };
    let passes = |name: &str, value: &str| match op {
        Op::Eq | Op::Ne => name == value,
        Op::Startswith => name.starts_with(value),
        Op::Endswith => name.ends_with(value),
        Op::Contains => name.contains(value),
        Op::Icontains => name.contains(&value.to_ascii_lowercase()),
        _ => true,
    };
    let unknown =
        values.iter().find(|value| !EventType::ALL.iter().any(|kind| passes(kind.name(), &value.text)))?;
    is_type.then(|| format!("no event type is '{}' ('{}')", unknown.text, op.symbol()))
}
