//! `sequence` and `threshold` items.

use std::{collections::BTreeMap, rc::Rc};

use fargard_model::Priority;

use super::{
    super::{
        FileReader, Refused,
        apply::Definitions,
        condition::Condition,
        item::{How, Text},
    },
    folding::FoldingDef,
};
use crate::{options::ExtraField, yaml::Node};

/// Most steps of a sequence: each costs state for each key.
const MAX_STEPS: usize = 8;
/// Most events that a threshold counts for a key.
const MAX_COUNT: u32 = 10_000;
/// Most distinct values that it compares each new one with.
const MAX_DISTINCT: u32 = 1_000;

/// Keys that a later item of the name may replace.
const REPLACEABLE: [&str; 8] = ["enabled", "priority", "desc", "output", "tags", "within", "dedup", "limit"];

/// What a part of a correlation waits for.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// What the rule of that name matches, whether it is enabled or not.
    Rule(Text),
    Condition(Condition),
}

/// One step, or what ends a sequence, or what a threshold counts.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) wanted: Wanted,
    /// Its own key; the correlation's where it has none.
    pub(crate) by: Option<Vec<Text>>,
}

/// What is special to each kind.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Sequence { steps: Vec<Part>, until: Option<Part> },
    Threshold { of: Part, count: u32, distinct: Option<Text> },
}

/// A sequence or threshold as defined.
#[derive(Clone, Debug)]
pub(crate) struct CorrelationDef {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) by: Vec<Text>,
    /// Nanoseconds.
    pub(crate) within: u64,
    pub(crate) output: Text,
    pub(crate) description: String,
    pub(crate) priority: Priority,
    pub(crate) tags: Vec<String>,
    pub(crate) source: Option<Text>,
    pub(crate) enabled: bool,
    pub(crate) folding: FoldingDef,
    /// Fields that options add to alerts.
    pub(crate) extra_fields: Vec<ExtraField>,
}

