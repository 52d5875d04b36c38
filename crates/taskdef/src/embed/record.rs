//! What embedding changed, written into a label of the sensor's container, so that it can be undone later.
//!
//! `1;wrap;app:!entryPoint,command=[],environment+FARGARD_PRINT;:!pidMode` reads: of container `app` the member
//! `entryPoint` was absent, `command` was `[]`, `environment` was extended by an entry; of the task `pidMode` was
//! absent.

use std::collections::BTreeMap;

/// Name of the label, at the sensor's container, that says what embedding changed.
pub const LABEL: &str = "fargard.embed";
/// Most bytes read of a label.
const MAX_LABEL: usize = 64 << 10;

/// What became of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// What was there: `None` if the member was extended, else its text, `Some(None)` if it was absent.
    pub(crate) was: Option<Option<String>>,
    /// Names of entries added to a list.
    pub(crate) added: Vec<String>,
}

/// All changes of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// `wrap` or `attach`.
    pub(crate) mode: String,
    /// By container, then by member; the task itself has the empty name.
    pub(crate) changes: BTreeMap<String, BTreeMap<String, Change>>,
}

impl Record {
    pub(crate) fn note(&mut self, container: &str, member: &str, change: Change) {
        self.changes.entry(container.to_owned()).or_default().insert(member.to_owned(), change);
    }

    /// The label's value.
    pub(crate) fn write(&self) -> String {
        let mut text = format!("1;{}", self.mode);
        for (container, members) in &self.changes {
            let members: Vec<String> = members.iter().map(|(name, change)| change.write(name)).collect();
            text.push_str(&format!(";{}:{}", escape(container), members.join(",")));
        }
        text
    }

    /// From a label's value; `None` if embedding did not write it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        if text.len() > MAX_LABEL || parts.next() != Some("1") {
            return None;
        }
        let mut record = Self { mode: parts.next()?.to_owned(), ..Self::default() };
        for part in parts {
            let (container, members) = part.split_once(':')?;
            for member in members.split(',') {
                let (name, change) = Change::read(member)?;
                record.note(&unescape(container)?, name, change);
            }
        }
        Some(record)
    }
}

impl Change {
    /// The member was absent or had this text.
    pub(crate) fn set(was: Option<&str>) -> Self {
        Self { was: Some(was.map(str::to_owned)), added: Vec::new() }
    }

    pub(crate) fn with(mut self, added: &[String]) -> Self {
        self.added = added.to_vec();
        self
    }

    fn write(&self, name: &str) -> String {
        let mut text = match &self.was {
            None => name.to_owned(),
            Some(None) => format!("!{name}"),
            Some(Some(was)) => format!("{name}={}", escape(was)),
        };
        for added in &self.added {
            text.push('+');
            text.push_str(&escape(added));
        }
        text
    }

    fn read(text: &str) -> Option<(&str, Self)> {
        let mut parts = text.split('+');
        let head = parts.next()?;
        let added = parts.map(unescape).collect::<Option<_>>()?;
        let (name, was) = match (head.strip_prefix('!'), head.split_once('=')) {
            (Some(name), _) => (name, Some(None)),
            (None, Some((name, was))) => (name, Some(Some(unescape(was)?))),
            (None, None) => (head, None),
        };
        Some((name, Self { was, added }))
    }
}

/// Everything but letters, digits and `_.[]-` as `%XX`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Change, Record};

    #[test]
    fn a_label_reads_as_documented() {
        let mut record = Record { mode: "wrap".to_owned(), ..Record::default() };
        record.note("app", "entryPoint", Change::set(None));
        record.note("app", "command", Change::set(Some("[]")));
        record.note("app", "environment", Change::default().with(&["FARGARD_PRINT".to_owned()]));
        record.note("", "pidMode", Change::set(None));
        let text = record.write();
        assert_eq!(text, "1;wrap;:!pidMode;app:command=[],!entryPoint,environment+FARGARD_PRINT");
        assert_eq!(Record::read(&text), Some(record));
        for foreign in ["", "on", "2;wrap", "1", "1;wrap;x", "1;wrap;a:b=%4"] {
            assert_eq!(Record::read(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "\\PC{0,8}", was in proptest::option::of("\\PC{0,8}"), added in "\\PC{1,8}") {
            let mut record = Record { mode: "attach".to_owned(), ..Record::default() };
            record.note(&name, "command", Change::set(was.as_deref()).with(&[added]));
            prop_assert_eq!(Record::read(&record.write()), Some(record));
        }

        #[test]
        fn any_label_is_read_without_panic(text in "\\PC{0,40}") {
            let _ = Record::read(&text);
        }
    }
}
