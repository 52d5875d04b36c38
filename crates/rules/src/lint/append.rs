//! Conditions put together from parts, where `and` and `or` bind otherwise than the parts suggest.

use super::book::{Book, Owner};
use crate::{
    diagnostic::Code,
    load::{Condition, Place},
    syntax::{self, ast::Expr},
};

pub(super) fn lint(book: &mut Book<'_>) {
    let definitions = book.definitions;
    for found in &definitions.macros {
        condition(book, &found.condition, Owner { kind: "macro", name: &found.name, at: &found.place });
    }
    for rule in &definitions.rules {
        condition(book, &rule.condition, Owner { kind: "rule", name: &rule.name, at: &rule.place });
    }
}

fn condition(book: &mut Book<'_>, condition: &Condition, owner: Owner<'_>) {
    let parts = condition.parts();
    for index in 1..parts.len() {
        let Some((before, part)) =
            parts.split_at_checked(index).and_then(|(before, rest)| Some((before, rest.first()?)))
        else {
            continue;
        };
        let before: Vec<&str> = before.iter().map(|part| part.text.as_str()).collect();
        let before = before.join(" ");
        let substituted = book.lists.substitute(&before, &mut std::collections::HashSet::new());
        let Ok(tree) = syntax::parse(&substituted.text) else { continue };
        let word =
            part.text.split(|char: char| char.is_whitespace() || char == '(').find(|word| !word.is_empty());
        let place = start_of(&part.place);
        match (word, &tree) {
            (Some("or"), tree) if owner.kind == "rule" || matches!(tree, Expr::And(_)) => {
                let message = format!(
                    "the appended 'or' lets {} '{}' be true without anything of the condition before it, its event types included",
                    owner.kind, owner.name
                );
                let help = "append 'or ...' to a macro that holds only the alternatives, or repeat the restrictions behind 'or'";
                book.report(Code::LintAppendedOr, &place, Some(owner), message, help);
            }
            (Some("and"), Expr::Or(_)) if !is_wrapped(&substituted.text) => {
                let message =
                    "the appended 'and' restricts only the last alternative of the condition before it"
                        .to_owned();
                let help = "put the first condition into parentheses where it is defined, or replace it";
                book.report(Code::LintAppendedAnd, &place, Some(owner), message, help);
            }
            _ => {}
        }
    }
}

/// The first bytes of an appended text.
fn start_of(place: &Place) -> Place {
    Place { file: place.file, span: place.span.start..place.span.end.min(place.span.start + 2) }
}

/// One pair of parentheses holds the whole text.
fn is_wrapped(text: &str) -> bool {
    let text = text.trim();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut before = 0_u8;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if byte == open && before != b'\\' => quote = None,
            (None, b'(') => depth += 1,
            (None, b')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return text.starts_with('(') && at + 1 == text.len();
                }
            }
            (None, _) if depth == 0 && at == 0 => return false,
            _ => {}
        }
        before = byte;
    }
    false
}
