//! What events are called and which parameters they carry.

mod calls;
mod table;

use std::sync::LazyLock;

use fargard_model::EventType;

pub(crate) use self::calls::call;
use crate::flags::Table;

/// Most parameters an event has in any version of the schema, with room for what later ones add.
pub(crate) const MAX_PARAMS: usize = 40;

/// How a parameter is read and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The call's result; the event's outcome.
    Result,
    Int,
    Uint,
    Hex,
    Octal,
    /// A user's or group's id; all ones is none.
    Id,
    Fd,
    /// The directory the next parameter is relative to.
    Dirfd,
    /// A path relative to the working directory.
    Path,
    /// A path relative to the directory before it.
    Relative,
    Text,
    /// Strings that each end with NUL.
    Strings,
    Bytes,
    Tuple,
    Address,
    /// Descriptors that are polled.
    Fds,
    /// Number of a call in Falco's numbering.
    Call,
    Flags(&'static Table),
    Enum(&'static Table),
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Where old captures have it: parameter of the call's entry.
    pub(crate) entry: Option<u8>,
}

/// What an event has to do with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Nothing,
    /// The result is a new one.
    Creates,
    /// This parameter names it.
    Works(u8),
}

/// A type of event.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) event: EventType,
    pub(crate) params: Box<[Param]>,
    pub(crate) descriptor: Use,
    /// The thread in its header made it.
    pub(crate) threaded: bool,
    /// Its first parameter is the result.
    pub(crate) has_result: bool,
}

impl Kind {
    /// Position of the parameter of that name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name == name)
    }
}

static KINDS: LazyLock<Vec<Option<Kind>>> = LazyLock::new(|| {
    let mut kinds: Vec<Option<Kind>> = Vec::new();
    for row in table::ROWS {
        let at = usize::from(row.0);
        if kinds.len() <= at {
            kinds.resize_with(at + 1, || None);
        }
        if let Some(place) = kinds.get_mut(at) {
            *place = compile(row);
        }
    }
    kinds
});

/// The type of that number; `None` for the entry of a call and for what is not known.
pub(crate) fn kind(number: u16) -> Option<&'static Kind> {
    KINDS.get(usize::from(number))?.as_ref()
}

/// Whether the number is that of the entry of a call, whose end is the next number.
pub(crate) fn is_entry(number: u16) -> bool {
    number.is_multiple_of(2) && kind(number).is_none() && kind(number + 1).is_some()
}

fn compile(row: &table::Row) -> Option<Kind> {
    let (_, role, name, params) = *row;
    let params: Box<[Param]> = params.split_whitespace().map(param).collect::<Option<_>>()?;
    let works = || {
        let position = params.iter().position(|param| matches!(param.form, Form::Fd | Form::Dirfd))?;
        u8::try_from(position).ok().map(Use::Works)
    };
    Some(Kind {
        event: name.parse().ok()?,
        descriptor: match role {
            'C' => Use::Creates,
            'U' => works()?,
            _ => Use::Nothing,
        },
        threaded: role != '-',
        has_result: params.first().is_some_and(|param| param.form == Form::Result),
        params,
    })
}

fn param(text: &'static str) -> Option<Param> {
    let (text, entry) = match text.split_once('<') {
        Some((text, entry)) => (text, Some(entry.parse().ok()?)),
        None => (text, None),
    };
    let (name, form) = text.split_once(':')?;
    let form = match form {
        "result" => Form::Result,
        "int" => Form::Int,
        "uint" => Form::Uint,
        "hex" => Form::Hex,
        "octal" => Form::Octal,
        "id" => Form::Id,
        "fd" => Form::Fd,
        "dirfd" => Form::Dirfd,
        "path" => Form::Path,
        "relative" => Form::Relative,
        "text" => Form::Text,
        "strings" => Form::Strings,
        "bytes" => Form::Bytes,
        "tuple" => Form::Tuple,
        "address" => Form::Address,
        "fds" => Form::Fds,
        "call" => Form::Call,
        flags => return crate::flags::form(flags).map(|form| Param { name, form, entry }),
    };
    Some(Param { name, form, entry })
}

#[cfg(test)]
mod tests {
    use super::{MAX_PARAMS, compile, is_entry, kind, table::ROWS};

    #[test]
    fn every_row_is_well_formed_and_named_as_rules_name_it() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{:?} is out of order", pair[1]);
        }
        for row in ROWS {
            let kind = compile(row).unwrap_or_else(|| panic!("{row:?}"));
            assert!(kind.params.len() <= MAX_PARAMS, "{row:?}");
        }
    }

    #[test]
    fn entries_are_told_from_events_without_a_call() {
        for (number, entry) in [(0, true), (2, true), (186, false), (234, false), (293, false), (600, false)]
        {
            assert_eq!(is_entry(number), entry, "{number}");
        }
        assert_eq!(kind(307).map(|kind| kind.event.name()), Some("openat"));
    }
}
