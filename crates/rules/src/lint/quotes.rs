//! Names of lists inside quotes, where Falco puts in the list as well.

use super::book::{Book, Owner};
use crate::{
    diagnostic::Code,
    load::{Condition, Place},
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
    let text = condition.text();
    let substituted = book.lists.substitute(&text, &mut std::collections::HashSet::new());
    let quoted = quoted(&text);
    let is_quoted = |at: &usize| {
        let before = quoted.partition_point(|range| range.start <= *at);
        before.checked_sub(1).and_then(|index| quoted.get(index)).is_some_and(|range| range.contains(at))
    };
    let inside: Vec<usize> = substituted.list_offsets().filter(is_quoted).collect();
    for at in inside {
        let rest = text.get(at..).unwrap_or_default();
        let end =
            rest.find(|char: char| char.is_whitespace() || "(),=\"'".contains(char)).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        let place: Place = condition.locate(book.files, at..at + end);
        let message = format!("'{name}' is a list: its items are put into this quoted text, as in Falco");
        let help = "rename the list, or write the text so that the word does not stand alone";
        book.report(Code::LintListInQuotes, &place, Some(owner), message, help);
    }
}

/// The insides of quoted strings. A quote behind a backslash does not end its string.
fn quoted(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges = Vec::new();
    let mut open: Option<(u8, usize)> = None;
    for (at, byte) in bytes.iter().copied().enumerate() {
        match open {
            None if matches!(byte, b'"' | b'\'') => open = Some((byte, at + 1)),
            Some((quote, start)) if byte == quote && (at == start || bytes.get(at - 1) != Some(&b'\\')) => {
                ranges.push(start..at);
                open = None;
            }
            _ => {}
        }
    }
    ranges
}
