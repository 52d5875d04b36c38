//! Security checks of task definitions before they are deployed: what Security Hub's ECS controls, the CIS Docker benchmark
//! and the usual policy scanners ask of them, decided from a file's text.
//!
//! [`check`] reads what [`embed`](crate::embed) reads: ECS's own form (as registered or described), lists of containers as
//! Terraform has them, and CloudFormation templates, whose services, clusters and capacity providers are looked at too.
//! Parameters, mappings and conditions are followed as far as they are known; what is not is [`Undecided`], never
//! passed. What a check is called, how it is remedied and which standards ask for it stands with the other checks
//! (crate `scan`), under the same numbers.

mod catalogue;
mod container;
mod host;
mod image;
mod reader;
mod report;
mod secrets;
mod task;
mod template;
mod user;

use std::collections::BTreeMap;

pub use self::{
    catalogue::Check,
    report::{Report, Undecided, Unseen, Violation, Weight},
    secrets::{SecretFinder, Suspect},
};
use crate::embed::{EmbedError, ImageLookup, Settings, document::Document, opaque};
use reader::Reader;

/// What a check may know beside the file.
pub struct Knowledge<'k> {
    /// Values of a template's parameters, and of pseudo parameters as `AWS::Region`.
    pub parameters: BTreeMap<String, String>,
    /// Image configurations, for the user of a container that sets none. `&()` knows no image.
    pub images: &'k dyn ImageLookup,
    /// Who knows a secret when it sees one.
    pub secrets: &'k dyn SecretFinder,
}

impl std::fmt::Debug for Knowledge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knowledge").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

/// Makes all checks on a file.
///
/// # Errors
/// The text is no task definition and no template.
pub fn check(text: &str, knowledge: &Knowledge<'_>) -> Result<Report, EmbedError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = Document::open(text)?;
    let dialect = document.dialect(&knowledge.parameters);
    let reader = Reader::new(&document, &dialect);
    let mut report = Report::default();
    for definition in document.tasks()? {
        task::check(&reader, &definition, knowledge, &mut report);
    }
    if dialect.is_template() {
        template::check(&reader, &mut report);
    }
    for found in opaque::all(&document, &Settings::default()) {
        let at = document.position(found.node);
        report.unseen.push(Unseen { name: found.name, at, reason: found.skip.reason });
    }
    report.sort();
    Ok(report)
}
