//! Values of fields.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr},
};

use fargard_model::Process;

use super::Text;

/// One value, borrowed from the event where possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'e> {
    /// Text.
    Text(Text<'e>),
    /// A number, a port or a time in nanoseconds.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// An address.
    Ip(IpAddr),
    /// What was read or written.
    Bytes(&'e [u8]),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Ip(address) => write!(f, "{address}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| {
                f.write_char(if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' })
            }),
        }
    }
}

impl Value<'_> {
    /// As in an alert's `output_fields`: numbers and truth values keep their type.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Int(number) => (*number).into(),
            Self::Bool(truth) => (*truth).into(),
            Self::Text(_) | Self::Ip(_) | Self::Bytes(_) => self.to_string().into(),
        }
    }
}

/// What a field gives for an event.
#[derive(Clone, Debug)]
pub enum Values<'e> {
    /// Nothing: comparisons are false, whatever the operator.
    Missing,
    /// One value.
    One(Value<'e>),
    /// A comparison is true when it is true for any of them.
    Any(Vec<Value<'e>>),
    /// The same of a process's ancestors, each read when it is asked for; those that give none do not count.
    Ancestors(&'e Process, ReadProcess),
    /// The values of a list, which may be none.
    List(Vec<Value<'e>>),
    /// The names of one address, the best first: `!=` must hold for all, everything else for any. Shown is the first.
    Names(&'e [String]),
    /// The two ends of a connection: `!=` must hold for both, everything else for either.
    Ends([&'e SocketAddr; 2], ReadEnd),
}

/// Reads a value from an end of a connection.
pub type ReadEnd = fn(SocketAddr) -> Value<'static>;

/// Reads a value from a process.
pub type ReadProcess = for<'e> fn(&'e Process) -> Option<Value<'e>>;

impl<'e> Values<'e> {
    /// A number that fits.
    pub(super) fn int(number: impl TryInto<i64>) -> Self {
        number.try_into().map_or(Self::Missing, |number| Self::One(Value::Int(number)))
    }

    /// A truth value.
    pub(super) fn bool(truth: bool) -> Self {
        Self::One(Value::Bool(truth))
    }

    /// Text, where empty is a value.
    pub(super) fn text(text: impl Into<Text<'e>>) -> Self {
        Self::One(Value::Text(text.into()))
    }

    /// Text, where empty means unknown.
    pub(super) fn known(text: &'e str) -> Self {
        known(text).map_or(Self::Missing, Self::text)
    }

    /// The value if there is one.
    pub(super) fn optional(value: Option<Value<'e>>) -> Self {
        value.map_or(Self::Missing, Self::One)
    }

    /// Any of these; missing when there are none.
    pub(super) fn any_of(values: impl Iterator<Item = Value<'e>>) -> Self {
        let values: Vec<_> = values.collect();
        if values.is_empty() { Self::Missing } else { Self::Any(values) }
    }

    /// Whether some value is accepted.
    pub fn any(&self, mut accepts: impl FnMut(&Value<'e>) -> bool) -> bool {
        match self {
            Self::Missing => false,
            Self::One(value) => accepts(value),
            Self::Any(values) | Self::List(values) => values.iter().any(accepts),
            Self::Ancestors(process, read) => above(process).filter_map(read).any(|value| accepts(&value)),
            Self::Names(names) => names.iter().any(|name| accepts(&name_value(name))),
            Self::Ends(ends, read) => ends.iter().any(|end| accepts(&read(**end))),
        }
    }

    /// Whether every end of a connection, or name of an address, is accepted; of anything else, some value.
    pub(crate) fn at_both_ends(&self, mut accepts: impl FnMut(&Value<'e>) -> bool) -> bool {
        match self {
            Self::Names(names @ [_, ..]) => names.iter().all(|name| accepts(&name_value(name))),
            Self::Ends(ends, read) => ends.iter().all(|end| accepts(&read(**end))),
            values => values.any(accepts),
        }
    }

    /// Every value.
    #[must_use]
    pub fn into_vec(self) -> Vec<Value<'e>> {
        match self {
            Self::Missing => Vec::new(),
            Self::One(value) => vec![value],
            Self::Any(values) | Self::List(values) => values,
            Self::Ancestors(process, read) => above(process).filter_map(read).collect(),
            Self::Names(names) => names.first().map(|name| name_value(name)).into_iter().collect(),
            Self::Ends(ends, read) => ends.map(|end| read(*end)).into(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        !matches!(self, Self::List(_)) && !self.any(|_| true)
    }
}

/// Text, where empty means unknown.
pub(super) fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn name_value(name: &str) -> Value<'_> {
    Value::Text(name.into())
}

/// The ancestors of a process, its parent first.
fn above(process: &Process) -> impl Iterator<Item = &Process> {
    process.lineage().skip(1)
}

impl<'e> FromIterator<Value<'e>> for Values<'e> {
    fn from_iter<I: IntoIterator<Item = Value<'e>>>(values: I) -> Self {
        Self::any_of(values.into_iter())
    }
}
