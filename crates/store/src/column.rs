//! How values become columns: records themselves are kept as JSON, exactly; columns are what is searched and sorted.

use fargard_model::{Priority, Timestamp};
use sha2::{Digest, Sha256};

use crate::{StoreError, session::Value};

/// Longest text of a column that an index may hold (PostgreSQL's B-tree takes 2,704 bytes for all columns).
const MAX_TEXT: usize = 512;

/// A text as a column: no NUL, which PostgreSQL refuses, and never too long for an index. What is longer is cut and
/// told apart by its hash.
pub(crate) fn text(text: &str) -> String {
    let clean = text.replace('\0', "\u{fffd}");
    if clean.len() <= MAX_TEXT {
        return clean;
    }
    let end = (0..=MAX_TEXT - 40).rev().find(|end| clean.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…{}", clean.get(..end).unwrap_or_default(), hash(&[text]))
}

/// A text that no index holds: only NUL is replaced.
pub(crate) fn long_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The column that texts are looked for in: all of them in lower case (ASCII), with a separator nobody types.
pub(crate) fn search(texts: &[&str]) -> String {
    long_text(&texts.join("\u{1f}")).to_ascii_lowercase()
}

/// A time to sort by: what lies after the year 2262 sorts as if it were then.
pub(crate) fn sortable(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// A number or time that is only read back, all 64 bits of it.
pub(crate) fn exact(number: u64) -> Value {
    Value::from(number.cast_signed())
}

/// A count that is summed up.
pub(crate) fn counter(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A value as JSON text.
pub(crate) fn json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Backend { operation: what, reason: format!("not JSON: {error}") })
}

/// A priority as a number; the most urgent is the smallest.
pub(crate) fn priority(priority: Priority) -> i64 {
    Priority::ALL.iter().zip(0..).find(|(each, _)| **each == priority).map_or(0, |(_, rank)| rank)
}

/// The priority of that number.
pub(crate) fn priority_of(rank: i64) -> Result<Priority, StoreError> {
    usize::try_from(rank).ok().and_then(|rank| Priority::ALL.get(rank).copied()).ok_or_else(|| {
        StoreError::Corrupt { what: "a priority".into(), reason: format!("there is none of rank {rank}") }
    })
}

/// A key that sorts by time; `parts` decide between equal times, in no meaningful but always the same way.
pub(crate) fn ordering(time: Timestamp, parts: &[&str]) -> String {
    format!("{:020}{}", time.0, hash(parts))
}

/// An id made of the parts; 32 hexadecimal digits.
pub(crate) fn identity(parts: &[&str]) -> String {
    hash(parts)
}

/// Hash of the parts, each preceded by its length so that no two lists collide; 32 hexadecimal digits.
fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use fargard_model::Timestamp;

    use super::{MAX_TEXT, ordering, sortable, text};

    #[test]
    fn long_texts_are_cut_and_stay_distinct() {
        let long = |last: char| format!("{}{last}", "é".repeat(2000));
        let (one, other) = (text(&long('a')), text(&long('b')));
        assert!(one.len() <= MAX_TEXT, "{}", one.len());
        assert_ne!(one, other);
        assert_eq!(text("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn times_sort_up_to_the_last_one() {
        assert!(sortable(Timestamp(1)) < sortable(Timestamp(u64::MAX)));
        assert!(ordering(Timestamp(9), &["b"]) < ordering(Timestamp(10), &["a"]));
        assert!(ordering(Timestamp(10), &["b"]) < ordering(Timestamp(u64::MAX), &["a"]));
    }
}
