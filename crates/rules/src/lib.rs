//! The Falco rule language: [`load`] turns rule files into a [`Ruleset`] and diagnostics; a ruleset says which
//! calls must be observed ([`Ruleset::traps`]), which rules match an event ([`Ruleset::evaluate`]) and what a
//! match is to the rest of the product ([`Ruleset::detection`]).
//!
//! No I/O, no clock: an event carries all that a rule may ask.

mod compile;
mod correlate;
mod defaults;
mod describe;
pub mod diagnostic;
pub mod fields;
mod hash;
pub mod json;
mod lint;
mod load;
pub mod made;
pub mod options;
pub mod reads;
pub mod record;
pub mod report;
pub mod ruleset;
pub mod schema;
pub mod source;
pub mod subject;
pub mod syntax;
pub mod traps;
pub mod unit_test;
pub mod yaml;

#[cfg(test)]
mod shared;
#[cfg(test)]
mod testing;

pub use correlate::{Alert, Detector, Statistics};
pub use defaults::default_rules;
pub use describe::describe;
pub use diagnostic::{Code, Diagnostic, Severity};
pub use lint::lint;
pub use options::Options;
pub use reads::{ReadRule, Reads};
pub use record::Record;
pub use ruleset::{Matching, Rule, RuleId, RuleKind, Ruleset, Unknown};
pub use source::{LineColumn, MAX_FILE, SourceFile};
pub use subject::{OwnedSubject, Subject};

/// What loading gave.
#[derive(Debug)]
pub struct LoadReport {
    /// The rules; `None` when there was an error.
    pub ruleset: Option<Ruleset>,
    /// The unit tests among the items.
    pub tests: Vec<unit_test::Test>,
    /// Errors and warnings in the order in which they were found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads rule files in order, as Falco does with its `rules_files`.
#[must_use]
pub fn load(files: &[SourceFile]) -> LoadReport {
    load_with(files, &Options::default())
}

/// Loads rule files in order, and applies what a configuration says of rules.
#[must_use]
pub fn load_with(files: &[SourceFile], options: &Options) -> LoadReport {
    let mut diagnostics = Vec::new();
    let mut definitions = load::definitions(files, &mut diagnostics);
    options.define(&mut definitions);
    let ruleset = compile::compile(files, &definitions, &mut diagnostics);
    let tests = unit_test::tests(files, &definitions.tests, ruleset.as_ref(), &mut diagnostics);
    if let Some(ruleset) = &ruleset {
        load::check_actions(files, &definitions, ruleset, &mut diagnostics);
    }
    diagnostic::mark_cut(&mut diagnostics);
    let mut ruleset = ruleset.filter(|_| !diagnostics.iter().any(Diagnostic::is_error));
    if let Some(ruleset) = &mut ruleset {
        options.finish(ruleset);
    }
    LoadReport { ruleset, tests, diagnostics }
}
