//! Correlation rules as `threshold` and `sequence` items.

use std::collections::HashMap;

use fargard_model::Priority;
use fargard_rules::{SourceFile, yaml::Node};

use crate::{
    convert::FalcoRule,
    describe,
    document::Document,
    logsource::{Kind, LogSource},
    problem::Problem,
};

/// Most steps of a sequence and most events or values that a threshold counts, as our format has them.
const MAX_STEPS: usize = 8;
const MAX_COUNT: u32 = 10_000;
const MAX_DISTINCT: u32 = 1_000;

/// A converted correlation rule.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// The title; unique within an import.
    pub name: String,
    /// As a rule's.
    pub description: String,
    /// The output.
    pub output: String,
    /// The level.
    pub priority: Priority,
    /// The tags in Falco's style.
    pub tags: Vec<String>,
    /// Falco's source; `None` for system calls.
    pub source: Option<&'static str>,
    /// Fields whose values must be the same.
    pub by: Vec<String>,
    /// The time within which it must happen, as `5m`.
    pub within: String,
    /// What must happen.
    pub pattern: Happening,
}

/// What must happen.
#[derive(Clone, Debug)]
pub enum Happening {
    /// These rules match in this order.
    Sequence(Vec<String>),
    /// This rule matches so many times.
    Count(String, u32),
    /// This rule matches with so many values of a field.
    Distinct(String, String, u32),
}

impl Happening {
    /// Names of the rules.
    pub(crate) fn rules(&self) -> Vec<&str> {
        match self {
            Self::Sequence(rules) => rules.iter().map(String::as_str).collect(),
            Self::Count(rule, _) | Self::Distinct(rule, ..) => vec![rule],
        }
    }
}

/// The rules of an import by the names and ids under which correlations may call them.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    rules: HashMap<&'a str, &'a FalcoRule>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(rules: &'a [FalcoRule]) -> Self {
        let mut known = Self::default();
        for rule in rules {
            for name in [rule.id.as_str(), rule.alias.as_str(), rule.name.as_str()] {
                if !name.is_empty() {
                    known.rules.entry(name).or_insert(rule);
                }
            }
        }
        known
    }
}

/// Whether the document is a correlation rule.
pub(crate) fn is_correlation(node: &Node) -> bool {
    node.get("correlation").is_some()
}

/// Whether the rules it names alert on their own too.
pub(crate) fn generates(node: &Node) -> bool {
    let correlation = node.get("correlation");
    correlation.and_then(|node| node.get("generate")).and_then(|node| node.text()) == Some("true")
}

/// Converts a correlation rule.
pub(crate) fn correlation(
    file: &SourceFile,
    node: &Node,
    known: &Known<'_>,
) -> Result<Correlation, Box<Problem>> {
    let document = Document::new(file, node)?;
    let parts = Parts { document: &document, node: document.mapping("correlation")? };
    let (kind, at) = parts.text("type")?;
    if !matches!(kind, "event_count" | "value_count" | "temporal_ordered") {
        let reason = match kind {
            "temporal" => "a sequence has an order; temporal_ordered is converted",
            _ => "only event_count, value_count and temporal_ordered are converted",
        };
        return Err(document.problem(&at.span, format!("correlation {kind}"), reason));
    }
    if let Some(aliases) = parts.node.get("aliases") {
        let reason = "the key of a correlation is one field here";
        return Err(document.problem(&aliases.span, "correlation aliases", reason));
    }
    let rules = parts.rules(known)?;
    let source = parts.source(&rules)?;
    let by =
        parts.list("group-by").into_iter().map(|node| parts.field(source, node)).collect::<Result<_, _>>()?;
    let pattern = if kind == "temporal_ordered" {
        if !(2..=MAX_STEPS).contains(&rules.len()) {
            let reason = format!("it names {} rules; a sequence has 2 to {MAX_STEPS} steps", rules.len());
            return Err(document.problem(&at.span, "correlation rules", reason));
        }
        Happening::Sequence(rules.iter().map(|rule| rule.name.clone()).collect())
    } else {
        parts.threshold(kind, &rules, source)?
    };
    Ok(Correlation {
        name: describe::one_line(document.title),
        description: describe::description(&document),
        output: describe::output(&document, source),
        priority: describe::priority(&document)?,
        tags: describe::tags(&document),
        source: source.source,
        by,
        within: parts.timespan()?,
        pattern,
    })
}

struct Parts<'a> {
    document: &'a Document<'a>,
    node: &'a Node,
}