impl FileReader<'_> {
    pub(super) fn correlation(
        &mut self,
        kind: &'static str,
        node: &Rc<Node>,
        name: Text,
        definitions: &mut Definitions,
    ) -> Result<(), Refused> {
        let mut known = vec![
            kind, "desc", "priority", "tags", "source", "by", "within", "output", "enabled", "dedup", "limit",
        ];
        known.extend(match kind {
            "sequence" => &["steps", "until", "override"][..],
            _ => &["of", "count", "distinct", "override"][..],
        });
        self.unknown_keys(node, &known);
        if let Some(over) = node.get("override") {
            let overrides = self.overrides(over, &[], &REPLACEABLE)?;
            return self.change_correlation(node, &name, &overrides, definitions);
        }
        let within = self.duration(&*self.required(node, "within")?, "within")?;
        let output = self.scalar(&*self.required(node, "output")?, "'output' must be text")?;
        self.required(node, "priority")?;
        self.required(node, "desc")?;
        let kind = match kind {
            "sequence" => self.sequence(node)?,
            _ => self.threshold(node)?,
        };
        let definition = CorrelationDef {
            kind,
            by: self.by(node)?,
            within,
            output,
            description: self.optional_text(node, "desc")?.map(|text| text.text).unwrap_or_default(),
            priority: self.priority(node)?.unwrap_or(Priority::Notice),
            tags: self.tags(node)?.unwrap_or_default(),
            source: self.optional_text(node, "source")?,
            enabled: self.flag(node, "enabled")?.unwrap_or(true),
            folding: self.folding(node)?,
            extra_fields: Vec::new(),
            name,
        };
        let earlier =
            definitions.correlations.iter_mut().find(|other| other.name.text == definition.name.text);
        match earlier {
            Some(earlier) => *earlier = definition,
            None => definitions.correlations.push(definition),
        }
        Ok(())
    }

    fn change_correlation(
        &mut self,
        node: &Node,
        name: &Text,
        overrides: &BTreeMap<String, How>,
        definitions: &mut Definitions,
    ) -> Result<(), Refused> {
        for key in REPLACEABLE {
            if node.get(key).is_some() != overrides.contains_key(key) {
                let message = format!("'{key}' must stand both in the item and under 'override'");
                return Err(self.refuse_extension(node, message));
            }
        }
        let definition = definitions.correlations.iter_mut().find(|other| other.name.text == name.text);
        let Some(definition) = definition else {
            let message = format!("'{}' is overridden but not defined before", name.text);
            return Err(self.refuse_extension(node, message));
        };
        definition.enabled = self.flag(node, "enabled")?.unwrap_or(definition.enabled);
        definition.priority = self.priority(node)?.unwrap_or(definition.priority);
        if let Some(text) = self.optional_text(node, "desc")? {
            definition.description = text.text;
        }
        if let Some(output) = self.optional_text(node, "output")? {
            definition.output = output;
        }
        if let Some(tags) = self.tags(node)? {
            definition.tags = tags;
        }
        if let Some(within) = node.get("within") {
            definition.within = self.duration(within, "within")?;
        }
        definition.folding.replaced_by(self.folding(node)?);
        Ok(())
    }

    fn sequence(&mut self, node: &Node) -> Result<Kind, Refused> {
        let list = self.required(node, "steps")?;
        let items = list.items().unwrap_or_default();
        if !(2..=MAX_STEPS).contains(&items.len()) {
            let message = format!("'steps' must be a list of 2 to {MAX_STEPS} steps");
            return Err(self.refuse_extension(&list, message));
        }
        let steps = items.iter().map(|item| self.part(item)).collect::<Result<_, _>>()?;
        let until = node.get("until").filter(|until| !until.is_null()).cloned();
        let until = until.map(|until| self.until(&until)).transpose()?;
        Ok(Kind::Sequence { steps, until })
    }

    /// What ends a sequence: a condition, also written as text.
    fn until(&mut self, node: &Node) -> Result<Part, Refused> {
        if node.entries().is_some() {
            return self.part(node);
        }
        let text = self.scalar(node, "'until' must be a condition, or a mapping as a step is")?;
        Ok(Part { wanted: Wanted::Condition(Condition::new(text)), by: None })
    }

    fn threshold(&mut self, node: &Node) -> Result<Kind, Refused> {
        let of = self.part(&*self.required(node, "of")?)?;
        match (node.get("count"), node.get("distinct")) {
            (Some(count), None) => {
                Ok(Kind::Threshold { of, count: self.number(count, "count", 2, MAX_COUNT)?, distinct: None })
            }
            (None, Some(distinct)) => {
                self.unknown_keys(distinct, &["field", "count"]);
                let field = self.scalar(&*self.required(distinct, "field")?, "'field' must be a field")?;
                let count = self.required(distinct, "count")?;
                let count = self.number(&count, "count", 2, MAX_DISTINCT)?;
                Ok(Kind::Threshold { of, count, distinct: Some(field) })
            }
            _ => {
                let message = "a threshold needs either 'count: N' or 'distinct: {field: F, count: N}'";
                Err(self.refuse_extension(node, message))
            }
        }
    }

    /// A rule's name, or a mapping with `rule` or `condition` and perhaps a key of its own.
    fn part(&mut self, node: &Node) -> Result<Part, Refused> {
        let message =
            "a step is the name of a rule, or a mapping with 'rule' or 'condition', and perhaps 'by'";
        if node.entries().is_none() {
            let name = self.scalar(node, message)?;
            return Ok(Part { wanted: Wanted::Rule(name), by: None });
        }
        self.unknown_keys(node, &["rule", "condition", "by"]);
        let wanted = match (self.optional_text(node, "rule")?, self.optional_text(node, "condition")?) {
            (Some(rule), None) => Wanted::Rule(rule),
            (None, Some(condition)) => Wanted::Condition(Condition::new(condition)),
            _ => return Err(self.refuse_extension(node, message)),
        };
        let by = node.get("by").is_some().then(|| self.by(node)).transpose()?;
        Ok(Part { wanted, by })
    }
}
