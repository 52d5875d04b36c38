//! What the package database of a root file system says of its files.

pub mod apk;
pub mod dpkg;
pub mod rpm;

use std::{collections::HashMap, io, os::fd::AsFd as _};

use rustix::fs::{AtFlags, Dir, FileType};

use crate::{confined::Root, digest::Digest};

/// Longest file of a text database; Debian's `status` of a large machine is below 10 MB.
const MAX_TEXT: usize = 128 << 20;

/// Most files known of all packages together.
const MAX_FILES: usize = 4_000_000;

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
    /// Whether it was met on the walk.
    pub(crate) seen: bool,
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
    pub(crate) files: HashMap<Vec<u8>, Expected>,
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
    pub fn read(root: &Root) -> Self {
        let mut packages = Self::default();
        match aliases(root) {
            Ok(aliases) => packages.aliases = aliases,
            Err(error) => packages.troubles.push(format!("/: {error}")),
        }
        dpkg::read(root, &mut packages);
        apk::read(root, &mut packages);
        rpm::read(root, &mut packages);
        packages
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
        if self.files.len() >= MAX_FILES {
            if self.troubles.is_empty() {
                self.troubles.push(format!("more than {MAX_FILES} files of packages"));
            }
            return;
        }
        let path = self.real(path);
        self.files.insert(path, expected);
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
        Self { digest, mode: None, package, config: false, optional: false, seen: false }
    }
}

/// Links in the root directory to directories below it.
fn aliases(root: &Root) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let directory = root.open_directory(b"/")?;
    let mut found = Vec::new();
    for entry in Dir::read_from(directory.as_fd())?.flatten().take(10_000) {
        let name = entry.file_name();
        let Ok(stat) = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink
            || root.open_directory(name.to_bytes()).is_err()
        {
            continue;
        }
        let target = rustix::fs::readlinkat(&directory, name, Vec::new())?.into_bytes();
        let target = target.strip_prefix(b"/").unwrap_or(&target).trim_ascii_end();
        let target = target.strip_suffix(b"/").unwrap_or(target);
        if !target.is_empty() && !target.split(|byte| *byte == b'/').any(|part| part == b".." || part == b".")
        {
            found.push((name.to_bytes().to_vec(), target.to_vec()));
        }
    }
    Ok(found)
}

/// A whole file of a database; `None` when there is none.
fn read_whole(root: &Root, path: &[u8], limit: usize, troubles: &mut Vec<String>) -> Option<Vec<u8>> {
    match root.open_file(path) {
        Ok(Some((file, _))) => match fargard_model::bounded::read_from(file, limit) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                troubles.push(format!("{}: {error}", fargard_model::foreign::printable(path)));
                None
            }
        },
        Ok(None) => None,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory =>
        {
            None
        }
        Err(error) => {
            troubles.push(format!("{}: {error}", fargard_model::foreign::printable(path)));
            None
        }
    }
}
