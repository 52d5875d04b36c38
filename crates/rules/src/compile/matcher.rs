//! Tests of one value against constants.

use std::net::IpAddr;

use memchr::memmem::Finder;
use regex_automata::meta::Regex;

use super::{bytes::Bytes, glob::Glob, pair, pathset::PathSet};
use crate::{
    fields::Value,
    hash::FastSet,
    syntax::ast::{Op, Quantifier},
};

/// A test.
#[derive(Debug)]
pub(crate) enum Matcher {
    /// No value passes: an empty list, or contents that are never observed.
    Never,
    Not(Box<Matcher>),
    TextIs(Box<str>),
    TextIn(FastSet<Box<str>>),
    /// By order, as strings.
    TextOrder(Op, Box<str>),
    Contains(Box<Finder<'static>>),
    /// In lower case.
    Icontains(Box<str>),
    Startswith(Box<str>),
    Endswith(Box<str>),
    Glob(Glob),
    Regex(Box<Regex>),
    Paths(PathSet),
    Int(Op, i64),
    IntIn(Vec<i64>),
    Bool(bool),
    Nets(Vec<Network>),
    Each(Quantifier, Vec<Matcher>),
    Bytes(Bytes),
    /// Every value of a list passes.
    Every(Box<Matcher>),
}

/// An address with the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `10.0.0.0/8`, `::1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        Some(Self { address, bits })
    }

    /// The address, unless it is a network.
    pub(crate) fn single(&self) -> Option<IpAddr> {
        self.is_single().then_some(self.address)
    }

    /// Is one address, not a network.
    pub(super) fn is_single(&self) -> bool {
        self.bits == if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(own).checked_shr(shift) == u32::from(other).checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(own).checked_shr(shift) == u128::from(other).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl Matcher {
    /// Whether a value passes.
    pub(crate) fn accepts(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Not(matcher), _) => !matcher.accepts(value),
            (Self::Each(quantifier, matchers), _) => each(*quantifier, matchers, value),
            (Self::Every(matcher), _) => matcher.accepts(value),
            (_, Value::Text(text)) => self.accepts_text(text),
            (Self::Bytes(test), Value::Bytes(bytes)) => test.accepts(bytes),
            (Self::Int(op, constant), Value::Int(number)) => pair::ordered(number, *op, constant),
            (Self::IntIn(constants), Value::Int(number)) => constants.contains(number),
            (Self::Bool(constant), Value::Bool(truth)) => constant == truth,
            (Self::Nets(networks), Value::Ip(address)) => {
                networks.iter().any(|network| network.contains(*address))
            }
            _ => false,
        }
    }

    fn accepts_text(&self, text: &str) -> bool {
        match self {
            Self::TextIs(constant) => **constant == *text,
            Self::TextIn(constants) => constants.contains(text),
            Self::TextOrder(op, constant) => pair::ordered(text, *op, constant),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::Icontains(lower) => contains_ignoring_case(text, lower),
            Self::Startswith(prefix) => text.starts_with(&**prefix),
            Self::Endswith(suffix) => text.ends_with(&**suffix),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
            Self::Paths(paths) => paths.covers(text),
            _ => false,
        }
    }

    /// A guess how often, of 1, a value passes.
    pub(super) fn odds(&self) -> f32 {
        match self {
            Self::Never => 0.0,
            Self::Not(matcher) => 1.0 - matcher.odds(),
            Self::TextIs(text) if text.len() == 1 => 0.8,
            Self::TextIs(_) | Self::Contains(_) | Self::Icontains(_) | Self::Endswith(_) | Self::Bytes(_) => {
                0.05
            }
            Self::TextIn(_) | Self::Startswith(_) | Self::Glob(_) | Self::Paths(_) | Self::Regex(_) => 0.1,
            Self::Int(Op::Ge | Op::Gt, _) => 0.9,
            Self::Int(Op::Eq, _) | Self::IntIn(_) | Self::Nets(_) => 0.2,
            Self::Int(..) | Self::Bool(_) | Self::TextOrder(..) | Self::Each(..) | Self::Every(_) => 0.5,
        }
    }

    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Never | Self::Bool(_) | Self::Int(..) | Self::TextIs(_) => 1,
            Self::Startswith(_)
            | Self::Endswith(_)
            | Self::TextOrder(..)
            | Self::IntIn(_)
            | Self::Nets(_) => 2,
            Self::TextIn(_) => 4,
            Self::Bytes(_) => 10,
            Self::Every(matcher) => matcher.cost(),
            Self::Contains(_) => 6,
            Self::Icontains(_) | Self::Glob(_) | Self::Paths(_) => 20,
            Self::Regex(_) => 60,
            Self::Not(matcher) => matcher.cost(),
            Self::Each(_, matchers) => {
                matchers.iter().fold(0, |cost: u32, one| cost.saturating_add(one.cost()))
            }
        }
    }
}

fn each(quantifier: Quantifier, matchers: &[Matcher], value: &Value<'_>) -> bool {
    let mut accepting = matchers.iter().filter(|matcher| matcher.accepts(value));
    match quantifier {
        Quantifier::Anyof => accepting.next().is_some(),
        Quantifier::Oneof => accepting.next().is_some() && accepting.next().is_none(),
        Quantifier::Allof => matchers.iter().all(|matcher| matcher.accepts(value)),
    }
}

/// Whether a text holds another, letter case of ASCII ignored.
pub(super) fn contains_ignoring_case(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some((first, rest)) = part.split_first() else { return true };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).any(|at| {
        let behind = text.get(at + 1..).and_then(|behind| behind.get(..rest.len()));
        behind.is_some_and(|behind| behind.eq_ignore_ascii_case(rest))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::contains_ignoring_case;

    proptest! {
        #[test]
        fn letter_case_is_ignored_everywhere(text in "[aAbBé/]{0,9}", part in "[aAbBé]{0,3}") {
            let expected = text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
            prop_assert_eq!(contains_ignoring_case(&text, &part), expected);
        }
    }
}
