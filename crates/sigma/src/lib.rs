//! Sigma rules as Falco rules: [`import`] converts rules for CloudTrail and for Linux processes, files and
//! connections; what it cannot convert exactly it names ([`Problem`]) and leaves out. [`yaml`] writes the result
//! as a rules file.
//!
//! The words are those of the Sigma specification 2.1: a rule's `detection` holds named *selections* and a
//! *condition* over them; a selection compares fields, with *modifiers* behind the field's name.

mod budget;
mod cidr;
mod condition;
mod convert;
mod describe;
mod detection;
mod document;
mod encode;
mod item;
mod logsource;
mod pattern;
mod problem;
mod regex;
mod test;
mod write;

use fargard_rules::{LineColumn, SourceFile, load, source::line_column, yaml as reader};

pub use convert::FalcoRule;
pub use problem::Problem;
pub use write::yaml;

/// What an import gave.
#[derive(Debug, Default)]
pub struct Import {
    /// The rules that were converted, in the order of the files. Each loads without a warning.
    pub rules: Vec<FalcoRule>,
    /// What was left out, and why.
    pub problems: Vec<Problem>,
}

/// Converts Sigma rules. Reading the files is the caller's work.
#[must_use]
pub fn import(files: &[SourceFile]) -> Import {
    let mut import = Import::default();
    let mut names = std::collections::HashSet::new();
    for file in files {
        match reader::documents(&file.text) {
            Ok(documents) => {
                for document in documents.iter().filter(|document| !document.is_null()) {
                    match convert::rule(file, document).and_then(|rule| checked(rule, file, document)) {
                        Ok(mut rule) => {
                            rule.make_unique(&mut names);
                            import.rules.push(rule);
                        }
                        Err(problem) => import.problems.push(*problem),
                    }
                }
            }
            Err(error) => import.problems.push(Problem::new(file, &error.span, "YAML", error.message)),
        }
    }
    import
}

/// The rule, if our own loader takes it without a warning.
fn checked(rule: FalcoRule, file: &SourceFile, document: &reader::Node) -> Result<FalcoRule, Box<Problem>> {
    let text = yaml(std::slice::from_ref(&rule));
    let loaded = load(&[SourceFile { name: "converted".to_owned(), text }]);
    match loaded.diagnostics.first() {
        None => Ok(rule),
        Some(diagnostic) => {
            let reason = format!("the converted rule does not load: {}", diagnostic.message);
            Err(Box::new(Problem::new(file, &document.span, "rule", reason).of(&rule.name)))
        }
    }
}

/// Where some bytes of a file begin.
fn place(file: &SourceFile, span: &std::ops::Range<usize>) -> LineColumn {
    line_column(&file.text, span.start)
}
