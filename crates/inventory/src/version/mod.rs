//! The orders of versions, each as the tool that installs by it has it.
//!
//! None of them fails: a text that is no version of its kind still has a place, since databases and advisories may hold
//! anything.

mod apk;
mod dpkg;
mod gem;
mod maven;
mod pep440;
mod rpm;
mod semver;

use std::cmp::Ordering;

/// Whose order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// dpkg's (`deb-version(7)`).
    Dpkg,
    /// rpm's: epoch, version, release.
    Rpm,
    /// apk's, of version 3.
    Apk,
    /// Semantic versioning 2.0.0: npm, Cargo, Go.
    Semver,
    /// Python's (PEP 440).
    Pep440,
    /// Maven's `ComparableVersion`.
    Maven,
    /// Ruby's `Gem::Version`.
    Gem,
}

/// Longest version that is looked at to its end, in bytes.
const MAX_LENGTH: usize = 1024;

impl Order {
    /// How `left` stands to `right`.
    #[must_use]
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        let (left, right) = (cut(left), cut(right));
        match self {
            Self::Dpkg => dpkg::compare(left, right),
            Self::Rpm => rpm::compare(left, right),
            Self::Apk => apk::compare(left, right),
            Self::Semver => semver::compare(left, right),
            Self::Pep440 => pep440::compare(left, right),
            Self::Maven => maven::compare(left, right),
            Self::Gem => gem::compare(left, right),
        }
    }
}

fn cut(version: &str) -> &str {
    let version = version.trim();
    let end = (0..=MAX_LENGTH.min(version.len())).rev().find(|end| version.is_char_boundary(*end));
    version.get(..end.unwrap_or(0)).unwrap_or(version)
}

/// Numbers of any length, as digits.
fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let bare = |digits: &[u8]| {
        let start = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
        digits.get(start..).unwrap_or_default().to_vec()
    };
    let (left, right) = (bare(left), bare(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

/// Splits what fulfils a condition off the front.
fn take_while(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !is_part(*byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, b""))
}

#[cfg(test)]
mod tests;
