//! How fields are read.

use fargard_model::{Event, Process};

use super::{FieldArg, Values};
use crate::{Record, Subject};

/// Reads a field from a call.
pub type FromCall = for<'e> fn(&'e Event, &FieldArg) -> Values<'e>;

/// Reads text that a call holds.
pub type TextOf = for<'e> fn(&'e Event) -> Option<&'e str>;

/// Reads a number of a call.
pub type IntOf = fn(&Event) -> Option<i64>;

/// Reads a truth about a call.
pub type TruthOf = fn(&Event) -> Option<bool>;

/// Reads a field from a process.
pub type FromProcess = for<'e> fn(&'e Process, &FieldArg) -> Values<'e>;

/// Reads a field from what it exists for; elsewhere it has no value.
#[derive(Clone, Copy, Debug)]
pub enum Extract {
    /// From calls.
    Call(FromCall),
    /// From the process that makes a call: the same for all its calls until it changes.
    Process(FromProcess),
    /// From JSON records.
    Record(for<'e> fn(&'e Record, &FieldArg) -> Values<'e>),
    /// From both.
    Any(for<'e> fn(Subject<'e>, &FieldArg) -> Values<'e>),
    /// Text that stands in a call as it is. These three are read without making [`Values`] of them.
    Text(TextOf),
    /// A number of a call.
    Int(IntOf),
    /// A truth about a call.
    Truth(TruthOf),
}

impl Extract {
    /// Only calls have it.
    pub(crate) fn is_of_calls(self) -> bool {
        !matches!(self, Self::Record(_) | Self::Any(_))
    }
}
