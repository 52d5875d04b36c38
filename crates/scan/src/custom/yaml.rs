//! YAML as a tree of values with their places. Aliases, tags and merge keys are refused: a file of checks needs none.

use std::fmt;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

/// Most bytes of a file.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting.
const MAX_DEPTH: usize = 16;
/// Most values.
const MAX_NODES: usize = 200_000;

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A scalar; whether it stands without quotes.
    Text(String, bool),
    List(Vec<Node>),
    /// Names with their places, in the file's order.
    Map(Vec<(String, Place, Node)>),
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct CustomError {
    /// Where.
    pub at: Place,
    /// What, and what to do.
    pub message: String,
}

pub(super) fn error(at: Place, message: impl Into<String>) -> CustomError {
    CustomError { at, message: message.into() }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<(String, Place, Node)>, Option<(String, Place)>),
}

/// Reads a file of one document.
pub(super) fn parse(text: &str) -> Result<Node, CustomError> {
    let start = Place { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        return Err(error(start, format!("{} bytes; at most {MAX_BYTES} are read", text.len())));
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let (mut open, mut done, mut nodes): (Vec<Open>, Option<Node>, usize) = (Vec::new(), None, 0);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|found| {
            let marker = found.marker();
            error(
                Place { line: marker.line(), column: marker.col() + 1 },
                format!("not YAML: {}", found.info()),
            )
        })?;
        let at = place(&span);
        let finished = match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                Some(Node { at, value: Value::Text(text.into_owned(), style == ScalarStyle::Plain) })
            }
            Event::SequenceStart(_, anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                open.push(Open::List(at, Vec::new()));
                None
            }
            Event::MappingStart(_, anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                open.push(Open::Map(at, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(at, elements)) => Some(Node { at, value: Value::List(elements) }),
                Some(Open::Map(at, members, _)) => Some(Node { at, value: Value::Map(members) }),
                None => None,
            },
            Event::Alias(_) => {
                return Err(error(at, "aliases (*name) are not read here; write the value out"));
            }
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(error(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let Some(node) = finished else { continue };
        nodes += 1;
        if nodes > MAX_NODES {
            return Err(error(at, format!("more than {MAX_NODES} values")));
        }
        match open.last_mut() {
            None if done.is_some() => return Err(error(node.at, "more than one document; give one")),
            None => done = Some(node),
            Some(Open::List(_, elements)) => elements.push(node),
            Some(Open::Map(_, members, name)) => match name.take() {
                Some((text, at)) => members.push((text, at, node)),
                None => *name = Some(member(&node, members)?),
            },
        }
    }
    done.ok_or_else(|| error(start, "the file is empty"))
}

fn plain_only(at: Place, anchor: usize, tagged: bool) -> Result<(), CustomError> {
    if anchor != 0 || tagged {
        return Err(error(at, "anchors (&name) and tags (!name) are not read here"));
    }
    Ok(())
}

fn member(node: &Node, members: &[(String, Place, Node)]) -> Result<(String, Place), CustomError> {
    let Value::Text(name, _) = &node.value else {
        return Err(error(node.at, "a member's name must be a text"));
    };
    if members.iter().any(|(known, _, _)| known == name) {
        return Err(error(node.at, format!("member {name:?} is given twice")));
    }
    Ok((name.clone(), node.at))
}
