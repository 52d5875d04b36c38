//! Check 448 on an image: digests of programs and the package databases are kept while layers go by, and compared when the
//! file system that they make is known.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Read},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Scanner, Selection, judge};
use crate::{
    CHECK_448, Facts, FileKind, Finding, Limits,
    digest::{Digest, Hasher, Md5},
    miner::content::{Format, format_of},
    packages::{Content, Opened, Packages, Source},
};

/// Most bytes of package databases that are kept of one layer.
const MAX_KEPT: usize = 128 << 20;

/// Most programs of a layer whose digest is kept.
const MAX_PROGRAMS: usize = 1_000_000;

/// Bytes that say what a file is.
const HEAD: usize = 4;

/// Which content of an image: its layer, and its number there.
pub type ContentKey = (u16, u32);

/// What gets a file, which content it is and, of a link, what it says.
pub type EachFile<'visit> = dyn FnMut(&Facts, ContentKey, Option<&[u8]>) + 'visit;

/// The file system that an image's layers make.
pub trait ImageTree {
    /// The regular file that a path leads to, links followed.
    fn resolve(&self, path: &[u8]) -> Option<ContentKey>;

    /// What the link at a path says; `None` when it is none.
    fn link(&self, path: &[u8]) -> Option<Vec<u8>>;

    /// Visits every regular file, and every link with what it says.
    fn each(&self, visit: &mut EachFile<'_>);
}

/// A program as a layer brought it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Program {
    /// Number in its layer.
    entry: u32,
    is_elf: bool,
    is_script: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<[u8; 16]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<[u8; 20]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<[u8; 32]>,
}

/// Package databases that the paths met so far speak of: the digests that are made. Before any is known, all are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageKinds {
    dpkg: bool,
    apk: bool,
    rpm: bool,
}

/// A file of a package database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    entry: u32,
    path: Vec<u8>,
    modified: i64,
    #[serde(with = "hexadecimal")]
    content: Vec<u8>,
}

/// What check 448 keeps of one layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerPackages {
    programs: Vec<Program>,
    databases: Vec<Kept>,
    kinds: PackageKinds,
    /// There was more than is kept.
    overflowed: bool,
}

/// What check 448 found in an image.
#[derive(Debug, Default)]
pub struct ImageOutcome {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Package databases found, and the number of packages.
    pub databases: Vec<&'static str>,
    /// Installed packages.
    pub packages: usize,
    /// Files compared with their package's digest.
    pub compared: u64,
    /// What could not be read or compared.
    pub troubles: Vec<String>,
}

/// A file on its way to those who look at its content. What is read of it also goes into digests.
pub struct Passing<'pass, R> {
    packages: &'pass mut LayerPackages,
    kinds: PackageKinds,
    entry: u32,
    facts: Facts,
    inner: R,
    head: Vec<u8>,
    /// Set once the head is known: the digests in the making, or nothing to do.
    hashers: Option<Vec<Hasher>>,
    /// All of it, where it is a database's.
    whole: Option<Vec<u8>>,
}

impl LayerPackages {
    /// Databases of which the layer's paths speak.
    #[must_use]
    pub fn kinds(&self) -> PackageKinds {
        self.kinds
    }

    /// Lets a file of the layer pass: whoever looks at its content reads from what this gives, and calls
    /// [`Passing::finish`] then. `kinds` are those of the layers read before.
    pub fn pass<R: Read>(
        &mut self,
        kinds: PackageKinds,
        entry: u32,
        facts: &Facts,
        inner: R,
    ) -> Passing<'_, R> {
        self.kinds.learn(&facts.path);
        let is_kept = is_database(&facts.path);
        let kept: usize =
            if is_kept { self.databases.iter().map(|kept| kept.content.len()).sum() } else { 0 };
        let has_room = usize::try_from(facts.size).is_ok_and(|size| kept.saturating_add(size) <= MAX_KEPT);
        self.overflowed |= is_kept && !has_room;
        Passing {
            kinds: self.kinds.with(kinds),
            packages: self,
            entry,
            facts: facts.clone(),
            inner,
            head: Vec::new(),
            hashers: None,
            whole: (is_kept && has_room).then(Vec::new),
        }
    }
}

