//! Python distributions as installed: `METADATA` of a `.dist-info`, `PKG-INFO` of an `.egg-info` (core metadata
//! specification).

use super::control::fields;
use crate::{Kind, Package, package::field};

/// The distribution that a metadata file describes.
#[must_use]
pub fn package(text: &[u8], place: &str) -> Option<Package> {
    let mut package = Package::new(Kind::Python, b"", b"", place);
    for (name, value) in fields(text) {
        if name.eq_ignore_ascii_case(b"Name") {
            package.name = field(value);
        } else if name.eq_ignore_ascii_case(b"Version") {
            package.version = field(value);
        } else if name.eq_ignore_ascii_case(b"License-Expression")
            || (name.eq_ignore_ascii_case(b"License") && package.license.is_empty())
        {
            package.license = field(value);
        }
    }
    (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
}

/// A name as indexes compare it (PEP 503).
#[must_use]
pub fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.chars() {
        let letter = if matches!(letter, '-' | '_' | '.') { '-' } else { letter.to_ascii_lowercase() };
        if letter != '-' || !normal.ends_with('-') {
            normal.push(letter);
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::{normalised, package};

    #[test]
    fn metadata_names_a_distribution() {
        let found = package(
            b"Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0.1\nLicense: MIT\n\nVersion: 9\n",
            "/x",
        )
        .unwrap();
        assert_eq!(
            (found.name.as_str(), found.version.as_str(), found.license.as_str()),
            ("PyYAML", "6.0.1", "MIT")
        );
        assert_eq!(package(b"Name: x\n\nVersion: 1\n", "/x"), None);
        assert_eq!(normalised("Zope.Interface__x"), "zope-interface-x");
    }
}
