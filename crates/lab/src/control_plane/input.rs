//! A call's input, read member by member.

use serde_json::{Map, Value};

use super::answer::Refusal;

/// The members of an input object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(&'a Map<String, Value>);

impl<'a> Input<'a> {
    /// From a whole input.
    pub(super) fn of(value: &'a Value) -> Result<Self, Refusal> {
        value.as_object().map(Self).ok_or_else(|| {
            Refusal::other("SerializationException", "Start of structure or map found where not expected.")
        })
    }

    /// A member that is there and not null.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    pub(super) fn required(self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::parameter(format!("{name} cannot be empty.")))
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    pub(super) fn number(self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    /// The texts of a list, of which there may be so many.
    pub(super) fn texts(self, name: &str, most: usize) -> Result<Vec<&'a str>, Refusal> {
        let list = self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if list.len() > most {
            return Err(Refusal::parameter(format!(
                "{} cannot have more than {most} elements",
                capital(name)
            )));
        }
        Ok(list.iter().filter_map(Value::as_str).collect())
    }

    /// Whether `include` asks for it.
    pub(super) fn includes(self, what: &str) -> bool {
        let list = self.get("include").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|each| each.as_str() == Some(what)))
    }

    /// The members themselves.
    pub(super) fn members(self) -> &'a Map<String, Value> {
        self.0
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The last part of a name or ARN.
pub(super) fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
