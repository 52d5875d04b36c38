//! From the files that say what is installed to a list of packages.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Read},
};

use fargard_model::foreign::printable;
use fargard_scan::packages::rpm::ReadAt;
use serde::{Deserialize, Serialize};

use crate::{
    Distribution, Package,
    source::{Elf, Interest, apk, dpkg, gem, go, jar, npm, python, rpm, rust},
};

/// Most packages of an inventory, and most troubles that are named.
const MAX_PACKAGES: usize = 500_000;
const MAX_TROUBLES: usize = 100;

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The distribution, of an `os-release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Files of a distribution's packages, as hashes of their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    owned: Vec<u64>,
    /// Jars that do not say what they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    anonymous_jars: u64,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Everything that is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The distribution, where the file system says which.
    pub distribution: Option<Distribution>,
    /// The packages, sorted.
    pub packages: Vec<Package>,
    /// Jars that do not say what they are, and are not among the packages.
    pub anonymous_jars: u64,
    /// What could not be read, for people; with any, the list may lack packages.
    pub troubles: Vec<String>,
}

/// The first bytes of a stream, or all of it where the inventory wants it.
#[derive(Debug, Default)]
pub struct Held {
    /// What was read; the rest is still in the stream.
    pub bytes: Vec<u8>,
    /// Whether that is all, and wanted.
    pub whole: bool,
}

impl Held {
    /// Reads what is wanted of a file.
    ///
    /// # Errors
    /// The stream fails.
    pub fn read(path: &[u8], executable: bool, size: u64, content: &mut dyn Read) -> io::Result<Self> {
        let mut held = Self::default();
        let Some(interest) = Interest::of(path, executable) else { return Ok(held) };
        if interest == Interest::Program {
            content.take(4).read_to_end(&mut held.bytes)?;
            if held.bytes != b"\x7fELF" {
                return Ok(held);
            }
        }
        if size > interest.limit() as u64 {
            return Ok(held);
        }
        held.bytes.reserve(usize::try_from(size).unwrap_or_default());
        content.take(size).read_to_end(&mut held.bytes)?;
        held.whole = true;
        Ok(held)
    }
}

impl Piece {
    /// Reads a file of that path; `None` when it says nothing.
    #[must_use]
    pub fn read(path: &[u8], executable: bool, file: &dyn ReadAt) -> Option<Self> {
        let interest = Interest::of(path, executable)?;
        let place = printable(path);
        let mut piece = Self::default();
        match interest {
            Interest::Rpm => piece.rpm(file, &place),
            Interest::Jar => piece.jar(file, &place),
            Interest::Program => {
                let elf = Elf::open(file)?;
                let of_go = if elf.has(b".go.buildinfo") { go::of_elf(&elf, &place) } else { None };
                let of_rust = if elf.has(b".dep-v0") { rust::of_elf(&elf, &place) } else { None };
                piece.packages = of_go.into_iter().chain(of_rust).flatten().collect();
            }
            _ => match whole(file, interest.limit()) {
                Ok(text) => piece.text(interest, &text, &place, path),
                Err(error) => piece.troubles.push(format!("{place}: {error}")),
            },
        }
        (piece != Self::default()).then_some(piece)
    }

    /// A file that was too long or could not be read.
    #[must_use]
    pub fn unread(path: &[u8], reason: &str) -> Self {
        Self { troubles: vec![format!("{}: {reason}", printable(path))], ..Self::default() }
    }

    fn text(&mut self, interest: Interest, text: &[u8], place: &str, path: &[u8]) {
        match interest {
            Interest::Distribution => self.distribution = Distribution::parse(text),
            Interest::DpkgStatus | Interest::DpkgPart => self.packages = dpkg::packages(text, place),
            Interest::DpkgFiles => {
                dpkg::paths(text, path.ends_with(b".md5sums")).for_each(|path| self.own(&path));
            }
            Interest::Apk => {
                let (packages, paths) = apk::packages(text, place);
                self.packages = packages;
                paths.iter().for_each(|path| self.own(path));
            }
            Interest::Python => self.packages.extend(python::package(text, place)),
            Interest::Npm => self.packages.extend(npm::package(text, place)),
            Interest::Gem => self.packages.extend(gem::package(text, place)),
            Interest::Rpm | Interest::Jar | Interest::Program => {}
        }
    }

    fn rpm(&mut self, file: &dyn ReadAt, place: &str) {
        let mut owned = Vec::new();
        let found = rpm::packages(file, place, &mut |path| owned.extend(hashes(path)));
        self.owned = owned;
        match found {
            Ok(packages) => self.packages = packages,
            Err(error) => self.troubles.push(format!("{place}: {error}")),
        }
    }

    fn jar(&mut self, file: &dyn ReadAt, place: &str) {
        match jar::packages(file, place) {
            Ok(found) => {
                self.anonymous_jars = found.anonymous;
                self.packages = found.packages;
                if found.damaged > 0 {
                    self.troubles.push(format!("{place}: {} members could not be read", found.damaged));
                }
            }
            Err(error) => self.troubles.push(format!("{place}: {error}")),
        }
    }

    fn own(&mut self, path: &[u8]) {
        self.owned.extend(hashes(path));
    }

    /// Whether it is a distribution's database of packages.
    #[must_use]
    pub fn is_database(&self) -> bool {
        self.packages.iter().any(|package| package.kind.is_of_distribution())
    }
}

fn whole(file: &dyn ReadAt, limit: usize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.length()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than the limit of {limit} bytes"),
        ));
    }
    let mut bytes = vec![0; length];
    file.fill_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The hashes of a path's names: directories that are merged into `/usr` are named both ways.
fn hashes(path: &[u8]) -> impl Iterator<Item = u64> {
    let merged = [&b"/bin/"[..], b"/sbin/", b"/lib/", b"/lib64/"].iter().any(|top| path.starts_with(top));
    let other = merged.then(|| hash(&[b"/usr", path].concat()));
    [hash(path)].into_iter().chain(other)
}

fn hash(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// Puts pieces together.
#[derive(Debug, Default)]
pub struct Collector {
    packages: BTreeSet<Package>,
    owned: HashSet<u64>,
    inventory: Inventory,
    /// A database that an upper layer hides, with the number of its packages.
    hidden: Option<Piece>,
    has_database: bool,
}

impl Collector {
    /// Takes a piece that is visible; `layer` is the number of its layer, the lowest 1.
    pub fn add(&mut self, piece: Piece, layer: Option<u32>) {
        self.has_database |= piece.is_database();
        self.owned.extend(piece.owned);
        self.inventory.anonymous_jars += piece.anonymous_jars;
        for trouble in piece.troubles {
            self.trouble(trouble);
        }
        // `/etc/os-release` mostly is a link to the other; where both are files, they say the same.
        if self.inventory.distribution.is_none() {
            self.inventory.distribution = piece.distribution;
        }
        for mut package in piece.packages {
            package.layer = layer;
            if self.packages.len() < MAX_PACKAGES {
                self.packages.insert(package);
            } else {
                self.trouble(format!("more than {MAX_PACKAGES} packages"));
                break;
            }
        }
    }

    /// Takes a piece that an upper layer hides: what it names is gone, but for a database of packages without a successor,
    /// whose packages' files are still there.
    pub fn add_hidden(&mut self, piece: Piece) {
        if piece.is_database() {
            self.hidden = Some(piece);
        }
    }

    fn trouble(&mut self, trouble: String) {
        let troubles = &mut self.inventory.troubles;
        if troubles.len() < MAX_TROUBLES && !troubles.contains(&trouble) {
            troubles.push(trouble);
        }
    }

    /// The inventory.
    #[must_use]
    pub fn finish(mut self) -> Inventory {
        if let Some(hidden) = self.hidden.take().filter(|_| !self.has_database) {
            let place = hidden.packages.first().map(|package| package.place.clone()).unwrap_or_default();
            self.trouble(format!(
                "{place}: an upper layer takes the package database away; its last state in the layers is listed"
            ));
            self.add(hidden, None);
        }
        let owned = &self.owned;
        let marked = self.packages.into_iter().map(|mut package| {
            let file = package.place.split('!').next().unwrap_or_default();
            package.owned = !package.kind.is_of_distribution() && owned.contains(&hash(file.as_bytes()));
            package
        });
        self.inventory.packages = marked.collect();
        self.inventory
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, Held, Piece};
    use crate::Kind;

    fn piece(path: &str, text: &str) -> Piece {
        Piece::read(path.as_bytes(), false, &text.as_bytes()).unwrap()
    }

    const STATUS: &str = "Package: python3-six\nStatus: install ok installed\nVersion: 1.16.0-4\n";

    #[test]
    fn what_a_distribution_packages_is_marked() {
        let mut collector = Collector::default();
        collector.add(piece("/var/lib/dpkg/status", STATUS), Some(1));
        collector
            .add(piece("/var/lib/dpkg/info/python3-six.list", "/.\n/lib/python3/six.egg-info\n"), Some(1));
        collector.add(piece("/usr/lib/python3/six.egg-info", "Name: six\nVersion: 1.16.0\n"), Some(1));
        collector.add(piece("/app/six.egg-info", "Name: six\nVersion: 1.16.0\n"), Some(2));
        collector.add(piece("/etc/os-release", "ID=debian\nVERSION_ID=12\n"), Some(1));
        let inventory = collector.finish();
        let shown: Vec<_> = inventory
            .packages
            .iter()
            .map(|package| (package.kind, package.place.as_str(), package.owned, package.layer))
            .collect();
        assert_eq!(
            shown,
            [
                (Kind::Deb, "/var/lib/dpkg/status", false, Some(1)),
                (Kind::Python, "/app/six.egg-info", false, Some(2)),
                (Kind::Python, "/usr/lib/python3/six.egg-info", true, Some(1)),
            ]
        );
        assert_eq!(inventory.distribution.unwrap().codename, "bookworm");
    }

    #[test]
    fn a_deleted_database_is_listed_and_said() {
        let mut collector = Collector::default();
        collector.add_hidden(piece("/var/lib/dpkg/status", STATUS));
        collector.add_hidden(piece("/app/six.egg-info", "Name: six\nVersion: 1.16.0\n"));
        let inventory = collector.finish();
        assert_eq!(inventory.packages.len(), 1);
        assert!(
            inventory.troubles[0].contains("takes the package database away"),
            "{:?}",
            inventory.troubles
        );

        let mut collector = Collector::default();
        collector.add_hidden(piece("/var/lib/dpkg/status", STATUS));
        collector.add(piece("/var/lib/dpkg/status", STATUS), None);
        assert_eq!(collector.finish().troubles, [""; 0]);
    }

    #[test]
    fn only_what_is_wanted_is_held() {
        let read = |path: &str, content: &[u8]| {
            let mut stream = content;
            let held = Held::read(path.as_bytes(), true, content.len() as u64, &mut stream).unwrap();
            (held.bytes.len(), held.whole)
        };
        assert_eq!(read("/bin/x", b"\x7fELF...."), (8, true));
        assert_eq!(read("/bin/x", b"#!/bin/sh"), (4, false));
        assert_eq!(read("/etc/os-release", b"ID=x"), (4, true));
    }
}
