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
    /// Whether it alerts on its own; false where only correlations count it.
    pub enabled: bool,
    /// The Sigma rule's id.
    pub(crate) id: String,
    /// The name by which correlations may call it.
    pub(crate) alias: String,
    pub(crate) log_source: &'static LogSource,
}

/// A name that no other has, by the rule's id or a number.
pub(crate) fn unique(name: &str, id: &str, names: &mut HashSet<String>) -> String {
    let base =
        if names.contains(name) && !id.is_empty() { format!("{name} ({id})") } else { name.to_owned() };
    let mut found = base.clone();
    let mut number = 2;
    while !names.insert(found.clone()) {
        found = format!("{base} ({number})");
        number += 1;
    }
    found
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
        enabled: true,
        id: document.text("id").unwrap_or_default().to_owned(),
        alias: document.text("name").unwrap_or_default().to_owned(),
        log_source: source,
    })
}

/// Documents of Sigma that are no detection rules.
fn refuse_kinds(document: &Document<'_>) -> Result<(), Box<Problem>> {
    if let Some(filter) = document.node.get("filter") {
        let reason =
            "filters that change other rules are not converted; append to the converted rule's condition";
        return Err(document.problem(&filter.span, "filter", reason));
    }
    Ok(())
}
