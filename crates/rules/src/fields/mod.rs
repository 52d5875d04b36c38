//! What a rule may ask of an event: one table of fields, each row with its name, type, argument, documentation and
//! the function that reads it from an event. Fields that no sensor can fill on Fargate are rows without a function:
//! rules that name them load, and find no value.

mod capability;
mod cloudtrail;
mod container;
mod ct;
mod ecs;
mod errno;
mod evt;
mod evt_more;
mod fd;
mod fs_path;
mod fspaths;
mod json;
mod proc;
mod proc_more;
mod resolve;
mod text;
mod user;
mod value;

use fargard_model::Event;

use crate::{Record, Subject};

pub use resolve::{FieldError, ResolvedField, resolve, resolve_prefix};
pub use text::Text;
pub use value::{ReadProcess, Value, Values};

/// The type of a field; it decides which operators apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// A 64-bit integer; times are nanoseconds.
    Int,
    /// `true` or `false`.
    Bool,
    /// An IP address.
    Ip,
    /// An IP address that is compared with networks.
    Net,
    /// A port number.
    Port,
    /// Bytes.
    Bytes,
}

impl FieldType {
    /// The name in listings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "integer",
            Self::Bool => "boolean",
            Self::Ip => "address",
            Self::Net => "network",
            Self::Port => "port",
            Self::Bytes => "bytes",
        }
    }
}

/// What may stand in brackets behind a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Nothing.
    None,
    /// A number, or nothing.
    OptionalIndex,
    /// A name, or nothing.
    OptionalKey,
    /// A name or a number, also written behind a dot: `evt.arg.name`, `evt.arg[0]`.
    Dotted,
    /// A name or number.
    Key,
}

/// The argument of a field in a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldArg {
    /// None given.
    None,
    /// A number.
    Index(usize),
    /// A name.
    Key(String),
}

/// Reads a field from a call.
pub type FromCall = for<'e> fn(&'e Event, &FieldArg) -> Values<'e>;

/// Reads a field from what it exists for; elsewhere it has no value.
#[derive(Clone, Copy, Debug)]
pub enum Extract {
    /// From calls.
    Call(FromCall),
    /// From JSON records.
    Record(for<'e> fn(&'e Record, &FieldArg) -> Values<'e>),
    /// From both.
    Any(for<'e> fn(Subject<'e>, &FieldArg) -> Values<'e>),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Type of its values.
    pub kind: FieldType,
    /// Several values at once: it can only be tested with `exists`, `in` and `intersects`.
    pub list: bool,
    /// What may stand in brackets.
    pub arg: ArgKind,
    /// What it is.
    pub doc: &'static str,
    /// Reads it; `None` where it has no value on Fargate.
    pub get: Option<Extract>,
    /// What conditions see instead while the result of the call is not known.
    pub while_attempt: Option<FromCall>,
}

impl Field {
    /// Whether a value can ever be there.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        self.get.is_some()
    }
}

const fn field(name: &'static str, kind: FieldType, arg: ArgKind, doc: &'static str, get: FromCall) -> Field {
    Field { name, kind, list: false, arg, doc, get: Some(Extract::Call(get)), while_attempt: None }
}

const fn null(name: &'static str, kind: FieldType, arg: ArgKind, doc: &'static str) -> Field {
    Field { name, kind, list: false, arg, doc, get: None, while_attempt: None }
}

const TABLES: [&[Field]; 12] = [
    evt::FIELDS,
    evt_more::FIELDS,
    proc::FIELDS,
    proc_more::FIELDS,
    fd::FIELDS,
    fs_path::FIELDS,
    user::FIELDS,
    container::FIELDS,
    ecs::FIELDS,
    ct::FIELDS,
    cloudtrail::FIELDS,
    json::FIELDS,
];

/// Every field, by class.
pub fn all() -> impl Iterator<Item = &'static Field> {
    TABLES.into_iter().flatten()
}

#[cfg(test)]
mod tests;
