//! `!=` on fields that may have no value: it is false then, where `not .. =` is true.

use super::{
    atom_test::AtomTest,
    book::{Book, Owner},
    formula::{FormulaId, Formulas},
    known::{Budget, Given},
    solve::Claims,
};
use crate::{
    diagnostic::Code,
    syntax::ast::{Expr, Op, Test},
};

/// Fields that any event of a kind may lack; a dot at the end means all that begin so.
const MAY_BE_MISSING: [&str; 12] = [
    "fd.",
    "evt.arg.",
    "evt.arg[",
    "evt.res",
    "evt.rawres",
    "proc.aname[",
    "proc.aexe[",
    "proc.aexepath[",
    "proc.acmdline[",
    "ct.request.",
    "ct.response.",
    "json.value[",
];
/// Event types whose descriptor is known.
const OF_DESCRIPTORS: [&str; 16] = [
    "open", "openat", "openat2", "creat", "connect", "accept", "accept4", "listen", "bind", "sendto",
    "sendmsg", "recvfrom", "recvmsg", "dup", "dup2", "dup3",
];

/// Looks at the comparisons that must hold for the rule to match.
pub(super) fn lint(book: &mut Book<'_>, formulas: &Formulas, index: usize, id: FormulaId) {
    let given = Given { fixed: true, never_computed: false };
    let mut claims = Claims::new(formulas, given);
    claims.claim(id, true, &Budget::new(20_000));
    let Some((rule, Some(parsed))) = book.definitions.rules.get(index).zip(book.rules.get(index)) else {
        return;
    };
    let mut unequal = Vec::new();
    written(&parsed.tree, &mut unequal);
    let mut found = Vec::new();
    for (key, value, span) in unequal {
        let may_be_missing = MAY_BE_MISSING.iter().any(|prefix| key.starts_with(prefix));
        if may_be_missing && !is_asked_for(formulas, &claims, &key) {
            let place = book.place(parsed, span);
            let message = format!(
                "'{key} != {value}' is false when {key} has no value, and the rule does not match then"
            );
            found.push((
                place,
                message,
                format!("write 'not {key} = {value}' to match then as well, or ask for '{key} exists'"),
            ));
        }
    }
    for (place, message, help) in found {
        let owner = Owner { kind: "rule", name: &rule.name, at: &rule.place };
        book.report(Code::LintNotEqualMissing, &place, Some(owner), message, &help);
    }
}

/// The `!=` that a rule writes itself at its top level.
fn written(tree: &Expr, found: &mut Vec<(String, String, crate::syntax::ast::Span)>) {
    match tree {
        Expr::And(children) => children.iter().for_each(|child| written(child, found)),
        Expr::Check(check) => {
            if let Test::Compare(Op::Ne, right) = &check.test {
                found.push((check.left.to_string(), right.to_string(), check.span));
            }
        }
        _ => {}
    }
}

/// Something else that must hold needs the field's value, or that of a field that comes with it.
fn is_asked_for(formulas: &Formulas, claims: &Claims<'_>, key: &str) -> bool {
    let positive = |key: &str| {
        claims.known.of_key(key).iter().any(|(atom, truth)| {
            *truth && formulas.atom(*atom).is_some_and(|atom| !matches!(atom.test, AtomTest::Not(_)))
        })
    };
    let of_descriptor = |key: &str| key.starts_with("fd.");
    positive(key)
        || of_descriptor(key)
            && (claims.known.keys().any(|other| of_descriptor(other) && positive(other))
                || is_of_descriptor(formulas, claims))
}

/// The rule matches only events of a descriptor.
fn is_of_descriptor(formulas: &Formulas, claims: &Claims<'_>) -> bool {
    claims.known.of_key("evt.type").iter().any(|(atom, truth)| {
        *truth
            && formulas.atom(*atom).is_some_and(|atom| match &atom.test {
                AtomTest::Is(names) => names.iter().all(|name| OF_DESCRIPTORS.contains(&name.as_str())),
                _ => false,
            })
    })
}
