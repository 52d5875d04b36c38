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
mod correlation;
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

use std::{collections::HashSet, rc::Rc};

use fargard_rules::{LineColumn, SourceFile, load, source::line_column, yaml as reader};

pub use convert::FalcoRule;
pub use correlation::{Correlation, Happening};
pub use problem::Problem;

use correlation::Known;

/// What an import gave.
#[derive(Debug, Default)]
pub struct Import {
    /// The rules that were converted, in the order of the files. Each loads without a warning.
    pub rules: Vec<FalcoRule>,
    /// The correlation rules that were converted.
    pub correlations: Vec<Correlation>,
    /// What was left out, and why.
    pub problems: Vec<Problem>,
}

/// Converts Sigma rules. Reading the files is the caller's work.
#[must_use]
pub fn import(files: &[SourceFile]) -> Import {
    let mut import = Import::default();
    let mut names = HashSet::new();
    let mut correlations = Vec::new();
    for file in files {
        let documents = match reader::documents(&file.text) {
            Ok(documents) => documents,
            Err(error) => {
                import.problems.push(Problem::new(file, &error.span, "YAML", error.message));
                continue;
            }
        };
        for document in documents.into_iter().filter(|document| !document.is_null()) {
            if correlation::is_correlation(&document) {
                correlations.push((file, document));
                continue;
            }
            match convert::rule(file, &document) {
                Ok(mut rule) => {
                    rule.name = convert::unique(&rule.name, &rule.id, &mut names);
                    let text = write::rules(std::slice::from_ref(&rule));
                    match checked(text, &rule.name, file, &document) {
                        Ok(()) => import.rules.push(rule),
                        Err(problem) => import.problems.push(*problem),
                    }
                }
                Err(problem) => import.problems.push(*problem),
            }
        }
    }
    import.correlate(&correlations, &mut names);
    import
}

impl Import {
    /// Converts correlations, which may name rules of any file. The rules they count alert on their own only where
    /// one of them says so.
    fn correlate(&mut self, documents: &[(&SourceFile, Rc<reader::Node>)], names: &mut HashSet<String>) {
        let (mut counted, mut generated) = (HashSet::new(), HashSet::new());
        let known = Known::new(&self.rules);
        for (file, document) in documents {
            let converted = correlation::correlation(file, document, &known).and_then(|mut converted| {
                converted.name = convert::unique(&converted.name, "", names);
                let wanted = converted.pattern.rules();
                let rules: Vec<FalcoRule> =
                    self.rules.iter().filter(|rule| wanted.contains(&rule.name.as_str())).cloned().collect();
                let text = write::rules(&rules) + &write::correlations(std::slice::from_ref(&converted));
                checked(text, &converted.name, file, document)?;
                Ok(converted)
            });
            match converted {
                Ok(converted) => {
                    let rules = converted.pattern.rules().into_iter().map(str::to_owned);
                    if correlation::generates(document) {
                        generated.extend(rules);
                    } else {
                        counted.extend(rules);
                    }
                    self.correlations.push(converted);
                }
                Err(problem) => self.problems.push(*problem),
            }
        }
        for rule in &mut self.rules {
            rule.enabled = generated.contains(&rule.name) || !counted.contains(&rule.name);
        }
    }
}

/// The rules as a rules file. Correlations stand behind the rules they name; Falco skips them with a warning.
#[must_use]
pub fn yaml(import: &Import) -> String {
    let rules = write::rules(&import.rules);
    let correlations = write::correlations(&import.correlations);
    if rules.is_empty() || correlations.is_empty() {
        rules + &correlations
    } else {
        rules + "\n" + &correlations
    }
}

/// Whether our own loader takes the text without a warning.
fn checked(text: String, name: &str, file: &SourceFile, document: &reader::Node) -> Result<(), Box<Problem>> {
    let loaded = load(&[SourceFile { name: "converted".to_owned(), text }]);
    match loaded.diagnostics.first() {
        None => Ok(()),
        Some(diagnostic) => {
            let reason = format!("the converted rule does not load: {}", diagnostic.message);
            Err(Box::new(Problem::new(file, &document.span, "rule", reason).of(name)))
        }
    }
}

/// Where some bytes of a file begin.
fn place(file: &SourceFile, span: &std::ops::Range<usize>) -> LineColumn {
    line_column(&file.text, span.start)
}
