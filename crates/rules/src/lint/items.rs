//! Mistakes between items: what stands twice, what hides something else.

use std::collections::{HashMap, HashSet};

use super::book::Book;
use crate::{
    diagnostic::Code,
    load::{Definitions, ListDef},
    yaml::{self, Node},
};

pub(super) fn lint(book: &mut Book<'_>) {
    for file in 0..book.files.len() {
        let Some(text) = book.files.get(file).map(|file| &file.text) else { continue };
        let documents = yaml::documents(text).unwrap_or_default();
        let mut seen = HashMap::new();
        for item in documents.iter().flat_map(|document| document.items().unwrap_or_default()) {
            duplicate_items(book, file, item);
            redefined(book, file, item, &mut seen);
        }
    }
    deep_lists(book);
    hidden_macros(book);
}

fn duplicate_items(book: &mut Book<'_>, file: usize, item: &Node) {
    let Some(name) = item.get("list").and_then(|name| name.text()) else { return };
    let mut seen = HashSet::new();
    for value in item.get("items").and_then(|items| items.items()).unwrap_or_default() {
        let Some(text) = value.text() else { continue };
        if !seen.insert(text) {
            let message = format!("'{text}' stands twice in list '{name}'");
            let help = "remove one; perhaps another value was meant";
            book.report_at(Code::LintDuplicateItem, file, value.span.clone(), message, help);
        }
    }
}

fn redefined(
    book: &mut Book<'_>,
    file: usize,
    item: &Node,
    seen: &mut HashMap<(&'static str, String), usize>,
) {
    let kind = ["list", "macro", "rule"].into_iter().find(|kind| item.get(kind).is_some());
    let Some((kind, name)) = kind.and_then(|kind| Some((kind, item.get(kind)?))) else { return };
    let Some(text) = name.text() else { return };
    let defines = match kind {
        "list" => item.get("items"),
        _ => item.get("condition"),
    };
    let changes = item.get("override").is_some()
        || item
            .get("append")
            .and_then(|append| append.text())
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if defines.is_none() || changes {
        return;
    }
    if let Some(first) = seen.insert((kind, text.to_owned()), item.span.start) {
        let first = book.files.get(file).map_or(0, |file| crate::source::line_column(&file.text, first).line);
        let message =
            format!("{kind} '{text}' replaces the one of line {first}, which has no effect any more");
        let help = "remove one of them, rename it, or name what is changed under 'override'";
        book.report_at(Code::LintRedefined, file, name.span.clone(), message, help);
    }
}

/// Falco puts in the items of the lists a list names, and leaves the names of lists among those as words.
fn deep_lists(book: &mut Book<'_>) {
    let lists = lists_of(book.definitions);
    let mut found = Vec::new();
    for list in &book.definitions.lists {
        for item in &list.items {
            let Some(inner) = lists.get(item.text.as_str()).filter(|inner| inner.name != list.name) else {
                continue;
            };
            let deep = inner.items.iter().find(|deep| lists.contains_key(deep.text.as_str()));
            if let Some(deep) = deep {
                let message = format!(
                    "list '{}' names '{}', which names '{}': Falco 0.44 takes '{}' for a value here instead of its items",
                    list.name, inner.name, deep.text, deep.text
                );
                found.push((item.place.clone(), message));
            }
        }
    }
    for (place, message) in found {
        let help = "all items count here; for Falco, name the innermost list in this one as well";
        book.report(Code::LintDeepList, &place, None, message, help);
    }
}

fn lists_of(definitions: &Definitions) -> HashMap<&str, &ListDef> {
    definitions.lists.iter().map(|list| (list.name.as_str(), list)).collect()
}

/// Lists are put in before macros are looked for, so a list hides a macro of its name.
fn hidden_macros(book: &mut Book<'_>) {
    let lists = lists_of(book.definitions);
    for found in &book.definitions.macros {
        if lists.contains_key(found.name.as_str()) {
            let message = format!(
                "a list is named '{}' as well: its items stand wherever the macro is named",
                found.name
            );
            let help = "rename the macro or the list";
            book.report(Code::LintListHidesMacro, &found.place, None, message, help);
        }
    }
}
