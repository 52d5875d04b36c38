//! Keys: the values by which events belong together.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{Subject, compile::operand::Operand};

/// Longest value kept whole.
const MAX_VALUE: usize = 256;

/// The values of an event's key fields.
pub(super) type Key = Arc<[Box<str>]>;

/// The fields of a key.
#[derive(Debug)]
pub(crate) struct KeyPlan(pub(crate) Vec<Operand>);

impl KeyPlan {
    /// The event's key; `None` when one of the fields has no value.
    pub(super) fn of(&self, subject: Subject<'_>) -> Option<Key> {
        self.0.iter().map(|operand| value(operand, subject)).collect()
    }
}

impl KeyPlan {
    /// The same where a missing value is one of its own.
    pub(super) fn of_any(&self, subject: Subject<'_>) -> Key {
        self.0.iter().map(|operand| value(operand, subject).unwrap_or_else(|| "<NA>".into())).collect()
    }
}

/// The value of a field as text, several joined by a comma.
pub(super) fn value(operand: &Operand, subject: Subject<'_>) -> Option<Box<str>> {
    let values = operand.shown(subject).into_vec();
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| shortened(texts.join(",")).into())
}

/// A long value is cut, and told from others that begin alike by a hash of the whole.
fn shortened(mut text: String) -> String {
    if text.len() <= MAX_VALUE {
        return text;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tail = format!("...{:016x}", hasher.finish());
    text.truncate(text.floor_char_boundary(MAX_VALUE - tail.len()));
    text + &tail
}

#[cfg(test)]
mod tests {
    use super::{MAX_VALUE, shortened};

    #[test]
    fn long_values_are_cut_and_stay_apart() {
        let long = |end: &str| "é".repeat(5_000) + end;
        let (a, b) = (shortened(long("a")), shortened(long("b")));
        assert!(a.len() <= MAX_VALUE && a != b && a.starts_with("éé"));
        assert_eq!(shortened("x".into()), "x");
    }
}
