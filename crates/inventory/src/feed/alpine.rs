//! Alpine's secdb (`secdb.alpinelinux.org`), and Wolfi's and Chainguard's of the same form: for each source package the
//! versions that fix something.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Affected, Range, read::Reader};
use crate::{json, package::field};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    apkurl: String,
    packages: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// From a version to what it fixes: a name, perhaps others after it. Version `0` never had it.
    #[serde(default)]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

/// Takes a document; whether it is one.
pub(super) fn read(text: &[u8], release: &str, reader: &mut Reader<'_>) -> bool {
    let Some(document) = json::read::<Document>(text) else { return false };
    let ecosystem = if document.apkurl.contains("wolfi") {
        "wolfi".to_owned()
    } else if document.apkurl.contains("chainguard") {
        "chainguard".to_owned()
    } else {
        format!("alpine:{}", release.trim_start_matches('v'))
    };
    reader.findings.cover(reader.wanted, &ecosystem);
    for Item { pkg: package } in &document.packages {
        for (version, fixes) in &package.secfixes {
            for names in fixes.iter().flatten() {
                reader.feed.advisories += 1;
                if version == "0" {
                    continue;
                }
                reader.findings.add(reader.wanted, &ecosystem, &package.name, || affected(version, names));
            }
        }
    }
    true
}

fn affected(version: &str, names: &str) -> Affected {
    let mut names = names.split_whitespace().map(|name| field(name.as_bytes()));
    Affected {
        id: names.next().unwrap_or_default(),
        aliases: names.collect(),
        ranges: vec![Range::before(version)],
        ..Affected::default()
    }
}
