//! `json.*`: any value of a record, as the fields of Falco's json plugin 0.7; `jevt.*` are its older names.

use super::{
    ArgKind::{Key, None as NoArg},
    Field, FieldArg,
    FieldType::Text,
    Values,
    ct::of_record,
};
use crate::Record;

const VALUE: &str =
    "a value by JSON pointer (RFC 6901), as in json.value[/a/b/0]; text as it is, all else as JSON";
const WHOLE: &str = "the whole record as indented JSON";
const TIME: &str = "the record's time in nanoseconds since the epoch, as text";

pub(super) const FIELDS: &[Field] = &[
    of_record("json.value", Text, Key, VALUE, value),
    of_record("json.obj", Text, NoArg, WHOLE, whole),
    of_record("json.rawtime", Text, NoArg, TIME, time),
    of_record("jevt.value", Text, Key, VALUE, value),
    of_record("jevt.obj", Text, NoArg, WHOLE, whole),
    of_record("jevt.rawtime", Text, NoArg, TIME, time),
];

fn value<'e>(record: &'e Record, arg: &FieldArg) -> Values<'e> {
    let found = match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => record.get(&index.to_string()),
        FieldArg::Key(pointer) => pointed(record, pointer),
    };
    found.map_or(Values::Missing, |value| match value.as_str() {
        Some(text) => Values::text(text),
        None => Values::text(value.compact()),
    })
}

/// What a pointer leads to; the slash at its start may be left out.
fn pointed<'e>(record: &'e Record, pointer: &str) -> Option<crate::json::Json<'e>> {
    let mut keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/');
    let mut found = record.get(&plain(keys.next()?))?;
    for key in keys {
        found = found.get(&plain(key))?;
    }
    Some(found)
}

/// A part of a pointer without its escapes.
fn plain(key: &str) -> std::borrow::Cow<'_, str> {
    if key.contains('~') { key.replace("~1", "/").replace("~0", "~").into() } else { key.into() }
}

fn whole<'e>(record: &'e Record, _: &FieldArg) -> Values<'e> {
    Values::text(record.json().indented())
}

fn time<'e>(record: &'e Record, _: &FieldArg) -> Values<'e> {
    Values::text(record.time.0.to_string())
}
