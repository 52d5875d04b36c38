//! Reads a rule item.

use std::rc::Rc;

use super::{
    FileReader, Refused,
    apply::Definitions,
    item::{Exception, ExceptionValue, How, OneOrMany, RuleItem, RuleMode, Text},
};
use crate::{
    diagnostic::Code,
    yaml::{Content, Node},
};

/// Keys that may be appended to.
const APPENDABLE: [&str; 5] = ["condition", "output", "desc", "tags", "exceptions"];
/// Keys that may be replaced.
const REPLACEABLE: [&str; 14] = [
    "condition",
    "output",
    "desc",
    "tags",
    "exceptions",
    "priority",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "dedup",
    "limit",
    "action",
];
const KNOWN: [&str; 18] = [
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "tags",
    "exceptions",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
    "append",
    "override",
    "dedup",
    "limit",
    "action",
];

impl FileReader<'_> {
    pub(super) fn rule(
        &mut self,
        node: &Node,
        name: Text,
        definitions: &mut Definitions,
    ) -> Result<(), Refused> {
        self.unknown_keys(node, &KNOWN);
        let append = self.flag(node, "append")?.unwrap_or(false);
        let mode = self.rule_mode(node, append)?;
        let item = RuleItem {
            condition: self.optional_text(node, "condition")?,
            output: self.optional_text(node, "output")?,
            description: self.optional_text(node, "desc")?,
            priority: self.priority(node)?,
            source: self.optional_text(node, "source")?.filter(|source| !source.text.is_empty()),
            tags: self.tags(node)?,
            enabled: self.flag(node, "enabled")?,
            warn_evttypes: self.flag(node, "warn_evttypes")?,
            skip_unknown: self.flag(node, "skip-if-unknown-filter")?,
            capture: self.flag(node, "capture")?,
            capture_duration: self.milliseconds(node, "capture_duration")?,
            exceptions: self.exceptions(node)?,
            folding: self.folding(node)?,
            action: self.action(node)?,
            name,
            mode,
        };
        if item.mode == RuleMode::Toggle {
            let message = "the standalone 'enabled' key usage is deprecated";
            let help = "add 'override: {enabled: replace}'";
            self.warn_with_help(Code::DeprecatedItem, node.span.clone(), message, Some(help));
        }
        if item.mode == RuleMode::Define {
            for key in ["condition", "output", "desc", "priority"] {
                self.required(node, key)?;
            }
        }
        definitions.rule(item, self)
    }

    fn rule_mode(&mut self, node: &Node, append: bool) -> Result<RuleMode, Refused> {
        if let Some(over) = node.get("override") {
            if append {
                return Err(self.both(&over.span));
            }
            let overrides = self.overrides(over, &APPENDABLE, &REPLACEABLE)?;
            self.each_overridden(node, over, &overrides)?;
            return Ok(RuleMode::Override(overrides));
        }
        if append {
            return Ok(RuleMode::Append);
        }
        let has = |key: &str| node.get(key).is_some();
        let defines = ["condition", "output", "desc", "priority"].into_iter().any(has);
        Ok(if has("enabled") && !defines { RuleMode::Toggle } else { RuleMode::Define })
    }

    /// Every overridden key stands in the item, and every key of the item is overridden.
    fn each_overridden(
        &self,
        node: &Node,
        over: &Node,
        overrides: &std::collections::BTreeMap<String, How>,
    ) -> Result<(), Refused> {
        for key in overrides.keys() {
            if node.get(key).is_none() {
                let message = format!("an override for '{key}' was specified but '{key}' is not defined");
                return Err(self.refuse(Code::ErrYamlValidate, over.span.clone(), message));
            }
        }
        for (key, _) in node.entries().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            let overridable = APPENDABLE.contains(&name) || REPLACEABLE.contains(&name);
            if overridable && !overrides.contains_key(name) {
                let message =
                    format!("unexpected key '{name}': no corresponding entry under 'override' is defined");
                return Err(self.refuse(Code::ErrYamlValidate, key.span.clone(), message));
            }
        }
        Ok(())
    }

    pub(super) fn optional_text(&self, node: &Node, key: &str) -> Result<Option<Text>, Refused> {
        match node.get(key).filter(|value| !value.is_null()) {
            Some(value) => self.scalar(value, &format!("'{key}' must be text")).map(Some),
            None => Ok(None),
        }
    }

    fn milliseconds(&self, node: &Node, key: &str) -> Result<Option<u64>, Refused> {
        let Some(text) = self.optional_text(node, key)? else { return Ok(None) };
        text.text.parse().map(Some).map_err(|_| {
            let message =
                format!("can't decode YAML value for key '{key}': expected a number, found '{}'", text.text);
            self.refuse(Code::ErrYamlValidate, text.place.span.clone(), message)
        })
    }

    pub(super) fn priority(&self, node: &Node) -> Result<Option<fargard_model::Priority>, Refused> {
        let Some(text) = self.optional_text(node, "priority")? else { return Ok(None) };
        text.text.parse().map(Some).map_err(|error| {
            self.refuse(Code::ErrYamlValidate, text.place.span.clone(), format!("invalid priority: {error}"))
        })
    }

    pub(super) fn tags(&self, node: &Node) -> Result<Option<Vec<String>>, Refused> {
        let Some(tags) = node.get("tags").filter(|tags| !tags.is_null()) else { return Ok(None) };
        self.strings(tags, "tags must be a list of words").map(Some)
    }

    fn strings(&self, node: &Node, message: &str) -> Result<Vec<String>, Refused> {
        let Some(items) = node.items() else {
            return Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message));
        };
        items.iter().map(|item| self.scalar(item, message).map(|text| text.text)).collect()
    }

    fn exceptions(&mut self, node: &Node) -> Result<Option<Vec<Exception>>, Refused> {
        let Some(list) = node.get("exceptions").filter(|list| !list.is_null()) else { return Ok(None) };
        let Some(items) = list.items() else {
            return Err(self.refuse(Code::ErrYamlValidate, list.span.clone(), "exceptions must be a list"));
        };
        let mut exceptions: Vec<Exception> = Vec::new();
        for item in items {
            let exception = self.exception(item)?;
            if exceptions.iter().any(|other| other.name == exception.name) {
                let message =
                    format!("multiple definitions of exception '{}' in the same rule", exception.name);
                self.warn(Code::ExceptionNameNotUnique, item.span.clone(), message);
            }
            exceptions.push(exception);
        }
        Ok(Some(exceptions))
    }

    fn exception(&self, node: &Rc<Node>) -> Result<Exception, Refused> {
        let name = self.required(node, "name")?;
        let name = self.scalar(&name, "an exception's name must be text")?.text;
        let values = match node.get("values").filter(|values| !values.is_null()) {
            None => None,
            Some(values) => {
                let message = "the values of an exception must be a list";
                let items = values
                    .items()
                    .ok_or_else(|| self.refuse(Code::ErrYamlValidate, values.span.clone(), message))?;
                Some(items.iter().map(|item| self.exception_value(item, 0)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Exception {
            name,
            place: self.place(&node.span),
            fields: self.one_or_many(node, "fields")?,
            comps: self.one_or_many(node, "comps")?,
            values,
        })
    }

    fn one_or_many(&self, node: &Node, key: &str) -> Result<Option<OneOrMany>, Refused> {
        let Some(value) = node.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
        Ok(Some(match value.text() {
            Some(text) => OneOrMany::One(text.trim().to_owned()),
            None => {
                let texts = self.strings(value, &format!("'{key}' must be a word or a list of words"))?;
                OneOrMany::Many(texts.iter().map(|text| text.trim().to_owned()).collect())
            }
        }))
    }

    fn exception_value(&self, node: &Node, depth: usize) -> Result<ExceptionValue, Refused> {
        match &node.content {
            Content::Scalar(text, _) => Ok(ExceptionValue::Text(text.clone())),
            Content::Sequence(items) if depth < 2 => {
                let values = items.iter().map(|item| self.exception_value(item, depth + 1));
                Ok(ExceptionValue::List(values.collect::<Result<_, _>>()?))
            }
            _ => {
                let message = "a value of an exception is a word, a list of words, or a list of those";
                Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message))
            }
        }
    }
}
