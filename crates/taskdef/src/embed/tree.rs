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

/// Bytes between two counts of characters.
const BLOCK: usize = 1024;

/// Finds line and column of a byte without reading the text from its beginning each time.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    bytes: &'a [u8],
    /// Bytes at which lines begin.
    lines: Vec<usize>,
    /// Characters before each block.
    blocks: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut count = 0;
        let blocks = bytes
            .chunks(BLOCK)
            .map(|block| {
                let before = count;
                count += characters(block);
                before
            })
            .collect();
        Self { bytes, lines, blocks }
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        Position { line, column: self.before(offset) - self.before(start) + 1 }
    }

    /// Characters before a byte.
    fn before(&self, offset: usize) -> usize {
        let Some(block) = self.blocks.get(offset / BLOCK) else { return characters(self.bytes) };
        block + self.bytes.get(offset / BLOCK * BLOCK..offset).map_or(0, characters)
    }
}

/// Characters that begin in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::json::Position;

    proptest::proptest! {
        #[test]
        fn places_are_those_that_counting_gives(text in "[a-zé\n\r\u{1f600}]{0,60}", repeat in 1_usize..80) {
            let text = text.repeat(repeat);
            let places = Places::of(&text);
            let mut at = Position { line: 1, column: 1 };
            for (offset, found) in text.char_indices() {
                proptest::prop_assert_eq!(places.position(offset), at);
                at = if found == '\n' {
                    Position { line: at.line + 1, column: 1 }
                } else {
                    Position { line: at.line, column: at.column + 1 }
                };
            }
            proptest::prop_assert_eq!(places.position(text.len()), at);
        }
    }
}
