//! Records of sources that speak JSON, such as CloudTrail.

use std::borrow::Cow;

use fargard_model::{Source, Timestamp};

use crate::json::{Fault, Json, Members, Scanner};

/// Most bytes of one record; CloudTrail's own limit is 256 KiB, 1 MiB with enriched events.
pub const MAX_RECORD: usize = 4 << 20;

/// One JSON object with a time. Its text is kept as it came; values are found in it when they are asked for.
#[derive(Clone, Debug)]
pub struct Record {
    /// Number within its input, counted from 1.
    pub num: u64,
    /// When it happened.
    pub time: Timestamp,
    /// Where it comes from.
    pub source: Source,
    text: Box<str>,
    members: Members,
}

impl Record {
    /// A record from bytes that should be one JSON object and nothing else. Number and time are zero until they are
    /// set.
    ///
    /// # Errors
    /// The bytes are no JSON object, no UTF-8, or more than [`MAX_RECORD`].
    pub fn parse(source: Source, bytes: &[u8]) -> Result<Self, Fault> {
        let mut scanner = Scanner::new(bytes, 0);
        let record = Self::scan(source, bytes, &mut scanner)?;
        if scanner.at() == bytes.len() {
            Ok(record)
        } else {
            Err(Fault { at: scanner.at(), what: "text after the record's end" })
        }
    }

    /// A record from the place in `bytes` where `scanner` stands; the scanner then stands behind it.
    ///
    /// # Errors
    /// As [`Record::parse`]; the fault's place counts from the start of `bytes`.
    pub fn scan(source: Source, bytes: &[u8], scanner: &mut Scanner<'_>) -> Result<Self, Fault> {
        // Records have some thirty members.
        let mut members = Members::with_capacity(32);
        let start = scanner.at();
        scanner.members(&mut members)?;
        let bytes = bytes.get(start..scanner.at()).unwrap_or_default();
        if bytes.len() > MAX_RECORD {
            return Err(Fault { at: start, what: "a record of more than 4 MiB" });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Fault { at: start + error.valid_up_to(), what: "not UTF-8" })?;
        Ok(Self { num: 0, time: Timestamp::default(), source, text: text.into(), members })
    }

    /// The whole record.
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        Json::checked(&self.text)
    }

    /// A member by name; the first of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'_>> {
        let value = self.members.find(&self.text, name)?;
        self.text.get(value).map(Json::checked)
    }

    /// The value a path of keys leads to.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<Json<'_>> {
        let (first, rest) = keys.split_first()?;
        self.get(first)?.path(rest)
    }

    /// The characters of a string that a path of keys leads to.
    #[must_use]
    pub fn text_at(&self, keys: &[&str]) -> Option<Cow<'_, str>> {
        self.path(keys).and_then(Json::as_str)
    }
}

#[cfg(test)]
mod tests;