impl<'a> Parts<'a> {
    fn text(&self, key: &str) -> Result<(&'a str, &'a Node), Box<Problem>> {
        let construct = format!("correlation {key}");
        let Some(node) = self.node.get(key) else {
            return Err(self.document.problem(&self.node.span, construct, "there is none"));
        };
        node.text()
            .map(|text| (text, &**node))
            .ok_or_else(|| self.document.problem(&node.span, construct, "a text is expected"))
    }

    /// The items of a key that holds one or several.
    fn list(&self, key: &str) -> Vec<&'a Node> {
        match self.node.get(key) {
            Some(node) => {
                node.items().map_or_else(|| vec![&**node], |items| items.iter().map(|item| &**item).collect())
            }
            None => Vec::new(),
        }
    }

    fn rules<'k>(&self, known: &Known<'k>) -> Result<Vec<&'k FalcoRule>, Box<Problem>> {
        let mut rules = Vec::new();
        for node in self.list("rules") {
            let name = node.text().unwrap_or_default();
            let rule = known.rules.get(name).copied().ok_or_else(|| {
                let reason = "no rule of that name or id was converted before";
                self.document.problem(&node.span, format!("correlation rule '{name}'"), reason)
            })?;
            rules.push(rule);
        }
        Ok(rules)
    }

    /// The log source of the rules: one for all.
    fn source(&self, rules: &[&FalcoRule]) -> Result<&'static LogSource, Box<Problem>> {
        let refuse = |reason: &str| self.document.problem(&self.node.span, "correlation rules", reason);
        let first = rules.first().ok_or_else(|| refuse("there is none"))?;
        if rules.iter().any(|rule| rule.source != first.source) {
            return Err(refuse("its rules are of different sources"));
        }
        Ok(first.log_source)
    }

    fn field(&self, source: &LogSource, node: &Node) -> Result<String, Box<Problem>> {
        let name = node.text().unwrap_or_default();
        match source.field(name) {
            Ok(field) if field.kind != Kind::Initiated => Ok(field.field.to_string()),
            Ok(_) => {
                Err(self.document.problem(&node.span, format!("field {name}"), "it has no value of its own"))
            }
            Err(reason) => Err(self.document.problem(&node.span, format!("field {name}"), reason)),
        }
    }

    fn threshold(
        &self,
        kind: &str,
        rules: &[&FalcoRule],
        source: &LogSource,
    ) -> Result<Happening, Box<Problem>> {
        let [rule] = rules else {
            let reason = "a threshold counts what one rule matches";
            return Err(self.document.problem(&self.node.span, "correlation rules", reason));
        };
        let Some(condition) = self.node.get("condition") else {
            return Err(self.document.problem(&self.node.span, "correlation condition", "there is none"));
        };
        let refuse = |reason: String| self.document.problem(&condition.span, "correlation condition", reason);
        let number = |key: &str| condition.get(key).and_then(|node| node.text()).map(str::parse::<u32>);
        let entries = condition.entries().unwrap_or_default();
        let known = |key: &str| ["gte", "gt", "field"].contains(&key);
        if !entries.iter().all(|(key, _)| key.text().is_some_and(known)) {
            return Err(refuse(
                "only gte and gt are converted: a threshold alerts when it is reached".to_owned(),
            ));
        }
        let count = match (number("gte"), number("gt")) {
            (Some(Ok(count)), None) => count,
            (None, Some(Ok(count))) => count.saturating_add(1),
            _ => return Err(refuse("one of gte and gt with a whole number is expected".to_owned())),
        };
        let most = if kind == "value_count" { MAX_DISTINCT } else { MAX_COUNT };
        if !(2..=most).contains(&count) {
            return Err(refuse(format!("a threshold counts from 2 to {most}")));
        }
        if kind == "event_count" {
            return Ok(Happening::Count(rule.name.clone(), count));
        }
        let Some(field) = condition.get("field") else {
            return Err(refuse("value_count needs a field".to_owned()));
        };
        Ok(Happening::Distinct(rule.name.clone(), self.field(source, field)?, count))
    }

    /// Sigma's `1w` as days; months and years are longer than anything is remembered.
    fn timespan(&self) -> Result<String, Box<Problem>> {
        let (text, node) = self.text("timespan")?;
        let refuse = |reason: &str| self.document.problem(&node.span, format!("timespan {text}"), reason);
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
        let number: u32 = number.parse().map_err(|_| refuse("a number with s, m, h, d or w is expected"))?;
        match unit {
            "s" | "m" | "h" | "d" => Ok(format!("{number}{unit}")),
            "w" => Ok(format!("{}d", u64::from(number) * 7)),
            _ => Err(refuse("a number with s, m, h, d or w is expected")),
        }
    }
}
