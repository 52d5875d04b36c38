//! apk's order: `number{.number}[letter]{_suffix[number]}[~hash][-rnumber]` (`apk-package(5)`).

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// Suffixes in their order; those before the fifth make a version older than without.
const SUFFIXES: [(&[u8], u8); 9] = [
    (b"alpha", 0),
    (b"beta", 1),
    (b"pre", 2),
    (b"rc", 3),
    (b"cvs", 5),
    (b"svn", 6),
    (b"git", 7),
    (b"hg", 8),
    (b"p", 9),
];
const NO_SUFFIX: u8 = 4;

/// A part of a version. What may come later in a version stands further down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    First(&'a [u8]),
    Number(&'a [u8]),
    Letter(u8),
    Suffix(u8),
    SuffixNumber(&'a [u8]),
    Hash(&'a [u8]),
    Revision(&'a [u8]),
    End,
    Invalid,
}

impl Part<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Number(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash(_) => 5,
            Self::Revision(_) => 6,
            Self::End => 7,
            Self::Invalid => 8,
        }
    }

    /// How two parts of one kind compare.
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            // A leading zero makes both count as digits behind the point.
            (Self::Number(left), Self::Number(right))
                if left.starts_with(b"0") || right.starts_with(b"0") =>
            {
                left.cmp(right)
            }
            (Self::First(left), Self::First(right))
            | (Self::Number(left), Self::Number(right))
            | (Self::SuffixNumber(left), Self::SuffixNumber(right))
            | (Self::Revision(left), Self::Revision(right)) => compare_digits(left, right),
            (Self::Letter(left), Self::Letter(right)) | (Self::Suffix(left), Self::Suffix(right)) => {
                left.cmp(&right)
            }
            (Self::Hash(left), Self::Hash(right)) => left.cmp(right),
            _ => Ordering::Equal,
        }
    }

    fn is_before_release(self) -> bool {
        matches!(self, Self::Suffix(suffix) if suffix < NO_SUFFIX)
    }
}

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left_parts, mut right_parts) = (Parts::of(left), Parts::of(right));
    loop {
        let (left, right) = (left_parts.next(), right_parts.next());
        if left.rank() == right.rank() {
            if left.rank() >= Part::End.rank() {
                return Ordering::Equal;
            }
            match left.compare(right) {
                Ordering::Equal => continue,
                order => return order,
            }
        }
        // One goes on otherwise than the other: it is newer unless it goes on as one before the release.
        return if left.is_before_release() {
            Ordering::Less
        } else if right.is_before_release() {
            Ordering::Greater
        } else {
            right.rank().cmp(&left.rank())
        };
    }
}

struct Parts<'a> {
    rest: &'a [u8],
    /// Rank of the part before; none before the first.
    before: Option<u8>,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        Self { rest: version.as_bytes(), before: None }
    }

    fn next(&mut self) -> Part<'a> {
        let part = self.read().unwrap_or(Part::Invalid);
        self.before = Some(part.rank());
        part
    }

    fn digits(&mut self) -> Option<&'a [u8]> {
        let (digits, rest) = take_while(self.rest, |byte| byte.is_ascii_digit());
        self.rest = rest;
        (!digits.is_empty()).then_some(digits)
    }

    fn read(&mut self) -> Option<Part<'a>> {
        let Some(before) = self.before else { return self.digits().map(Part::First) };
        let Some(&first) = self.rest.first() else { return Some(Part::End) };
        let tail = self.rest.get(1..).unwrap_or_default();
        match first {
            b'a'..=b'z' if before <= 1 => {
                self.rest = tail;
                Some(Part::Letter(first))
            }
            b'.' if before <= 1 => {
                self.rest = tail;
                self.digits().map(Part::Number)
            }
            b'0'..=b'9' if before == 3 => self.digits().map(Part::SuffixNumber),
            b'_' if before <= 4 => {
                let (name, rest) = take_while(tail, |byte| byte.is_ascii_lowercase());
                self.rest = rest;
                SUFFIXES.iter().find(|(suffix, _)| *suffix == name).map(|(_, order)| Part::Suffix(*order))
            }
            b'~' if before < 5 => {
                let (hash, rest) = take_while(tail, |byte| byte.is_ascii_hexdigit());
                self.rest = rest;
                (!hash.is_empty()).then_some(Part::Hash(hash))
            }
            b'-' if before < 6 => {
                self.rest = tail.strip_prefix(b"r")?;
                self.digits().map(Part::Revision)
            }
            _ => None,
        }
    }
}
