//! Debian's security tracker (`security-tracker.debian.org/tracker/data/json`): source packages, their CVEs, and for each
//! release what is known. One document of some 70 MB, read as a stream.

use std::{collections::BTreeMap, fmt, io::Read};

use serde::{
    Deserialize,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::{Affected, Range, read::Reader};
use crate::{Distribution, Severity, Status, package::field};

/// What the tracker says of a CVE in a package.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    description: String,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Debug, Deserialize)]
struct Release {
    status: String,
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: String,
    nodsa_reason: Option<String>,
}

/// Whether a document that begins so is the tracker's: packages, and below each its CVEs.
pub(super) fn is_tracker(head: &[u8]) -> bool {
    let mut quotes = head.split(|byte| *byte == b'"');
    let (before, _, between, name) = (quotes.next(), quotes.next(), quotes.next(), quotes.next());
    let bare = |text: Option<&[u8]>| -> Vec<u8> {
        text.unwrap_or_default().iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    };
    bare(before) == b"{"
        && bare(between) == b":{"
        && name.is_some_and(|name| name.starts_with(b"CVE-") || name.starts_with(b"TEMP-"))
}

/// Reads the document.
pub(super) fn read(content: &mut dyn Read, reader: &mut Reader<'_>) -> serde_json::Result<()> {
    let mut document = serde_json::Deserializer::from_reader(content);
    Tracker(reader).deserialize(&mut document)
}

struct Tracker<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for Tracker<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tracker<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packages and their CVEs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let is_wanted = releases().any(|(_, release)| !self.0.wanted.find(&release, &name).is_empty());
            map.next_value_seed(Package { reader: self.0, name, is_wanted })?;
        }
        Ok(())
    }
}

/// The releases by their names.
fn releases() -> impl Iterator<Item = (&'static str, String)> {
    ["stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke"]
        .into_iter()
        .filter_map(|name| Some((name, Distribution::debian_release(name)?)))
}

/// One package, whose CVEs are passed over when it is not wanted.
struct Package<'a, 'b> {
    reader: &'a mut Reader<'b>,
    name: String,
    is_wanted: bool,
}

impl<'de> DeserializeSeed<'de> for Package<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Package<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the CVEs of a package")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<String>()? {
            self.reader.feed.advisories += 1;
            if !self.is_wanted {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let entry: Entry = map.next_value()?;
            for (release, said) in &entry.releases {
                let Some(ecosystem) = Distribution::debian_release(release) else { continue };
                let wanted = self.reader.wanted;
                let Some(affected) = affected(&id, &entry, said) else {
                    self.reader.findings.cover(wanted, &ecosystem);
                    continue;
                };
                self.reader.findings.add(wanted, &ecosystem, &self.name, || affected.clone());
            }
        }
        Ok(())
    }
}

/// What is said of one release; `None` when it is not concerned or nobody knows.
fn affected(id: &str, entry: &Entry, said: &Release) -> Option<Affected> {
    let mut found = Affected {
        id: field(id.as_bytes()),
        summary: field(entry.description.as_bytes()),
        ..Affected::default()
    };
    match (said.status.as_str(), said.fixed_version.as_deref()) {
        // The package never had it.
        ("resolved", Some("0")) => return None,
        ("resolved", Some(fixed)) => found.ranges = vec![Range::before(fixed)],
        ("open", _) => {
            found.ranges = vec![Range::always()];
            found.unfixed = Some(match (said.urgency.as_str(), said.nodsa_reason.as_deref()) {
                ("end-of-life", _) => Status::EndOfLife,
                (_, Some("ignored")) => Status::WontFix,
                _ => Status::Unfixed,
            });
        }
        _ => return None,
    }
    found.severity = Severity::of_word(&said.urgency);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::is_tracker;

    #[test]
    fn the_tracker_is_told_by_its_first_names() {
        assert!(is_tracker(b"{\n \"0ad\": { \"CVE-2020-1\": {"));
        assert!(is_tracker(b"{\"389-ds\":{\"TEMP-1\":{"));
        for other in [&b"{\"id\": \"CVE-2020-1\"}"[..], b"", b"[]", b"{\"document\":{\"CVE\":1}}"] {
            assert!(!is_tracker(other));
        }
    }
}
