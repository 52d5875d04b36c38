//! Outputs of sequences and thresholds: fields of the last event, `%step1.FIELD` of an earlier one, and
//! `%correlation.*` of what was found.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::key::Key;
use crate::{
    Subject,
    compile::{Output, OutputError},
    fields::ResolvedField,
};

/// Longest value kept of an earlier step.
const MAX_VALUE: usize = 256;
/// What begins the name of our own fields.
const CLASS: &str = "correlation.";

/// An output, ready to be filled.
#[derive(Debug)]
pub(crate) struct CorrelationOutput {
    pieces: Vec<Piece>,
    /// For each step the fields that are read when it is taken.
    captures: Vec<Vec<Capture>>,
    /// Fields of the last event that only the alert's fields show.
    extra: Output,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// A field of the last event.
    Last(Output),
    /// A field of a step: its number and which of its captures.
    Step(usize, usize),
    Own(Own),
}

#[derive(Debug)]
struct Capture {
    /// As written: `step1.fd.name`.
    name: String,
    output: Output,
}

/// Our own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Count,
    Events,
    Key,
    Span,
    Values,
}

const OWN: [(&str, Own); 5] = [
    ("count", Own::Count),
    ("events", Own::Events),
    ("key", Own::Key),
    ("span", Own::Span),
    ("values", Own::Values),
];

/// A field of a step as text and as JSON.
pub(super) type Captured = Arc<[(Box<str>, Json)]>;

/// What a detection of a sequence or threshold rests on.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) key: Key,
    /// Numbers of the events, oldest first.
    pub(super) events: Vec<u64>,
    /// Nanoseconds from the first to the last.
    pub(super) span: u64,
    /// Events, or distinct values.
    pub(super) count: usize,
    /// The distinct values.
    pub(super) values: Vec<Box<str>>,
    /// What was kept of each step but the last.
    pub(super) steps: Vec<Captured>,
}

impl CorrelationOutput {
    /// Reads the output of something with that many steps; alerts show the fields of `extra` as well.
    pub(crate) fn parse(text: &str, steps: usize, extra: Output) -> Result<Self, OutputError> {
        let mut output = Self { pieces: Vec::new(), captures: Vec::new(), extra };
        output.captures.resize_with(steps, Vec::new);
        let mut rest = text.trim_end();
        while let Some(at) = rest.find('%') {
            output.pieces.push(Piece::Text(rest.get(..at).unwrap_or_default().to_owned()));
            let after = rest.get(at + 1..).unwrap_or_default();
            let (piece, length) = output.field(after)?;
            output.pieces.push(piece);
            rest = after.get(length..).unwrap_or_default();
        }
        output.pieces.push(Piece::Text(rest.to_owned()));
        Ok(output)
    }

    /// What follows a `%`, and its length.
    fn field(&mut self, text: &str) -> Result<(Piece, usize), OutputError> {
        if let Some(name) = text.strip_prefix(CLASS) {
            return own(name).map(|(own, length)| (Piece::Own(own), CLASS.len() + length));
        }
        if let Some((number, field)) = step(text) {
            let before = text.len() - field.len();
            let (output, length) = Output::one(field)?;
            let steps = self.captures.len();
            let captures =
                number.checked_sub(1).and_then(|index| self.captures.get_mut(index)).ok_or_else(|| {
                    let message = format!("'%step{number}': there are {steps} steps, counted from 1");
                    OutputError { message, unknown_field: false }
                })?;
            let name = text.get(..before + length).unwrap_or_default().to_owned();
            captures.push(Capture { name, output });
            return Ok((Piece::Step(number - 1, captures.len() - 1), before + length));
        }
        Output::one(text).map(|(output, length)| (Piece::Last(output), length))
    }

    /// Every field it reads.
    pub(crate) fn fields(&self) -> Vec<&ResolvedField> {
        let last = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Last(output) => Some(output),
            _ => None,
        });
        let captured = self.captures.iter().flatten().map(|capture| &capture.output);
        last.chain(captured).chain([&self.extra]).flat_map(Output::fields).collect()
    }

    /// What the output needs of the event that a step takes.
    pub(super) fn capture(&self, step: usize, subject: Subject<'_>) -> Captured {
        let captures = self.captures.get(step).map_or(&[][..], Vec::as_slice);
        captures
            .iter()
            .map(|capture| {
                let (text, fields) = capture.output.fill(subject);
                let json = fields.into_iter().next().map_or(Json::Null, |(_, json)| json);
                match text.get(..text.floor_char_boundary(MAX_VALUE)) {
                    Some(cut) if cut.len() < text.len() => (format!("{cut}...").into(), Json::from(cut)),
                    _ => (text.into(), json),
                }
            })
            .collect()
    }

    /// The text and the values by name.
    pub(super) fn fill(&self, last: Subject<'_>, evidence: &Evidence) -> (String, Map<String, Json>) {
        let mut text = String::new();
        let mut fields = Map::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Last(output) => {
                    let (part, values) = output.fill(last);
                    text.push_str(&part);
                    fields.extend(values);
                }
                Piece::Step(step, index) => {
                    let Some(capture) = self.captures.get(*step).and_then(|all| all.get(*index)) else {
                        continue;
                    };
                    let (part, json) = match evidence.steps.get(*step).and_then(|all| all.get(*index)) {
                        Some((part, json)) => (part.to_string(), json.clone()),
                        // The last step is the event at hand.
                        None => {
                            let (part, values) = capture.output.fill(last);
                            (part, values.into_iter().next().map_or(Json::Null, |(_, json)| json))
                        }
                    };
                    text.push_str(&part);
                    fields.insert(capture.name.clone(), json);
                }
                Piece::Own(own) => {
                    let (name, json) = evidence.own(*own);
                    text.push_str(&plain(&json));
                    fields.insert(format!("{CLASS}{name}"), json);
                }
            }
        }
        let (_, extra) = self.extra.fill(last);
        fields.extend(extra);
        (text, fields)
    }
}

impl Evidence {
    fn own(&self, own: Own) -> (&'static str, Json) {
        let name = OWN.iter().find(|(_, known)| *known == own).map_or("", |(name, _)| name);
        let json = match own {
            Own::Count => Json::from(self.count),
            Own::Events => Json::from(self.events.clone()),
            Own::Key => Json::from(self.key.join(", ")),
            Own::Span => Json::from(self.span),
            Own::Values => self.values.iter().map(|value| value.to_string()).collect(),
        };
        (name, json)
    }
}

/// JSON as an output shows it.
fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn own(name: &str) -> Result<(Own, usize), OutputError> {
    let found = OWN.iter().find(|(own, _)| name.starts_with(own));
    found.map(|(name, own)| (*own, name.len())).ok_or_else(|| {
        let names: Vec<_> = OWN.iter().map(|(name, _)| *name).collect();
        let word: String = name.chars().take_while(|char| char.is_ascii_alphanumeric()).take(40).collect();
        let message = format!("'%{CLASS}{word}' names no field; there are {}", names.join(", "));
        OutputError { message, unknown_field: true }
    })
}

/// `step12.` and what follows.
fn step(text: &str) -> Option<(usize, &str)> {
    let (number, field) = text.strip_prefix("step")?.split_once('.')?;
    Some((number.parse().ok()?, field))
}
