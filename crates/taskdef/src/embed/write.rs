//! Values to be put into a document, as JSON (also what stands in brackets in YAML) or as YAML by lines.

use std::fmt::Write;

use super::tree::{Node, Value};

/// A list of scalars up to this many characters stays on one line.
const LINE: usize = 100;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum New {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl New {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Written on one line whatever its length.
    fn is_short(&self) -> bool {
        match self {
            Self::List(items) => items.iter().all(Self::is_scalar),
            Self::Map(members) => members.is_empty() || self.is_function(),
            _ => true,
        }
    }

    fn is_function(&self) -> bool {
        matches!(self, Self::Map(members)
            if matches!(members.as_slice(), [(name, _)] if name == "Ref" || name.starts_with("Fn::")))
    }
}

/// What stands in a document, calls of functions in their long form.
impl From<&Node> for New {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(text) => Self::Number(text.clone()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::List(elements) => Self::List(elements.iter().map(Self::from).collect()),
            Value::Map(members) => Self::Map(
                members.iter().map(|member| (member.name.clone(), Self::from(&member.node))).collect(),
            ),
        }
    }
}

/// How JSON is laid out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// What ends a line and how the next begins; `None` for everything on one line.
    pub(crate) line: Option<String>,
    /// One more level of indentation.
    pub(crate) unit: String,
    /// Between elements of a line.
    pub(crate) comma: &'static str,
    /// After a member's name.
    pub(crate) colon: &'static str,
}

impl Layout {
    fn deeper(&self) -> Self {
        Self { line: self.line.as_ref().map(|line| format!("{line}{}", self.unit)), ..self.clone() }
    }

    /// Between two elements.
    pub(crate) fn separator(&self) -> String {
        self.line.as_ref().map_or_else(|| self.comma.to_owned(), |line| format!(",{line}"))
    }
}

/// A string as JSON writes it, which is also a string in double quotes of YAML.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as JSON.
pub(crate) fn json(value: &New, layout: &Layout) -> String {
    let one_line = Layout { line: None, ..layout.clone() };
    match value {
        New::Null => "null".to_owned(),
        New::Bool(value) => value.to_string(),
        New::Number(text) => text.clone(),
        New::Text(text) => quoted(text),
        New::List(items) if value.is_short() || layout.line.is_none() => {
            let parts: Vec<String> = items.iter().map(|item| json(item, &one_line)).collect();
            let line = format!("[{}]", parts.join(layout.comma));
            if layout.line.is_some() && line.len() > LINE {
                bracketed("[", &parts, "]", layout)
            } else {
                line
            }
        }
        New::List(items) => {
            let deeper = layout.deeper();
            let parts: Vec<String> = items.iter().map(|item| json(item, &deeper)).collect();
            bracketed("[", &parts, "]", layout)
        }
        New::Map(members) => {
            let inner = if value.is_short() { one_line } else { layout.deeper() };
            let parts: Vec<String> = members
                .iter()
                .map(|(name, member)| format!("{}{}{}", quoted(name), layout.colon, json(member, &inner)))
                .collect();
            let line = layout.line.clone().filter(|_| !value.is_short());
            bracketed("{", &parts, "}", &Layout { line, ..layout.clone() })
        }
    }
}

fn bracketed(open: &str, parts: &[String], close: &str, layout: &Layout) -> String {
    match &layout.line {
        Some(line) if !parts.is_empty() => {
            let inner = format!("{line}{}", layout.unit);
            format!("{open}{inner}{}{line}{close}", parts.join(&format!(",{inner}")))
        }
        _ => format!("{open}{}{close}", parts.join(layout.comma)),
    }
}

/// The layout of what stands in brackets in YAML.
fn flow() -> Layout {
    Layout { line: None, unit: String::new(), comma: ", ", colon: ": " }
}

/// A member of a mapping by lines: its first line without indentation, further ones indented by at least `indent`.
pub(crate) fn yaml_member(name: &str, value: &New, indent: usize, newline: &str) -> String {
    let name = if is_plain(name) { name.to_owned() } else { quoted(name) };
    if value.is_short() {
        return format!("{name}: {}", yaml_line(value));
    }
    let deeper = indent + 2;
    let mut text = format!("{name}:");
    match value {
        New::List(items) => {
            for item in items {
                let _ = write!(text, "{newline}{:deeper$}{}", "", yaml_item(item, deeper, newline));
            }
        }
        New::Map(members) => {
            for (name, member) in members {
                let _ = write!(text, "{newline}{:deeper$}{}", "", yaml_member(name, member, deeper, newline));
            }
        }
        _ => {}
    }
    text
}

/// An item of a list by lines, with its dash at column `indent`.
pub(crate) fn yaml_item(value: &New, indent: usize, newline: &str) -> String {
    match value {
        New::Map(members) if !value.is_short() => {
            let deeper = indent + 2;
            let lines: Vec<String> =
                members.iter().map(|(name, member)| yaml_member(name, member, deeper, newline)).collect();
            format!("- {}", lines.join(&format!("{newline}{:deeper$}", "")))
        }
        _ => format!("- {}", yaml_line(value)),
    }
}

fn yaml_line(value: &New) -> String {
    match value {
        New::Text(text) if is_plain(text) => text.clone(),
        New::Map(members) => match members.as_slice() {
            [(name, New::Text(argument))] if name == "Ref" && is_reference(argument) => {
                format!("!Ref {argument}")
            }
            _ => json(value, &flow()),
        },
        _ => json(value, &flow()),
    }
}

/// What a parameter, resource or pseudo parameter may be called.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("AWS::").unwrap_or(text).bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !text.is_empty()
}

/// Whether YAML needs no quotes to take it for a string.
fn is_plain(text: &str) -> bool {
    const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}
