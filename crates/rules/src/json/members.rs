//! Where the members of an object lie.

use std::ops::Range;

use super::{
    scan::{Fault, Scanner},
    value::is_key,
};

/// Part of a text, by offsets in bytes. Texts are shorter than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(range: &Range<usize>, base: usize) -> Self {
        let offset = |at: usize| u32::try_from(at.saturating_sub(base)).unwrap_or(u32::MAX);
        Self { start: offset(range.start), end: offset(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Where the members of an object lie. Offsets count from the object's first byte.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Name without its quotes, and value, in the order of the text.
    spans: Vec<(Span, Span)>,
    /// Some name is written with escapes.
    are_escaped: bool,
}

impl Members {
    /// With room for that many.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { spans: Vec::with_capacity(capacity), are_escaped: false }
    }

    /// Where the value of a member lies in the object's text; of several of that name the first.
    #[must_use]
    pub fn find(&self, text: &str, name: &str) -> Option<Range<usize>> {
        // No allocation and few bytes: rules ask this for most records and get a wrong name.
        let bytes = text.as_bytes();
        let is_named = |key: &Span| {
            let length = (key.end - key.start) as usize;
            (length == name.len() && bytes.get(key.range()) == Some(name.as_bytes()))
                || (self.are_escaped && text.get(key.range()).is_some_and(|key| is_key(key, name)))
        };
        self.spans.iter().find(|(key, _)| is_named(key)).map(|(_, value)| value.range())
    }
}

impl Scanner<'_> {
    /// Steps over an object and gives its members.
    ///
    /// # Errors
    /// As [`Scanner::value`].
    pub fn members(&mut self, members: &mut Members) -> Result<(), Fault> {
        let base = self.at();
        let Members { spans, are_escaped } = members;
        self.object(0, &mut |name, value| {
            *are_escaped |= name.is_escaped;
            spans.push((Span::new(&name.range, base), Span::new(&value, base)));
        })
    }
}
