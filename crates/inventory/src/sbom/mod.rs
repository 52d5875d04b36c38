//! Bills of materials.

mod cyclonedx;
mod spdx;

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use sha2::{Digest as _, Sha256};

pub use self::{cyclonedx::cyclonedx, spdx::spdx};
use crate::{Inventory, Package, Vulnerability};

/// What a bill of materials is of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The image's reference, or the directory.
    pub name: &'a str,
    /// The image's digest.
    pub digest: Option<&'a str>,
    /// When it was looked at.
    pub time: Timestamp,
    /// Version of this program.
    pub tool_version: &'a str,
    /// What is in it.
    pub inventory: &'a Inventory,
    /// What is known to be vulnerable in it.
    pub vulnerabilities: &'a [Vulnerability],
}

/// Packages that are the same wherever they lie, by their URL, with all their places.
fn components<'a>(subject: &Subject<'a>) -> BTreeMap<String, Vec<&'a Package>> {
    let mut found: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for package in &subject.inventory.packages {
        found.entry(package.purl(subject.inventory.distribution.as_ref())).or_default().push(package);
    }
    found
}

/// A UUID of what is described (RFC 9562, version 8): the same for the same content.
fn uuid(subject: &Subject<'_>) -> String {
    let mut hasher = Sha256::new();
    for text in [subject.name, subject.digest.unwrap_or_default(), subject.tool_version] {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hasher.update(subject.time.0.to_be_bytes());
    for (purl, places) in components(subject) {
        hasher.update(purl.as_bytes());
        for package in places {
            hasher.update(package.place.as_bytes());
        }
    }
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().zip(hasher.finalize()) {
        *place = byte;
    }
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// A time to the second, as both formats want it.
fn second(time: Timestamp) -> String {
    let text = time.rfc3339();
    let date = text.split(['.', 'Z', '+']).next().unwrap_or_default();
    format!("{date}Z")
}
