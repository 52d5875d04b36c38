//! From a Sigma rule to a Falco rule.

use std::collections::HashSet;

use fargard_model::Priority;
use fargard_rules::{SourceFile, syntax, syntax::ast::Expr, yaml::Node};

use crate::{
    describe, detection::detection, document::Document, logsource::LogSource, problem::Problem, test,
};

/// A converted rule.
#[derive(Clone, Debug)]
pub struct FalcoRule {
    /// The Sigma rule's title; unique within an import.
    pub name: String,
    /// Description, false positives, references, author and what else identifies the Sigma rule.
    pub description: String,
    /// The condition.
    pub condition: Expr,
    /// The output.
    pub output: String,
    /// The Sigma rule's level.
    pub priority: Priority,
    /// The Sigma rule's tags in Falco's style.
    pub tags: Vec<String>,
    /// Falco's source; `None` for system calls.
    pub source: Option<&'static str>,
    /// The Sigma rule's id.
    id: String,
}

impl FalcoRule {
    /// Gives the rule a name that no other has, by its id or a number.
    pub(crate) fn make_unique(&mut self, names: &mut HashSet<String>) {
        if names.contains(&self.name) && !self.id.is_empty() {
            self.name = format!("{} ({})", self.name, self.id);
        }
        let base = self.name.clone();
        let mut number = 2;
        while !names.insert(self.name.clone()) {
            self.name = format!("{base} ({number})");
            number += 1;
        }
    }
}

/// Converts one document.
pub(crate) fn rule(file: &SourceFile, node: &Node) -> Result<FalcoRule, Box<Problem>> {
    if let Some(action) = node.get("action") {
        let reason = "collections of this kind were removed from Sigma";
        return Err(Box::new(Problem::new(file, &action.span, "action", reason)));
    }
    let document = Document::new(file, node)?;
    refuse_kinds(&document)?;
    let logsource = document.mapping("logsource")?;
    let part = |key: &str| logsource.get(key).and_then(|node| node.text()).unwrap_or_default();
    let (product, category, service) = (part("product"), part("category"), part("service"));
    let source = LogSource::of(product, category, service).map_err(|reason| {
        let words: Vec<&str> =
            [product, category, service].into_iter().filter(|word| !word.is_empty()).collect();
        document.problem(&logsource.span, format!("log source {}", words.join("/")), reason)
    })?;
    let mut parts = Vec::new();
    if let Some(base) = source.base {
        let parsed = syntax::parse(base)
            .map_err(|error| document.problem(&logsource.span, "log source", error.message))?;
        parts.push(parsed);
    }
    parts.push(detection(&document, source)?);
    let condition = test::join(parts, true)
        .ok_or_else(|| document.problem(&node.span, "detection", "there is nothing in it"))?;
    Ok(FalcoRule {
        name: describe::one_line(document.title),
        description: describe::description(&document),
        condition,
        output: describe::output(&document, source),
        priority: describe::priority(&document)?,
        tags: describe::tags(&document),
        source: source.source,
        id: document.text("id").unwrap_or_default().to_owned(),
    })
}

/// Documents of Sigma that are no detection rules.
fn refuse_kinds(document: &Document<'_>) -> Result<(), Box<Problem>> {
    if let Some(correlation) = document.node.get("correlation") {
        let kind = correlation.get("type").and_then(|node| node.text()).unwrap_or("without a type");
        let reason = "correlations are not converted; write a sequence or threshold item";
        return Err(document.problem(&correlation.span, format!("correlation {kind}"), reason));
    }
    if let Some(filter) = document.node.get("filter") {
        let reason =
            "filters that change other rules are not converted; append to the converted rule's condition";
        return Err(document.problem(&filter.span, "filter", reason));
    }
    Ok(())
}
