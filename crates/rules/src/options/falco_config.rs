//! The part of Falco's configuration (`falco.yaml`) that says something of rules.

use std::rc::Rc;

use super::{AppendOutput, ExtraField, Options, Select, Selection};
use crate::{
    ruleset::Matching,
    source::{SourceFile, line_column},
    yaml::{self, Node},
};

/// Most bytes of a configuration.
pub const MAX_CONFIG: usize = 1 << 20;

/// What is wrong with a configuration: `falco.yaml:3:5: ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// File, line and column, counted from 1.
    pub place: String,
    /// What is wrong and what is right.
    pub message: String,
}

impl Options {
    /// Reads `rules`, `append_output`, `priority`, `rule_matching` and `static_fields`; names the other keys, which
    /// say nothing of rules. `${NAME}` stands for what `variable` gives, or nothing; `$${` for `${`.
    ///
    /// # Errors
    /// The file is no YAML mapping, or one of those keys is not as Falco documents it.
    pub fn of_falco_config(
        file: &SourceFile,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let reader = Reader { file, variable };
        let documents =
            yaml::documents(&file.text).map_err(|error| reader.error_at(error.span.start, error.message))?;
        let mut options = Self::default();
        let mut ignored = Vec::new();
        for document in documents.iter().filter(|document| !document.is_null()) {
            let entries = document
                .entries()
                .ok_or_else(|| reader.error(document, "a configuration is a mapping of keys to values"))?;
            for (key, value) in entries {
                match key.text().unwrap_or_default() {
                    _ if value.is_null() => {}
                    "rules" => options.selections = reader.selections(value)?,
                    "append_output" => options.append_output = reader.append_output(value)?,
                    "priority" => {
                        let text = reader.text(value)?;
                        let priority =
                            text.parse().map_err(|error| reader.error(value, &format!("{error}")))?;
                        options.minimum_priority = Some(priority);
                    }
                    "rule_matching" => options.matching = reader.matching(value)?,
                    "static_fields" => options.static_fields = reader.static_fields(value)?,
                    other => ignored.push(other.to_owned()),
                }
            }
        }
        Ok((options, ignored))
    }
}

/// A key with its value.
type Entry = (Rc<Node>, Rc<Node>);

struct Reader<'a, F> {
    file: &'a SourceFile,
    variable: F,
}

impl<F: Fn(&str) -> Option<String>> Reader<'_, F> {
    fn error(&self, node: &Node, message: &str) -> ConfigError {
        self.error_at(node.span.start, message.to_owned())
    }

    fn error_at(&self, offset: usize, message: String) -> ConfigError {
        let at = line_column(&self.file.text, offset);
        ConfigError { place: format!("{}:{}:{}", self.file.name, at.line, at.column), message }
    }

    /// A scalar with its variables put in.
    fn text(&self, node: &Node) -> Result<String, ConfigError> {
        let raw = node.text().ok_or_else(|| self.error(node, "expected text"))?;
        let mut text = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let Some(end) = from.find('}') else { break };
            match before.strip_suffix('$') {
                Some(before) => {
                    text.push_str(before);
                    text.push_str(from.get(..=end).unwrap_or_default());
                }
                None => {
                    text.push_str(before);
                    let name = from.get(2..end).unwrap_or_default();
                    text.push_str(&(self.variable)(name).unwrap_or_default());
                }
            }
            rest = from.get(end + 1..).unwrap_or_default();
        }
        text.push_str(rest);
        Ok(text)
    }

    fn items<'n>(&self, node: &'n Node) -> Result<&'n [Rc<Node>], ConfigError> {
        node.items().ok_or_else(|| self.error(node, "expected a list"))
    }

    fn entries<'n>(&self, node: &'n Node) -> Result<&'n [Entry], ConfigError> {
        node.entries().ok_or_else(|| self.error(node, "expected a mapping of keys to values"))
    }

    fn flag(&self, node: &Node) -> Result<bool, ConfigError> {
        match self.text(node)?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.error(node, "expected true or false")),
        }
    }

    fn selections(&self, node: &Node) -> Result<Vec<Selection>, ConfigError> {
        let mut selections = Vec::new();
        for item in self.items(node)? {
            for (key, value) in self.entries(item)? {
                let enable = match key.text() {
                    Some("enable") => true,
                    Some("disable") => false,
                    _ => return Err(self.error(key, "expected enable or disable")),
                };
                for (key, value) in self.entries(value)? {
                    let select = match key.text() {
                        Some("rule") => Select::Rule(self.text(value)?),
                        Some("tag") => Select::Tag(self.text(value)?),
                        _ => return Err(self.error(key, "expected rule (a name, * for any text) or tag")),
                    };
                    selections.push(Selection { enable, select });
                }
            }
        }
        Ok(selections)
    }

    fn append_output(&self, node: &Node) -> Result<Vec<AppendOutput>, ConfigError> {
        self.items(node)?.iter().map(|item| self.append(item)).collect()
    }

    fn append(&self, node: &Node) -> Result<AppendOutput, ConfigError> {
        let mut append = AppendOutput::default();
        for (key, value) in self.entries(node)? {
            match key.text().unwrap_or_default() {
                "match" => self.restrict(value, &mut append)?,
                "extra_output" => append.extra_output = Some(self.text(value)?),
                "extra_fields" => {
                    for item in self.items(value)? {
                        self.extra_field(item, &mut append.extra_fields)?;
                    }
                }
                "suggested_output" => append.suggested_output = self.flag(value)?,
                _ => {
                    let message = "expected match, extra_output, extra_fields or suggested_output";
                    return Err(self.error(key, message));
                }
            }
        }
        Ok(append)
    }

    fn restrict(&self, node: &Node, append: &mut AppendOutput) -> Result<(), ConfigError> {
        for (key, value) in self.entries(node)? {
            match key.text().unwrap_or_default() {
                "rule" => append.rule = Some(self.text(value)?),
                "source" => append.source = Some(self.text(value)?),
                "tags" => {
                    append.tags =
                        self.items(value)?.iter().map(|tag| self.text(tag)).collect::<Result<_, _>>()?;
                }
                _ => return Err(self.error(key, "expected rule, source or tags")),
            }
        }
        Ok(())
    }

    /// A field's name, or a name with a text that may hold fields.
    fn extra_field(&self, node: &Node, fields: &mut Vec<ExtraField>) -> Result<(), ConfigError> {
        let Some(entries) = node.entries() else {
            let name = self.text(node)?;
            fields.push(ExtraField { format: format!("%{name}"), name, raw: true });
            return Ok(());
        };
        for (key, value) in entries {
            fields.push(ExtraField { name: self.text(key)?, format: self.text(value)?, raw: false });
        }
        Ok(())
    }

    fn matching(&self, node: &Node) -> Result<Matching, ConfigError> {
        match self.text(node)?.as_str() {
            "first" => Ok(Matching::First),
            "all" => Ok(Matching::All),
            _ => Err(self.error(node, "expected first or all")),
        }
    }

    fn static_fields(&self, node: &Node) -> Result<std::collections::BTreeMap<String, String>, ConfigError> {
        let mut fields = std::collections::BTreeMap::new();
        for (key, value) in self.entries(node)? {
            let (name, text) = (self.text(key)?, self.text(value)?);
            let is_name = name.starts_with(|char: char| char.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(
                    self.error(key, "the name of a static field is letters, digits and '_', a letter first")
                );
            }
            if text.contains('%') {
                return Err(
                    self.error(value, "a static field's value holds no '%', which begins a field in outputs")
                );
            }
            fields.insert(name, text);
        }
        Ok(fields)
    }
}
