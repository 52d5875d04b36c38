//! The part of JSON schema that the schema of rule files needs, on YAML whose scalars have no types.

use serde_json::Value;

use super::MAX_WARNINGS;
use crate::{
    source::{SourceFile, line_column},
    yaml::Node,
};

/// Marks what Falco's schema does not know.
const OWN: &str = "x-fargard";

pub(super) fn document(schema: &Value, node: &Node, file: &SourceFile, warnings: &mut Vec<String>) {
    Validator { root: schema, file, warnings }.node(schema, node);
}

struct Validator<'a> {
    root: &'a Value,
    file: &'a SourceFile,
    warnings: &'a mut Vec<String>,
}

impl Validator<'_> {
    fn warn(&mut self, node: &Node, message: &str) {
        if self.warnings.len() < MAX_WARNINGS {
            let at = line_column(&self.file.text, node.span.start);
            self.warnings.push(format!("{}:{}:{}: {message}", self.file.name, at.line, at.column));
        }
    }

    /// Depth is bounded by that of the YAML: a reference leads to a schema that looks at the same node once.
    fn node(&mut self, schema: &Value, node: &Node) {
        let root = self.root;
        let schema = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| root.pointer(reference.trim_start_matches('#')))
            .unwrap_or(schema);
        if let Some(expected) = wrong_type(schema, node) {
            self.warn(node, &format!("expected {expected}"));
            return;
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.iter().any(|value| value.as_str() == node.text())
        {
            let allowed: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
            self.warn(node, &format!("expected one of {}", allowed.join(", ")));
        }
        if let Some(items) = schema.get("items") {
            for item in node.items().unwrap_or_default() {
                self.node(items, item);
            }
        }
        if let Some(properties) = schema.get("properties") {
            self.mapping(schema, properties, node);
        }
    }

    fn mapping(&mut self, schema: &Value, properties: &Value, node: &Node) {
        for (key, value) in node.entries().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            match properties.get(name).filter(|property| property.get(OWN).is_none()) {
                Some(property) => self.node(property, value),
                None => self.warn(key, &format!("unknown key '{name}'")),
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if node.get(key).is_none() {
                self.warn(node, &format!("key '{key}' is missing"));
            }
        }
        let least = schema.get("minProperties").and_then(Value::as_u64).unwrap_or_default();
        if (node.entries().unwrap_or_default().len() as u64) < least {
            self.warn(node, "nothing is named here");
        }
    }
}

/// The types a node should have, when it has none of them.
fn wrong_type(schema: &Value, node: &Node) -> Option<String> {
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    (!types.iter().any(|kind| is_of(kind, node))).then(|| types.join(" or "))
}

/// Whether a node can be read as that type. Falco's YAML reader gives scalars as text, so quotes make no difference.
fn is_of(kind: &str, node: &Node) -> bool {
    match kind {
        "array" => node.items().is_some(),
        "object" => node.entries().is_some(),
        "string" => node.text().is_some(),
        "boolean" => matches!(node.text(), Some("true" | "false")),
        "integer" => node.text().is_some_and(|text| text.parse::<i64>().is_ok()),
        "number" => node.text().is_some_and(|text| text.parse::<f64>().is_ok()),
        _ => false,
    }
}
