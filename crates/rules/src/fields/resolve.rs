//! From a name in a rule to a row of the table.

use std::{collections::HashMap, sync::LazyLock};

use fargard_model::{Outcome, Source};

use super::{ArgKind, Extract, Field, FieldArg, FieldType, Values, all, arg_names, evt_any};
use crate::Subject;

/// Longest beginning of a name that is tried as a field of its own; the names themselves have at most 40 bytes.
const MAX_PREFIX: usize = 128;

static BY_NAME: LazyLock<HashMap<&'static str, &'static Field>> =
    LazyLock::new(|| all().map(|field| (field.name, field)).collect());

/// Why a field cannot be used as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// No such field.
    #[error("unknown field '{name}'{}", suggestion.as_deref().map(|near| format!("; did you mean '{near}'?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// A field with a similar name.
        suggestion: Option<String>,
    },
    /// An argument where none may stand.
    #[error("field '{0}' takes no argument")]
    NoArgument(String),
    /// An argument that is not a number.
    #[error("the argument of field '{0}' must be a number, found '{1}'")]
    NotAnIndex(String, String),
    /// No argument where one must stand.
    #[error("field '{0}' needs an argument, as in {0}[name]")]
    ArgumentNeeded(String),
    /// The name of an argument that no call has.
    #[error("field '{name}': no call has an argument '{argument}'{}", suggestion.as_deref().map(|near| format!("; did you mean '{near}'?")).unwrap_or_default())]
    UnknownArgument {
        /// The field.
        name: String,
        /// As written.
        argument: String,
        /// An argument with a similar name.
        suggestion: Option<String>,
    },
}

/// A field with its argument, ready to be read.
#[derive(Clone, Debug)]
pub struct ResolvedField {
    /// The row.
    pub field: &'static Field,
    /// The argument.
    pub arg: FieldArg,
}

impl ResolvedField {
    /// The value that conditions compare.
    #[must_use]
    pub fn for_condition<'e>(&self, subject: Subject<'e>) -> Values<'e> {
        match (self.field.while_attempt, subject) {
            (Some(get), Subject::Call(event)) if event.outcome == Outcome::Attempt => get(event, &self.arg),
            _ => self.shown(subject),
        }
    }

    /// The value that outputs show.
    #[must_use]
    pub fn shown<'e>(&self, subject: Subject<'e>) -> Values<'e> {
        match (self.field.get, subject) {
            (Some(Extract::Call(get)), Subject::Call(event)) => get(event, &self.arg),
            (Some(Extract::Process(get)), Subject::Call(event)) => get(&event.process, &self.arg),
            (Some(Extract::Record(get)), Subject::Record(record)) => get(record, &self.arg),
            (Some(Extract::Any(get)), subject) => get(subject, &self.arg),
            (Some(Extract::Text(get)), Subject::Call(event)) => {
                get(event).map_or(Values::Missing, Values::text)
            }
            (Some(Extract::Int(get)), Subject::Call(event)) => {
                get(event).map_or(Values::Missing, Values::int)
            }
            (Some(Extract::Truth(get)), Subject::Call(event)) => {
                get(event).map_or(Values::Missing, Values::bool)
            }
            _ => Values::Missing,
        }
    }

    /// The type of its values; that of `evt.rawarg` depends on the argument's name.
    #[must_use]
    pub fn kind(&self) -> FieldType {
        match (&self.arg, self.field.name) {
            (FieldArg::Key(name), "evt.rawarg") => super::raw_type(name),
            _ => self.field.kind,
        }
    }

    /// Whether events of a source have it.
    #[must_use]
    pub fn is_of(&self, source: Source) -> bool {
        let is_call = source == Source::Syscall;
        match self.field.get {
            Some(Extract::Any(_)) => true,
            Some(Extract::Record(_)) => !is_call,
            Some(_) => is_call,
            None => is_call || evt_any::FIELDS.iter().any(|field| field.name == self.field.name),
        }
    }

    /// Gives several values, of which any may satisfy a comparison.
    #[must_use]
    pub fn is_many(&self) -> bool {
        const EITHER_END: [&str; 4] = ["fd.ip", "fd.port", "fd.net", "fd.proto"];
        const ANCESTORS: [&str; 7] = [
            "proc.aname",
            "proc.aargs",
            "proc.aexe",
            "proc.aexepath",
            "proc.acmdline",
            "proc.apid",
            "proc.aenv",
        ];
        EITHER_END.contains(&self.field.name)
            || (ANCESTORS.contains(&self.field.name) && self.arg == FieldArg::None)
    }
}

