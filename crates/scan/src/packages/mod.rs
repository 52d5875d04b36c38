//! What the package database of a root file system says of its files.

pub mod apk;
pub mod dpkg;
mod files;
pub mod rpm;
mod source;

use std::{borrow::Cow, io};

use fargard_model::foreign::printable;

use self::files::{Files, MAX_FILES};
pub use self::source::{Content, Opened, Source};
use crate::digest::Digest;

/// Longest file of a text database; Debian's `status` of a large machine is below 10 MB.
const MAX_TEXT: usize = 128 << 20;

/// What a package says of one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Digest of its content; for an apk's link that of the target's text.
    pub(crate) digest: Option<Digest>,
    /// Its permissions with setuid and setgid bits, where the database has them.
    pub(crate) mode: Option<u32>,
    /// Number of its package.
    pub(crate) package: u32,
    /// Whether it is configuration that an administrator may change.
    pub(crate) config: bool,
    /// Whether it may rightly be absent or differ (documentation, ghosts).
    pub(crate) optional: bool,
}

/// A way round a package's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diversion {
    /// Path that is diverted.
    pub(crate) from: Vec<u8>,
    /// Where the package's own file lies instead.
    pub(crate) to: Vec<u8>,
}

/// Everything the databases say.
#[derive(Debug, Default)]
pub struct Packages {
    pub(crate) names: Vec<String>,
    pub(crate) files: Files,
    /// Diversions that an administrator made, not a package.
    pub(crate) local_diversions: Vec<Diversion>,
    /// Packages whose list of digests is gone, with the number of their files.
    pub(crate) without_digests: Vec<(String, usize)>,
    /// Lists of digests newer than their package's installation.
    pub(crate) newer_digests: Vec<String>,
    /// Which databases were read.
    pub(crate) kinds: Vec<&'static str>,
    /// What could not be read, for people.
    pub(crate) troubles: Vec<String>,
    /// Top directories that are links, as `/bin` to `usr/bin`.
    aliases: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Packages {
    /// Reads the databases of a root file system. What cannot be read is among the troubles.
    #[must_use]
    pub fn read(source: &dyn Source) -> Self {
        Self { files: Files::with_paths(), ..Self::default() }.filled(source)
    }

    /// As [`Packages::read`], in half the memory: what is missing cannot be named then.
    #[must_use]
    pub fn read_compact(source: &dyn Source) -> Self {
        Self::default().filled(source)
    }

    fn filled(mut self, source: &dyn Source) -> Self {
        match aliases(source) {
            Ok(aliases) => self.aliases = aliases,
            Err(error) => self.troubles.push(format!("/: {error}")),
        }
        dpkg::read(source, &mut self);
        apk::read(source, &mut self);
        rpm::read(source, &mut self);
        self.files.shrink();
        self
    }

    /// Names of the databases found: `dpkg`, `apk`, `rpm`.
    #[must_use]
    pub fn kinds(&self) -> &[&'static str] {
        &self.kinds
    }

    /// Number of installed packages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether a path is that of a package's file.
    #[must_use]
    pub fn owns(&self, path: &[u8]) -> bool {
        self.files.get(path).is_some()
    }

    /// The name of a file's package.
    pub(crate) fn name(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|number| self.names.get(number)).map_or("?", String::as_str)
    }

    /// Starts a package; gives its number.
    fn begin(&mut self, name: String) -> u32 {
        self.names.push(name);
        u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds what a package says of a path.
    fn expect(&mut self, path: &[u8], expected: Expected) {
        let path = self.real(path);
        if !self.files.insert(&path, expected) && self.troubles.is_empty() {
            self.troubles.push(format!("more than {MAX_FILES} files of packages"));
        }
    }

    /// A path as the walk will name it: with a slash in front, and top directories that are links resolved.
    pub(crate) fn real(&self, path: &[u8]) -> Vec<u8> {
        let path = path.strip_prefix(b".").filter(|rest| rest.starts_with(b"/")).unwrap_or(path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        let mut real = vec![b'/'];
        match self.aliases.iter().find(|(name, _)| name == first && path.len() > first.len()) {
            Some((_, target)) => {
                real.extend_from_slice(target);
                real.extend_from_slice(path.get(first.len()..).unwrap_or_default());
            }
            None => real.extend_from_slice(path),
        }
        real
    }
}

impl Expected {
    fn with_digest(digest: Option<Digest>, package: u32) -> Self {
        Self { digest, mode: None, package, config: false, optional: false }
    }
}

/// Links in the root directory to directories below it.
fn aliases(source: &dyn Source) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let links = source.top_links()?.into_iter();
    Ok(links
        .filter_map(|(name, target)| {
            let target = target.strip_prefix(b"/").unwrap_or(&target).trim_ascii_end();
            let target = target.strip_suffix(b"/").unwrap_or(target);
            let is_plain = !target.split(|byte| *byte == b'/').any(|part| part == b".." || part == b".");
            (!target.is_empty() && is_plain).then(|| (name, target.to_vec()))
        })
        .collect())
}

/// A whole file of a database; `None` when there is none.
fn read_whole<'a>(
    source: &'a dyn Source,
    path: &[u8],
    limit: usize,
    troubles: &mut Vec<String>,
) -> Option<Cow<'a, [u8]>> {
    let read =
        source.open(path).and_then(|opened| opened.map(|opened| opened.content.whole(limit)).transpose());
    match read {
        Ok(read) => read,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(error) => {
            troubles.push(format!("{}: {error}", printable(path)));
            None
        }
    }
}
