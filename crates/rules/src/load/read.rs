//! Reads one item of a file and hands it to the definitions.

use std::{ops::Range, rc::Rc};

use super::{
    FileReader, Refused,
    apply::Definitions,
    item::{How, SimpleItem, Text},
    version::{ENGINE, PLUGINS, Version},
};
use crate::{
    diagnostic::{Code, Item},
    yaml::Node,
};

impl FileReader<'_> {
    /// One element of the file's sequence.
    pub(super) fn item(&mut self, node: &Rc<Node>, definitions: &mut Definitions) -> Result<(), Refused> {
        if node.entries().is_none() {
            let message = "unexpected element: each element must be a mapping";
            return Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message));
        }
        if let Some(version) = node.get("required_engine_version") {
            return self.engine_version(version);
        }
        if let Some(plugins) = node.get("required_plugin_versions") {
            return self.plugin_versions(plugins);
        }
        for kind in ["list", "macro", "rule"] {
            if let Some(name) = node.get(kind) {
                let Some(text) = name.text().filter(|text| !text.is_empty()) else {
                    let message = format!("the {kind} has no name");
                    return Err(self.refuse(Code::ErrYamlValidate, name.span.clone(), message));
                };
                let name = Text { text: text.to_owned(), place: self.place(&name.span) };
                let item = Item {
                    kind,
                    name: name.text.clone(),
                    file: self.file.name.clone(),
                    offset: node.span.start,
                };
                let read = match kind {
                    "list" => self.list(node, name, definitions),
                    "macro" => self.r#macro(node, name, definitions),
                    _ => self.rule(node, name, definitions),
                };
                return read.map_err(|refused| Box::new(refused.with_item(item)));
            }
        }
        if let Some(read) = self.extension(node, definitions) {
            return read;
        }
        let keys: Vec<_> =
            node.entries().unwrap_or_default().iter().filter_map(|(key, _)| key.text()).collect();
        let message = format!("unknown top-level item ({})", keys.join(", "));
        self.warn(Code::UnknownItem, node.span.clone(), message);
        Ok(())
    }

    fn engine_version(&self, node: &Node) -> Result<(), Refused> {
        let text = node.text().unwrap_or_default();
        let Some(required) = Version::parse(text, true) else {
            let message =
                format!("unable to parse the required engine version '{text}': expected N or A.B.C");
            return Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message));
        };
        if ENGINE.satisfies(required) {
            return Ok(());
        }
        let message =
            format!("the rules require engine version {required}, but this is engine version {ENGINE}");
        Err(self.refuse(Code::ErrValidate, node.span.clone(), message))
    }

    fn plugin_versions(&self, node: &Node) -> Result<(), Refused> {
        let invalid =
            |node: &Node, message: &str| self.refuse(Code::ErrYamlValidate, node.span.clone(), message);
        let items = node
            .items()
            .ok_or_else(|| invalid(node, "required_plugin_versions must be a list of name and version"))?;
        for item in items {
            let mut wanted = vec![item];
            wanted.extend(item.get("alternatives").and_then(|list| list.items()).unwrap_or_default());
            let mut names = Vec::new();
            let mut satisfied = false;
            for plugin in wanted {
                let name = plugin.get("name").and_then(|name| name.text());
                let version = plugin.get("version").and_then(|version| version.text());
                let (Some(name), Some(version)) = (name, version) else {
                    return Err(invalid(plugin, "a required plugin needs a name and a version"));
                };
                let required = Version::parse(version, false).ok_or_else(|| {
                    invalid(
                        plugin,
                        &format!("unable to parse the plugin version '{version}': expected A.B.C"),
                    )
                })?;
                satisfied |= PLUGINS.iter().any(|(own, has)| *own == name && has.satisfies(required));
                names.push(format!("{name} (>= {required})"));
            }
            if !satisfied {
                let message =
                    format!("plugin requirement not satisfied, must load one of: {}", names.join(", "));
                return Err(self.refuse(Code::ErrValidate, item.span.clone(), message));
            }
        }
        Ok(())
    }

    fn list(&mut self, node: &Node, name: Text, definitions: &mut Definitions) -> Result<(), Refused> {
        self.unknown_keys(node, &["list", "items", "append", "override"]);
        if !is_identifier(&name.text) {
            let message =
                format!("list has an invalid name '{}': names are letters, digits and '_'", name.text);
            self.warn(Code::InvalidListName, name.place.span.clone(), message);
        }
        let append = self.appends(node, "items")?;
        let items = self.required(node, "items")?;
        let Some(items) = items.items() else {
            return Err(self.refuse(Code::ErrYamlValidate, items.span.clone(), "items must be a sequence"));
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.scalar(item, "an item of a list must be a scalar")?);
        }
        definitions.list(SimpleItem { name, values, append }, self.file)
    }

    fn r#macro(&mut self, node: &Node, name: Text, definitions: &mut Definitions) -> Result<(), Refused> {
        self.unknown_keys(node, &["macro", "condition", "append", "override"]);
        if !is_identifier(&name.text) {
            let message =
                format!("macro has an invalid name '{}': names are letters, digits and '_'", name.text);
            self.warn(Code::InvalidMacroName, name.place.span.clone(), message);
        }
        let append = self.appends(node, "condition")?;
        let condition = self.required(node, "condition")?;
        let condition = self.scalar(&condition, "a condition must be text")?;
        definitions.r#macro(SimpleItem { name, values: vec![condition], append }, self.file)
    }

    /// Whether a list or macro is appended to an earlier one.
    fn appends(&mut self, node: &Node, key: &str) -> Result<bool, Refused> {
        let append = self.flag(node, "append")?.unwrap_or(false);
        let Some(over) = node.get("override") else { return Ok(append) };
        let overrides = self.overrides(over, &[key], &[key])?;
        if append {
            return Err(self.both(&over.span));
        }
        match overrides.get(key) {
            Some(How::Append) => Ok(true),
            Some(How::Replace) => Ok(false),
            None => {
                let message =
                    format!("unexpected key '{key}': no corresponding entry under 'override' is defined");
                Err(self.refuse(Code::ErrYamlValidate, over.span.clone(), message))
            }
        }
    }

    pub(super) fn both(&self, span: &Range<usize>) -> Refused {
        let message = "'override' and 'append: true' cannot be used together";
        let mut refused = self.refuse(Code::ErrYamlValidate, span.clone(), message);
        refused.help = Some("remove 'append' and name the appended keys under 'override'".into());
        refused
    }

    /// The `override` mapping: each key with what to do.
    pub(super) fn overrides(
        &self,
        node: &Node,
        append: &[&str],
        replace: &[&str],
    ) -> Result<std::collections::BTreeMap<String, How>, Refused> {
        let mut overrides = std::collections::BTreeMap::new();
        let Some(entries) = node.entries() else {
            let message = "override must be a mapping of keys to 'append' or 'replace'";
            return Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message));
        };
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            let (how, allowed) = match value.text() {
                Some("append") => (How::Append, append),
                Some("replace") => (How::Replace, replace),
                other => {
                    let message = format!(
                        "invalid override operation '{}': must be append or replace",
                        other.unwrap_or("null")
                    );
                    return Err(self.refuse(Code::ErrYamlValidate, value.span.clone(), message));
                }
            };
            if !allowed.contains(&name) {
                let verb = if how == How::Append { "appended to" } else { "replaced" };
                let message = format!("key '{name}' cannot be {verb}: use one of {}", allowed.join(", "));
                return Err(self.refuse(Code::ErrYamlValidate, key.span.clone(), message));
            }
            overrides.insert(name.to_owned(), how);
        }
        Ok(overrides)
    }

    /// A boolean, as YAML 1.1 spells it. `append: true` is deprecated.
    pub(super) fn flag(&mut self, node: &Node, key: &str) -> Result<Option<bool>, Refused> {
        let Some(value) = node.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        let truth = match text.as_str() {
            "true" | "yes" | "y" | "on" => true,
            "false" | "no" | "n" | "off" => false,
            _ => {
                let message = format!("can't decode YAML value for key '{key}': expected true or false");
                return Err(self.refuse(Code::ErrYamlValidate, value.span.clone(), message));
            }
        };
        if key == "append" && truth {
            let message = "'append' key is deprecated";
            let help = "add an 'append' entry (e.g. 'condition: append') under 'override' instead";
            self.warn_with_help(Code::DeprecatedItem, value.span.clone(), message, Some(help));
        }
        Ok(Some(truth))
    }

    pub(super) fn required(&self, node: &Node, key: &str) -> Result<Rc<Node>, Refused> {
        node.get(key).filter(|value| !value.is_null()).cloned().ok_or_else(|| {
            let message = format!("item has no mapping for key '{key}'");
            self.refuse(Code::ErrYamlValidate, node.span.start..node.span.start, message)
        })
    }

    pub(super) fn scalar(&self, node: &Node, message: &str) -> Result<Text, Refused> {
        // A null in a list is the word as written: `[null]` means "null" to Falco.
        match &node.content {
            crate::yaml::Content::Scalar(text, _) => {
                Ok(Text { text: text.clone(), place: self.place(&node.span) })
            }
            _ => Err(self.refuse(Code::ErrYamlValidate, node.span.clone(), message)),
        }
    }

    pub(super) fn unknown_keys(&mut self, node: &Node, known: &[&str]) {
        for (key, _) in node.entries().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                let message = format!("unknown key '{name}'; known are {}", known.join(", "));
                self.warn(Code::UnknownKey, key.span.clone(), message);
            }
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