/// The field of that name and bracketed argument.
///
/// # Errors
/// See [`FieldError`].
pub fn resolve(name: &str, arg: Option<&str>) -> Result<ResolvedField, FieldError> {
    lookup(name, arg).map_err(|error| suggest(error, name))
}

/// The same without a suggestion, which costs a comparison with every field.
fn lookup(name: &str, arg: Option<&str>) -> Result<ResolvedField, FieldError> {
    if let Some(field) = BY_NAME.get(name) {
        return with_arg(field, arg);
    }
    let dotted = BY_NAME.values().find_map(|field| {
        let rest = name.strip_prefix(field.name)?.strip_prefix('.')?;
        (matches!(field.arg, ArgKind::Dotted | ArgKind::OptionalDotted) && !rest.contains('.'))
            .then_some((*field, rest))
    });
    match dotted {
        Some((field, key)) if arg.is_none() => with_arg(field, Some(key)),
        Some((field, _)) => Err(FieldError::NoArgument(field.name.to_owned())),
        None => Err(FieldError::Unknown { name: name.to_owned(), suggestion: None }),
    }
}

fn suggest(error: FieldError, written: &str) -> FieldError {
    match error {
        FieldError::Unknown { name, .. } => {
            FieldError::Unknown { name, suggestion: nearest(written, all().map(|field| field.name)) }
        }
        other => other,
    }
}

/// The longest field name that begins a dotted name, with how much of the name it took. What follows is text.
pub fn resolve_prefix(name: &str, arg: Option<&str>) -> Result<(ResolvedField, usize), FieldError> {
    let mut error = match lookup(name, arg) {
        Ok(found) => return Ok((found, name.len())),
        Err(error) => error,
    };
    if arg.is_none() {
        let mut end = name.len().min(MAX_PREFIX);
        while end > 0 {
            end -= 1;
            let prefix = name.get(..end).unwrap_or_default();
            match lookup(prefix, None) {
                Ok(found) => return Ok((found, end)),
                Err(FieldError::Unknown { .. }) => {}
                Err(_) if matches!(error, FieldError::UnknownArgument { .. }) => {}
                Err(other) => error = other,
            }
        }
    }
    Err(suggest(error, name))
}

fn with_arg(field: &'static Field, arg: Option<&str>) -> Result<ResolvedField, FieldError> {
    let name = || field.name.to_owned();
    let arg = match (field.arg, arg) {
        (
            ArgKind::None
            | ArgKind::OptionalIndex
            | ArgKind::OptionalKey
            | ArgKind::Optional
            | ArgKind::OptionalDotted,
            None,
        ) => FieldArg::None,
        (ArgKind::None, Some(_)) => return Err(FieldError::NoArgument(name())),
        (ArgKind::OptionalIndex, Some(text)) => {
            FieldArg::Index(text.parse().map_err(|_| FieldError::NotAnIndex(name(), text.to_owned()))?)
        }
        (ArgKind::OptionalKey, Some(text)) => FieldArg::Key(text.to_owned()),
        (ArgKind::Dotted | ArgKind::OptionalDotted | ArgKind::Optional | ArgKind::Key, Some(text)) => {
            text.parse().map_or_else(|_| FieldArg::Key(text.to_owned()), FieldArg::Index)
        }
        (ArgKind::Dotted | ArgKind::Key, None) => return Err(FieldError::ArgumentNeeded(name())),
    };
    if let (FieldArg::Key(argument), "evt.arg" | "evt.rawarg") = (&arg, field.name)
        && !arg_names::is_known(argument)
    {
        let suggestion = nearest(argument, arg_names::NAMES.iter().copied());
        return Err(FieldError::UnknownArgument { name: name(), argument: argument.clone(), suggestion });
    }
    Ok(ResolvedField { field, arg })
}

/// The name that is the fewest edits away, if they are few.
fn nearest(written: &str, names: impl Iterator<Item = &'static str>) -> Option<String> {
    if written.len() > 64 {
        return None;
    }
    names
        .map(|name| (edits(written, name), name))
        .filter(|(edits, _)| *edits <= 2)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name.to_owned())
}

/// Insertions, deletions and replacements from one text to the other.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.bytes().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.bytes()) {
            let up = *cell;
            left = (diagonal + usize::from(a != b)).min(up + 1).min(left + 1);
            diagonal = up;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