/// Compares the files of an image with what its own package databases say. `complete` says that all layers were read.
#[must_use]
pub fn compare_layers<'a>(
    layers: impl IntoIterator<Item = (u16, &'a LayerPackages)>,
    tree: &dyn ImageTree,
    complete: bool,
) -> ImageOutcome {
    let (mut programs, mut databases, mut overflowed) = (HashMap::new(), HashMap::new(), false);
    for (layer, kept) in layers {
        programs.extend(kept.programs.iter().map(|program| ((layer, program.entry), program)));
        databases.extend(kept.databases.iter().map(|kept| ((layer, kept.entry), kept)));
        overflowed |= kept.overflowed;
    }
    let packages = Arc::new(Packages::read(&InImage { databases: &databases, tree }));
    let limits = Limits::default();
    let mut scanner = Scanner::new(None, &limits, Selection::ALL, Arc::clone(&packages));
    let mut without = 0_u64;
    if !packages.kinds().is_empty() {
        tree.each(&mut |facts, key, link| {
            if facts.kind == FileKind::Link {
                return scanner.judge_link(facts, link);
            }
            let expected = packages.files.find(&facts.path);
            if let Some((number, _)) = expected {
                scanner.note_seen(number);
            }
            let Some(program) = programs.get(&key) else { return };
            let wanted = expected.and_then(|(_, expected)| expected.digest);
            let digest = wanted.and_then(|wanted| program.digest_like(&wanted));
            without += u64::from(wanted.is_some() && digest.is_none());
            scanner.judge_digest(facts, digest, Some(program.format()));
        });
        let there = |path: &[u8]| tree.resolve(path).is_some();
        scanner.judge_database(complete, &there);
    }
    let outcome = scanner.finish();
    let mut troubles = outcome.troubles;
    if without > 0 {
        troubles.push(format!("{without} programs were read before their layer showed whose they are"));
    }
    if overflowed {
        troubles.push("the layers have more programs or larger package databases than are kept".to_owned());
    }
    let of_packages = outcome.findings.into_iter().find(|(check, _)| *check == CHECK_448.number);
    ImageOutcome {
        findings: of_packages.map(|(_, found)| found).unwrap_or_default(),
        databases: outcome.databases,
        packages: outcome.packages,
        compared: outcome.compared,
        troubles,
    }
}

impl<R: Read> Passing<'_, R> {
    /// Reads what nobody read and keeps what check 448 needs. A stream that fails leaves nothing; whoever gives it knows.
    pub fn finish(mut self) {
        if io::copy(&mut self, &mut io::sink()).is_err() {
            return;
        }
        // Shorter than what says what it is.
        if self.hashers.is_none() {
            self.settle();
        }
        let entry = self.entry;
        if let Some(content) = self.whole.take() {
            let kept = Kept { entry, path: self.facts.path, modified: self.facts.modified, content };
            self.packages.databases.push(kept);
        }
        let hashers = self.hashers.take().unwrap_or_default();
        if hashers.is_empty() {
            return;
        }
        let format = format_of(&self.head);
        let (is_elf, is_script) = (format == Format::Elf, format == Format::Script);
        let mut program = Program { entry, is_elf, is_script, md5: None, sha1: None, sha256: None };
        for digest in hashers.into_iter().map(Hasher::finish) {
            match digest {
                Digest::Md5(digest) => program.md5 = Some(digest),
                Digest::Sha1(digest) => program.sha1 = Some(digest),
                Digest::Sha256(digest) | Digest::Sha512(digest) => program.sha256 = Some(digest),
            }
        }
        self.packages.programs.push(program);
    }

    /// Decides by the head which digests are made, and begins with what was read.
    fn settle(&mut self) {
        let is_program = judge::is_code(&self.facts, Some(format_of(&self.head)));
        let has_room = self.packages.programs.len() < MAX_PROGRAMS;
        self.packages.overflowed |= is_program && !has_room;
        let mut hashers = if is_program && has_room { self.kinds.hashers() } else { Vec::new() };
        for hasher in &mut hashers {
            hasher.update(&self.head);
        }
        self.hashers = Some(hashers);
    }
}

impl<R: Read> Read for Passing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let fresh = buffer.get(..read).unwrap_or_default();
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(fresh);
        }
        match &mut self.hashers {
            Some(hashers) => hashers.iter_mut().for_each(|hasher| hasher.update(fresh)),
            None => {
                self.head.extend_from_slice(fresh);
                if self.head.len() >= HEAD {
                    self.settle();
                    self.head.truncate(HEAD);
                }
            }
        }
        Ok(read)
    }
}

impl Program {
    fn format(&self) -> Format {
        match (self.is_elf, self.is_script) {
            (true, _) => Format::Elf,
            (_, true) => Format::Script,
            _ => Format::Other,
        }
    }

