//! Tests of bytes: what was read or written.

use memchr::memmem::Finder;

use crate::syntax::ast::{Literal, Op};

/// A test.
#[derive(Debug)]
pub(crate) enum Bytes {
    Is(Box<[u8]>),
    In(Vec<Box<[u8]>>),
    Contains(Box<Finder<'static>>),
    Startswith(Box<[u8]>),
    Endswith(Box<[u8]>),
}

impl Bytes {
    /// Makes the test; `None` when nothing can pass it.
    ///
    /// # Errors
    /// `bcontains` and `bstartswith` take hexadecimal digits, two a byte.
    pub(super) fn new(op: Op, values: &[Literal]) -> Result<Option<Self>, String> {
        if matches!(op, Op::In | Op::Intersects) {
            let all: Vec<Box<[u8]>> = values.iter().map(|value| value.text.as_bytes().into()).collect();
            return Ok((!all.is_empty()).then_some(Self::In(all)));
        }
        let Some(text) = values.first().map(|value| value.text.as_str()) else { return Ok(None) };
        Ok(Some(match op {
            Op::Contains => Self::Contains(Box::new(Finder::new(text).into_owned())),
            Op::Bcontains => Self::Contains(Box::new(Finder::new(&hexadecimal(text)?).into_owned())),
            Op::Startswith => Self::Startswith(text.as_bytes().into()),
            Op::Bstartswith => Self::Startswith(hexadecimal(text)?.into()),
            Op::Endswith => Self::Endswith(text.as_bytes().into()),
            _ => Self::Is(text.as_bytes().into()),
        }))
    }

    /// Whether bytes pass.
    pub(super) fn accepts(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Is(constant) => **constant == *bytes,
            Self::In(constants) => constants.iter().any(|constant| **constant == *bytes),
            Self::Contains(finder) => finder.find(bytes).is_some(),
            Self::Startswith(prefix) => bytes.starts_with(prefix),
            Self::Endswith(suffix) => bytes.ends_with(suffix),
        }
    }
}

/// Two hexadecimal digits a byte.
fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let refuse = || format!("'{text}' is not a hexadecimal string, as in 48656c6c6f");
    let digits: Option<Vec<u8>> =
        text.chars().map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(refuse)?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
