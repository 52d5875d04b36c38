//! A document as a tree that knows which bytes each value stands in, the same for JSON and YAML.

use std::ops::Range;

use crate::json::{self, Position};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A scalar, or a list or mapping in brackets.
    Flow,
    /// A list or mapping by lines and indentation.
    Block,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Bytes of the document, without trailing space and line ends; with tag and anchor.
    pub(crate) span: Range<usize>,
    pub(crate) style: Style,
    pub(crate) value: Value,
    /// Other places of the document refer to the same bytes (YAML's aliases): changing it changes them.
    pub(crate) shared: bool,
}

/// A member of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The byte at which the name begins.
    pub(crate) start: usize,
    pub(crate) node: Node,
}

/// What a value is. Short forms of CloudFormation's functions (`!Ref X`) are mappings of one member (`Ref: X`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

impl Node {
    /// The member of that very name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.name == name)
    }

    /// The member's value, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.member(name).map(|member| &member.node).filter(|node| node.value != Value::Null)
    }

    pub(crate) fn members(&self) -> &[Member] {
        if let Value::Map(members) = &self.value { members } else { &[] }
    }

    pub(crate) fn elements(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// Name and argument, if this is a call of one of CloudFormation's functions.
    pub(crate) fn intrinsic(&self) -> Option<(&str, &Self)> {
        let [member] = self.members() else { return None };
        let is_function = member.name == "Ref" || member.name.starts_with("Fn::");
        is_function.then_some((&*member.name, &member.node))
    }

    /// What the value is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }
}

/// A JSON document as this tree.
pub(crate) fn from_json(node: &json::Node) -> Node {
    let value = match &node.value {
        json::Value::Null => Value::Null,
        json::Value::Bool(value) => Value::Bool(*value),
        json::Value::Number(text) => Value::Number(text.clone()),
        json::Value::Text(text) => Value::Text(text.clone()),
        json::Value::List(elements) => Value::List(elements.iter().map(from_json).collect()),
        json::Value::Object(members) => Value::Map(members.iter().map(member_from_json).collect()),
    };
    Node { span: node.span.clone(), style: Style::Flow, value, shared: false }
}

fn member_from_json(member: &json::Member) -> Member {
    Member { name: member.name.clone(), start: member.start, node: from_json(&member.node) }
}

/// Line and column of a byte.
pub(crate) fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).map_or(0, |part| part.chars().count()) + 1;
    Position { line, column }
}
