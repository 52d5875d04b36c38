//! A document of a Sigma file.

use std::ops::Range;

use fargard_rules::{SourceFile, yaml::Node};

use crate::problem::Problem;

/// A document with its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'a> {
    file: &'a SourceFile,
    /// The whole.
    pub(crate) node: &'a Node,
    /// What the rule is called.
    pub(crate) title: &'a str,
}

impl<'a> Document<'a> {
    /// Reads a document that has a title.
    pub(crate) fn new(file: &'a SourceFile, node: &'a Node) -> Result<Self, Box<Problem>> {
        let untitled = Self { file, node, title: "" };
        if node.entries().is_none() {
            return Err(untitled.problem(
                &node.span,
                "document",
                "a mapping with title, logsource and detection is expected",
            ));
        }
        match untitled.text("title").map(str::trim) {
            None | Some("") => Err(untitled.problem(&node.span, "title", "a rule needs a title")),
            Some(title) => Ok(Self { title, ..untitled }),
        }
    }

    /// A problem of this rule.
    pub(crate) fn problem(
        &self,
        span: &Range<usize>,
        construct: impl Into<String>,
        reason: impl Into<String>,
    ) -> Box<Problem> {
        Box::new(Problem::new(self.file, span, construct, reason).of(self.title))
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.node.get(key).and_then(|node| node.text())
    }

    /// The texts of a key that holds one or several.
    pub(crate) fn texts(&self, key: &str) -> Vec<&'a str> {
        let Some(node) = self.node.get(key) else { return Vec::new() };
        match node.items() {
            Some(items) => items.iter().filter_map(|item| item.text()).collect(),
            None => node.text().into_iter().collect(),
        }
    }

    /// A mapping, which is needed.
    pub(crate) fn mapping(&self, key: &str) -> Result<&'a Node, Box<Problem>> {
        match self.node.get(key) {
            Some(node) if node.entries().is_some() => Ok(node),
            Some(node) => Err(self.problem(&node.span, key, "a mapping is expected")),
            None => Err(self.problem(&self.node.span, key, "the rule has none")),
        }
    }

    /// Bytes of a scalar's text as bytes of the file, where it stands on one line without quotes; else all of it.
    pub(crate) fn inside(&self, node: &Node, span: &Range<usize>) -> Range<usize> {
        let raw = self.file.text.get(node.span.clone()).unwrap_or_default();
        let quote = usize::from(raw.starts_with(['\'', '"']));
        match node.text() {
            Some(text) if raw.get(quote..).is_some_and(|raw| raw.starts_with(text)) => {
                node.span.start + quote + span.start..node.span.start + quote + span.end
            }
            _ => node.span.clone(),
        }
    }
}
