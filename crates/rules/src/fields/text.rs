//! Text of a field, held so that reading a field allocates nothing where that can be.

use std::{borrow::Cow, fmt, ops::Deref};

/// Longest text that is held in place: any 64-bit number with its sign.
const MAX_SHORT: usize = 20;

/// Text: borrowed from the event, a number written out, or made for the purpose.
#[derive(Clone)]
pub enum Text<'e> {
    /// Part of the event or a constant.
    Borrowed(&'e str),
    /// A number in decimal.
    Number(Digits),
    /// Made of several parts.
    Owned(String),
}

/// A number written out.
#[derive(Clone, Copy)]
pub struct Digits {
    bytes: [u8; MAX_SHORT],
    /// Where the digits begin; they end with the array.
    start: u8,
}

impl Digits {
    fn of(number: i64) -> Self {
        let mut digits = Self { bytes: [b'0'; MAX_SHORT], start: 20 };
        let mut rest = number.unsigned_abs();
        loop {
            digits.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            digits.push(b'-');
        }
        digits
    }

    fn push(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(usize::from(self.start)) {
            *place = byte;
        }
    }

    fn as_str(&self) -> &str {
        let digits = self.bytes.get(usize::from(self.start)..).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl Text<'_> {
    /// A number in decimal.
    pub(super) fn number(number: i64) -> Self {
        Self::Number(Digits::of(number))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Number(digits) => digits.as_str(),
            Self::Owned(text) => text,
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<'e> From<&'e str> for Text<'e> {
    fn from(text: &'e str) -> Self {
        Self::Borrowed(text)
    }
}

impl<'e> From<&'e String> for Text<'e> {
    fn from(text: &'e String) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl<'e> From<Cow<'e, str>> for Text<'e> {
    fn from(text: Cow<'e, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Borrowed(text),
            Cow::Owned(text) => Self::Owned(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn numbers_read_as_displayed() {
        for number in [0, 7, -1, 10, -120, i64::MAX, i64::MIN] {
            assert_eq!(Text::number(number).as_str(), number.to_string());
        }
    }
}
