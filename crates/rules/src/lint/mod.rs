//! What is suspicious in rules that load: mistakes that Falco accepts in silence. Every lint has a code of its own
//! (`FARGARD_LINT_..`); none changes how a rule is evaluated. A lint is given only where the analysis is certain of
//! what it says; it does not find every case.

mod append;
mod atom;
mod atom_test;
mod book;
mod checks;
mod clauses;
mod formula;
mod items;
mod known;
mod logic;
mod missing;
mod quotes;
mod regex;
mod solve;

use crate::{Diagnostic, SourceFile, load};

/// Looks for mistakes in files that load, in the order of the files; nothing when they do not load.
#[must_use]
pub fn lint(files: &[SourceFile]) -> Vec<Diagnostic> {
    if load(files).ruleset.is_none() {
        return Vec::new();
    }
    let definitions = load::definitions(files, &mut Vec::new());
    let lists = definitions.flat_lists().0;
    let mut book = book::Book::new(files, &definitions, &lists);
    items::lint(&mut book);
    quotes::lint(&mut book);
    append::lint(&mut book);
    checks::lint(&mut book);
    logic::lint(&mut book);
    let order = |diagnostic: &Diagnostic| files.iter().position(|file| file.name == diagnostic.file);
    let mut found = book.found;
    found.sort_by_key(|diagnostic| (order(diagnostic), diagnostic.span.start, diagnostic.code));
    found.dedup();
    found
}

#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;