    /// Its digest of the kind of another.
    fn digest_like(&self, other: &Digest) -> Option<Digest> {
        match other {
            Digest::Md5(_) => self.md5.map(Digest::Md5),
            Digest::Sha1(_) => self.sha1.map(Digest::Sha1),
            Digest::Sha256(_) => self.sha256.map(Digest::Sha256),
            Digest::Sha512(_) => None,
        }
    }
}

impl PackageKinds {
    /// Those of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { dpkg: self.dpkg || other.dpkg, apk: self.apk || other.apk, rpm: self.rpm || other.rpm }
    }

    /// Paths that say which package manager made a file system; they come early in the lowest layer.
    fn learn(&mut self, path: &[u8]) {
        self.dpkg |= path == b"/etc/debian_version" || path.starts_with(b"/var/lib/dpkg/");
        self.apk |= path == b"/etc/alpine-release"
            || path.starts_with(b"/etc/apk/")
            || path.starts_with(b"/lib/apk/")
            || path.starts_with(b"/usr/lib/apk/");
        self.rpm |= path == b"/etc/redhat-release"
            || path == b"/etc/system-release"
            || path.starts_with(b"/usr/lib/sysimage/rpm/")
            || path.starts_with(b"/var/lib/rpm/");
    }

    fn hashers(self) -> Vec<Hasher> {
        let none = self == Self::default();
        let wanted = [
            (self.dpkg || none).then(|| Hasher::Md5(Md5::new())),
            (self.apk || none).then(|| Digest::Sha1([0; 20]).hasher()),
            (self.rpm || self.apk || none).then(|| Digest::Sha256([0; 32]).hasher()),
        ];
        wanted.into_iter().flatten().collect()
    }
}

/// Whether a path is that of a package database's file.
fn is_database(path: &[u8]) -> bool {
    let is_dpkg = path.strip_prefix(b"/var/lib/dpkg/").is_some_and(|rest| {
        matches!(rest, b"status" | b"diversions")
            || rest.starts_with(b"status.d/")
            || (rest.starts_with(b"info/") && (rest.ends_with(b".md5sums") || rest.ends_with(b".list")))
    });
    let is_rpm = [&b"/usr/lib/sysimage/rpm/"[..], b"/usr/share/rpm/", b"/var/lib/rpm/"].iter().any(|place| {
        path.strip_prefix(*place).is_some_and(|name| {
            matches!(name, b"rpmdb.sqlite" | b"rpmdb.sqlite-wal" | b"Packages.db" | b"Packages")
        })
    });
    is_dpkg || is_rpm || matches!(path, b"/lib/apk/db/installed" | b"/usr/lib/apk/db/installed")
}

/// The databases as the merged layers show them.
struct InImage<'image> {
    databases: &'image HashMap<ContentKey, &'image Kept>,
    tree: &'image dyn ImageTree,
}

impl Source for InImage<'_> {
    fn open(&self, path: &[u8]) -> io::Result<Option<Opened<'_>>> {
        let key = self.tree.resolve(path).ok_or(io::ErrorKind::NotFound)?;
        let kept = self.databases.get(&key).ok_or(io::ErrorKind::FileTooLarge)?;
        let content = Content::Bytes(Cow::Borrowed(&kept.content));
        Ok(Some(Opened { content, modified: kept.modified }))
    }

    fn is_file(&self, path: &[u8]) -> bool {
        self.tree.resolve(path).is_some()
    }

    fn names(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = self
            .databases
            .values()
            .filter(|kept| self.tree.resolve(&kept.path).is_some())
            .filter_map(|kept| kept.path.strip_prefix(path)?.strip_prefix(b"/").map(<[u8]>::to_vec))
            .filter(|name| !name.contains(&b'/'))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn top_links(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let names = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"].map(|name| name.as_bytes().to_vec());
        let links = names.into_iter().filter_map(|name| {
            let target = self.tree.link(&[b"/", name.as_slice()].concat())?;
            Some((name, target))
        });
        Ok(links.collect())
    }
}

impl<R> std::fmt::Debug for Passing<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passing").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// Bytes as hexadecimal digits.
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let digit = |byte: u8| DIGITS.get(usize::from(byte & 15)).copied().map_or('0', char::from);
        let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        pairs.collect::<Option<Vec<u8>>>().ok_or_else(|| D::Error::custom("not hexadecimal"))
    }
}
