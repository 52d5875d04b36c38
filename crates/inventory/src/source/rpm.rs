//! rpm's packages, out of their headers (rpm's `docs/manual/tags.md`).

use std::collections::BTreeSet;

use fargard_scan::packages::rpm::{self, Damage, ReadAt};

use crate::{Kind, Package, Source, package::field};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENSE: u32 = 1014;
const ARCH: u32 = 1022;
const SOURCE_RPM: u32 = 1044;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const MODULARITY_LABEL: u32 = 5096;

/// Most entries of a header; rpm's own limit.
const MAX_ENTRIES: usize = 0xffff;

/// The packages of a database of any form, and what is called with the paths of their files.
///
/// # Errors
/// The database is damaged. Packages before the damage are lost with it.
pub fn packages(
    database: &dyn ReadAt,
    place: &str,
    paths: &mut dyn FnMut(&[u8]),
) -> Result<Vec<Package>, Damage> {
    let mut found = BTreeSet::new();
    rpm::headers(database, &mut |header| {
        if let Some(header) = Header::of(header) {
            header.paths(paths);
            found.extend(header.package(place));
        }
    })?;
    Ok(found.into_iter().collect())
}

struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

impl<'a> Header<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let count = word(bytes, 0).filter(|count| *count <= MAX_ENTRIES)?;
        let length = word(bytes, 4)?;
        let (entries, data) = bytes.get(8..)?.split_at_checked(count * 16)?;
        Some(Self { entries, data: data.get(..length)? })
    }

    /// The data of a tag and its count.
    fn find(&self, tag: u32) -> Option<(&'a [u8], usize)> {
        let entry = self.entries.chunks_exact(16).find(|entry| entry.get(..4) == Some(&tag.to_be_bytes()))?;
        Some((self.data.get(word(entry, 8)?..)?, word(entry, 12)?))
    }

    fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let (data, count) = self.find(tag).unwrap_or_default();
        data.split(|byte| *byte == 0).take(count.min(data.len()))
    }

    fn text(&self, tag: u32) -> String {
        self.strings(tag).next().map(field).unwrap_or_default()
    }

    fn package(&self, place: &str) -> Option<Package> {
        let (name, version, release) = (self.text(NAME), self.text(VERSION), self.text(RELEASE));
        // Keys that sign packages are kept as packages.
        if name.is_empty() || version.is_empty() || name == "gpg-pubkey" {
            return None;
        }
        let epoch = self.find(EPOCH).and_then(|(data, _)| word(data, 0)).filter(|epoch| *epoch > 0);
        let lead = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let mut package = Package::new(Kind::Rpm, name.as_bytes(), b"", place);
        package.version = format!("{lead}{version}-{release}");
        package.architecture = self.text(ARCH);
        package.license = self.text(LICENSE);
        package.modular = !self.text(MODULARITY_LABEL).is_empty() || release.contains(".module");
        package.source = source(&self.text(SOURCE_RPM), &lead);
        Some(package)
    }

    fn paths(&self, visit: &mut dyn FnMut(&[u8])) {
        let directories: Vec<_> = self.strings(DIR_NAMES).collect();
        let (indexes, count) = self.find(DIR_INDEXES).unwrap_or_default();
        for (number, base) in self.strings(BASE_NAMES).enumerate().take(count) {
            let directory = word(indexes, number * 4).and_then(|index| directories.get(index));
            if let Some(directory) = directory {
                visit(&[directory, base].concat());
            }
        }
    }
}

/// `name-version-release.src.rpm`.
fn source(file: &str, epoch: &str) -> Option<Source> {
    let stem = file.strip_suffix(".rpm")?.rsplit_once('.')?.0;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(Source { name: name.to_owned(), version: format!("{epoch}{version}-{release}") })
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn source_files_name_their_source() {
        let found = source("openssl-3.0.7-6.el9_2.src.rpm", "1:").unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("openssl", "1:3.0.7-6.el9_2"));
        for bad in ["", "x.rpm", "x-1.src.rpm", "(none)"] {
            assert!(source(bad, "").is_none(), "{bad}");
        }
    }
}
