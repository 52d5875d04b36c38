//! Cursors: where a page ended, as opaque hexadecimal text. A page starts after the last row of the one before, so
//! rows that come in between neither repeat nor hide others.

use crate::{StoreError, query::MAX_PAGE};

/// Longest cursor that is looked at.
const MAX_CURSOR: usize = 4096;
const DEFAULT_PAGE: usize = 50;

/// What a cursor pages through; one list's cursor is none of another's.
#[derive(Clone, Copy)]
pub(crate) enum List {
    Findings,
    Tasks,
    Events,
    Targets,
}

impl List {
    fn letter(self) -> u8 {
        match self {
            Self::Findings => b'f',
            Self::Tasks => b't',
            Self::Events => b'e',
            Self::Targets => b'c',
        }
    }
}

/// The sort key of a page's last row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Time, as sorted by.
    pub(crate) at: i64,
    /// Event number; 0 in other lists.
    pub(crate) number: i64,
    /// Id, ARN or producer.
    pub(crate) name: String,
}

impl Position {
    /// The cursor.
    pub(crate) fn cursor(&self, list: List) -> String {
        let mut bytes = vec![list.letter()];
        bytes.extend(self.at.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.name.as_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The position a cursor stands for.
    pub(crate) fn of(cursor: &str, list: List) -> Result<Self, StoreError> {
        Self::parse(cursor, list).ok_or(StoreError::Cursor)
    }

    fn parse(cursor: &str, list: List) -> Option<Self> {
        if cursor.len() > MAX_CURSOR {
            return None;
        }
        let (pairs, rest) = cursor.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        let bytes = pairs.iter().map(hex).collect::<Option<Vec<u8>>>()?;
        let (letter, bytes) = bytes.split_first()?;
        let (at, bytes) = bytes.split_first_chunk::<8>()?;
        let (number, name) = bytes.split_first_chunk::<8>()?;
        let name = str::from_utf8(name).ok()?;
        // PostgreSQL takes no NUL; no name that was given out has one.
        if *letter != list.letter() || name.is_empty() || name.contains('\0') {
            return None;
        }
        let (at, number) = (i64::from_be_bytes(*at), i64::from_be_bytes(*number));
        Some(Self { at, number, name: name.to_owned() })
    }
}

fn hex(pair: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some(digit(pair[0])? << 4 | digit(pair[1])?)
}

/// How many rows a page has.
pub(crate) fn page_size(limit: usize) -> usize {
    if limit == 0 { DEFAULT_PAGE } else { limit.min(MAX_PAGE) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{List, Position};

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_position(at: i64, number: i64, name in "[^\0]{1,40}") {
            let position = Position { at, number, name };
            prop_assert_eq!(&Position::of(&position.cursor(List::Tasks), List::Tasks).unwrap(), &position);
            prop_assert!(Position::of(&position.cursor(List::Tasks), List::Findings).is_err());
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            let _ = Position::of(&text, List::Events);
        }
    }
}
