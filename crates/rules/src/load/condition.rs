//! A condition's text, put together from the files, and the way back from its bytes to theirs.

use std::ops::Range;

use super::item::{Place, Text};
use crate::source::SourceFile;

/// The text of a condition and what was appended to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    parts: Vec<Text>,
}

impl Condition {
    pub(super) fn new(first: Text) -> Self {
        Self { parts: vec![first] }
    }

    pub(super) fn append(&mut self, text: Text) {
        self.parts.push(text);
    }

    /// Where its first part stands.
    pub(crate) fn place(&self) -> &Place {
        const NOWHERE: &Place = &Place { file: 0, span: 0..0 };
        self.parts.first().map_or(NOWHERE, |part| &part.place)
    }

    /// The text as defined, and each text that was appended.
    pub(crate) fn parts(&self) -> &[Text] {
        &self.parts
    }

    /// The whole text: parts joined by a blank, as Falco appends.
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Where some bytes of the text stand in the files.
    pub(crate) fn locate(&self, files: &[SourceFile], span: Range<usize>) -> Place {
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.text.len();
            if span.start <= end {
                let raw = files.get(part.place.file).map_or("", |file| file.text.as_str());
                let raw = raw.get(part.place.span.clone()).unwrap_or_default();
                let from = raw_offset(raw, &part.text, span.start - start);
                let to = raw_offset(raw, &part.text, span.end.clamp(span.start, end) - start);
                let base = part.place.span.start;
                return Place { file: part.place.file, span: base + from..base + to.max(from) };
            }
            start = end + 1;
        }
        self.parts.last().map(|part| part.place.clone()).unwrap_or_default()
    }
}

/// Where a byte of a scalar's value stands in the scalar's source. Both are walked together over what is not
/// space: folding, indentation and quotes change only that.
fn raw_offset(raw: &str, value: &str, offset: usize) -> usize {
    let mut at = body_start(raw);
    for (index, char) in value.char_indices() {
        if !char.is_whitespace() {
            let rest = raw.get(at..).unwrap_or_default();
            let Some(ahead) = rest.find(char) else { return at };
            at += ahead;
        }
        if index >= offset {
            return at;
        }
        if !char.is_whitespace() {
            at += char.len_utf8();
        }
    }
    at
}

/// Behind the header line of a block scalar, else the start.
fn body_start(raw: &str) -> usize {
    if raw.starts_with(['>', '|']) { raw.find('\n').map_or(0, |at| at + 1) } else { 0 }
}
