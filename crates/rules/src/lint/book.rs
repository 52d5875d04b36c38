//! The definitions as trees, and what was found in them.

use std::ops::Range;

use crate::{
    diagnostic::{Code, Diagnostic, Item, MAX_DIAGNOSTICS},
    load::{self, Definitions, Lists, Parsed, Place},
    source::SourceFile,
    syntax::ast::{Expr, Span},
};

/// A macro or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner<'a> {
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    pub(super) at: &'a Place,
}

/// Everything that is looked at.
pub(super) struct Book<'a> {
    pub(super) files: &'a [SourceFile],
    pub(super) definitions: &'a Definitions,
    pub(super) lists: &'a Lists,
    /// By macro.
    pub(super) macros: Vec<Option<Parsed<'a>>>,
    /// By rule, without its exceptions.
    pub(super) rules: Vec<Option<Parsed<'a>>>,
    /// By rule, what is excepted from it.
    pub(super) exceptions: Vec<Vec<Expr>>,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Book<'a> {
    pub(super) fn new(files: &'a [SourceFile], definitions: &'a Definitions, lists: &'a Lists) -> Self {
        Self {
            files,
            definitions,
            lists,
            macros: definitions.macros.iter().map(|found| Parsed::new(&found.condition, lists)).collect(),
            rules: definitions.rules.iter().map(|rule| Parsed::new(&rule.condition, lists)).collect(),
            exceptions: definitions.rules.iter().map(|rule| load::exceptions(rule, lists)).collect(),
            found: Vec::new(),
        }
    }

    /// Every condition with what it belongs to.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (Owner<'a>, &Parsed<'a>)> {
        let definitions = self.definitions;
        let macros = definitions.macros.iter().zip(&self.macros).filter_map(|(found, parsed)| {
            Some((Owner { kind: "macro", name: &found.name, at: &found.place }, parsed.as_ref()?))
        });
        let rules = definitions.rules.iter().zip(&self.rules).filter_map(|(rule, parsed)| {
            Some((Owner { kind: "rule", name: &rule.name, at: &rule.place }, parsed.as_ref()?))
        });
        macros.chain(rules)
    }

    /// The place of a part of a condition.
    pub(super) fn place(&self, parsed: &Parsed<'_>, span: Span) -> Place {
        parsed.place(self.files, span)
    }

    /// Notes a mistake; nobody reads more than [`MAX_DIAGNOSTICS`].
    pub(super) fn report(
        &mut self,
        code: Code,
        place: &Place,
        owner: Option<Owner<'_>>,
        message: String,
        help: &str,
    ) {
        if self.found.len() == MAX_DIAGNOSTICS {
            return;
        }
        let Some(file) = self.files.get(place.file) else { return };
        let mut diagnostic = Diagnostic::new(code, file, place.span.clone(), message).with_help(help);
        if let Some(owner) = owner {
            let of = self.files.get(owner.at.file).map(|file| file.name.clone()).unwrap_or_default();
            let item =
                Item { kind: owner.kind, name: owner.name.to_owned(), file: of, offset: owner.at.span.start };
            diagnostic = diagnostic.with_item(item);
        }
        self.found.push(diagnostic);
    }

    /// Notes a mistake at some bytes of a file.
    pub(super) fn report_at(
        &mut self,
        code: Code,
        file: usize,
        span: Range<usize>,
        message: String,
        help: &str,
    ) {
        self.report(code, &Place { file, span }, None, message, help);
    }
}
