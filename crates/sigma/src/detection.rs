//! A rule's detection as one condition in Falco's words.

use std::collections::HashMap;

use fargard_rules::{
    syntax::ast::Expr,
    yaml::{Content, Node},
};

use crate::{
    budget::Budget,
    condition::{self, Condition},
    document::Document,
    item::{Unsupported, item},
    logsource::LogSource,
    problem::Problem,
    test,
};

/// Keys of a detection that name no selection.
const RESERVED: [&str; 2] = ["condition", "timeframe"];

/// Converts the detection of a rule.
pub(crate) fn detection(document: &Document<'_>, source: &'static LogSource) -> Result<Expr, Box<Problem>> {
    let node = document.mapping("detection")?;
    if let Some(timeframe) = node.get("timeframe") {
        let reason = "it belongs to an aggregation; a correlation rule says the same";
        return Err(document.problem(&timeframe.span, "timeframe", reason));
    }
    let selections: Vec<(&str, &Node)> = node
        .entries()
        .unwrap_or_default()
        .iter()
        .filter_map(|(name, node)| Some((name.text()?, &**node)))
        .filter(|(name, _)| !RESERVED.contains(name))
        .collect();
    let mut builder =
        Builder { document, source, selections, done: HashMap::new(), budget: Budget::default() };
    let Some(condition) = node.get("condition") else {
        return Err(document.problem(&node.span, "condition", "the detection has none"));
    };
    match condition.items() {
        None => builder.text(condition),
        Some([]) => Err(document.problem(&condition.span, "condition", "the list is empty")),
        Some(items) => {
            let parts: Result<Vec<Expr>, _> = items.iter().map(|item| builder.text(item)).collect();
            test::join(parts?, false)
                .ok_or_else(|| document.problem(&condition.span, "condition", "the list is empty"))
        }
    }
}

struct Builder<'a> {
    document: &'a Document<'a>,
    source: &'static LogSource,
    selections: Vec<(&'a str, &'a Node)>,
    /// Selections as conditions, and how many comparisons they are.
    done: HashMap<&'a str, (Expr, usize)>,
    budget: Budget,
}

impl<'a> Builder<'a> {
    fn text(&mut self, node: &Node) -> Result<Expr, Box<Problem>> {
        let Some(text) = node.text() else {
            return Err(self.document.problem(&node.span, "condition", "a text is expected"));
        };
        let parsed = condition::parse(text).map_err(|error| {
            self.document.problem(&self.document.inside(node, &error.span), error.construct, error.reason)
        })?;
        self.condition(&parsed, node)
    }

    fn condition(&mut self, condition: &Condition, node: &Node) -> Result<Expr, Box<Problem>> {
        match condition {
            Condition::And(parts) => self.parts(parts, true, node),
            Condition::Or(parts) => self.parts(parts, false, node),
            Condition::Not(inner) => Ok(test::not(self.condition(inner, node)?)),
            Condition::Name(name, span) => {
                let found = self.selections.iter().find(|(selection, _)| selection == name).copied();
                let Some((name, selection)) = found else {
                    let span = self.document.inside(node, span);
                    return Err(self.document.problem(
                        &span,
                        "condition",
                        format!("there is no selection '{name}'"),
                    ));
                };
                self.selection(name, selection)
            }
            Condition::Of(all, pattern, span) => {
                let fits = |name: &str| match pattern {
                    Some(pattern) => condition::fits(pattern, name),
                    None => !name.starts_with('_'),
                };
                let chosen: Vec<(&str, &Node)> =
                    self.selections.iter().filter(|(name, _)| fits(name)).copied().collect();
                let parts: Result<Vec<Expr>, _> =
                    chosen.into_iter().map(|(name, selection)| self.selection(name, selection)).collect();
                test::join(parts?, *all).ok_or_else(|| {
                    let span = self.document.inside(node, span);
                    self.document.problem(&span, "condition", "no selection has such a name")
                })
            }
        }
    }

    fn parts(&mut self, parts: &[Condition], all: bool, node: &Node) -> Result<Expr, Box<Problem>> {
        let parts: Result<Vec<Expr>, _> = parts.iter().map(|part| self.condition(part, node)).collect();
        test::join(parts?, all)
            .ok_or_else(|| self.document.problem(&node.span, "condition", "there is nothing in it"))
    }

    /// A selection, which is put in wherever it is named.
    fn selection(&mut self, name: &'a str, node: &'a Node) -> Result<Expr, Box<Problem>> {
        if let Some((expr, tests)) = self.done.get(name) {
            let expr = expr.clone();
            self.budget.take(*tests).map_err(|reason| self.document.problem(&node.span, "size", reason))?;
            return Ok(expr);
        }
        let before = self.budget.left();
        let expr = self.content(node)?;
        self.done.insert(name, (expr.clone(), before - self.budget.left()));
        Ok(expr)
    }

    fn content(&mut self, node: &Node) -> Result<Expr, Box<Problem>> {
        match &node.content {
            Content::Mapping(entries) => {
                let mut parts = Vec::new();
                for (key, values) in entries {
                    let Some(text) = key.text() else {
                        return Err(self.document.problem(&key.span, "field", "a name is expected"));
                    };
                    parts.push(self.item(text, values, key)?);
                }
                self.some(parts, true, node)
            }
            Content::Sequence(items) => {
                let mut parts = Vec::new();
                for part in items {
                    parts.push(match &part.content {
                        Content::Sequence(_) => {
                            let reason = "a list in a list is not known";
                            return Err(self.document.problem(&part.span, "selection", reason));
                        }
                        _ => self.content(part)?,
                    });
                }
                self.some(parts, false, node)
            }
            Content::Scalar(..) => self.item("", node, node),
        }
    }

    fn item(&mut self, key: &str, values: &Node, at: &Node) -> Result<Expr, Box<Problem>> {
        item(key, values, self.source, &mut self.budget)
            .map_err(|(construct, reason): Unsupported| self.document.problem(&at.span, construct, reason))
    }

    fn some(&self, parts: Vec<Expr>, all: bool, node: &Node) -> Result<Expr, Box<Problem>> {
        test::join(parts, all).ok_or_else(|| self.document.problem(&node.span, "selection", "it is empty"))
    }
}
