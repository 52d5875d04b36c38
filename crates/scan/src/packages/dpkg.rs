//! dpkg's database: `status`, `info/*.md5sums`, `diversions`; and `status.d` of distroless images.
//!
//! Formats: `deb-control(5)`, `deb-md5sums(5)`, `dpkg-divert(1)`. Paths in a list of digests have no leading slash and are
//! those of the package, so diversions and merged directories (`/bin` in `/usr/bin`) are applied here.

use std::collections::HashMap;

use super::{Diversion, Expected, MAX_TEXT, Packages, Source, read_whole};
use crate::digest::Digest;

const INFO: &[u8] = b"/var/lib/dpkg/info";
const STATUS: &[u8] = b"/var/lib/dpkg/status";
const STATUS_D: &[u8] = b"/var/lib/dpkg/status.d";
const DIVERSIONS: &[u8] = b"/var/lib/dpkg/diversions";

/// Reads the database if there is one.
pub(super) fn read(source: &dyn Source, packages: &mut Packages) {
    let status = read_whole(source, STATUS, MAX_TEXT, &mut packages.troubles);
    let parts = source.names(STATUS_D);
    if status.as_ref().is_none_or(|status| status.trim_ascii().is_empty()) && parts.is_empty() {
        return;
    }
    packages.kinds.push("dpkg");
    let diverted = read_whole(source, DIVERSIONS, MAX_TEXT, &mut packages.troubles)
        .map(|text| diversions(&text))
        .unwrap_or_default();
    packages.local_diversions = diverted
        .iter()
        .filter(|(_, _, by)| by == b":")
        .map(|(from, to, _)| Diversion { from: packages.real(from), to: packages.real(to) })
        .collect();
    let diverted: HashMap<_, _> = diverted.into_iter().map(|(from, to, by)| (from, (to, by))).collect();
    let mut reader = Reader { source, packages, diverted };
    reader.installed(status.as_deref().unwrap_or_default());
    reader.parts(&parts);
}

struct Reader<'read> {
    source: &'read dyn Source,
    packages: &'read mut Packages,
    /// From a path to where it is diverted, and by which package.
    diverted: HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)>,
}

impl Reader<'_> {
    /// The packages of `status` with the files of `info`.
    fn installed(&mut self, status: &[u8]) {
        for package in stanzas(status).filter(|package| package.is_installed) {
            let name = String::from_utf8_lossy(package.name).into_owned();
            let number = self.packages.begin(name.clone());
            let with_arch = [package.name, b":", package.architecture].concat();
            let mut found = None;
            for stem in [package.name, &with_arch] {
                let path = [INFO, b"/", stem, b".md5sums"].concat();
                if let Some(text) = read_whole(self.source, &path, MAX_TEXT, &mut self.packages.troubles) {
                    found = Some((text, stem.to_vec()));
                    break;
                }
            }
            match found {
                Some((text, stem)) => {
                    self.digests(&text, package.name, number);
                    self.compare_ages(&stem, &name);
                }
                None => self.without_digests(&[package.name, &with_arch], &name),
            }
            for (path, digest) in package.conffiles {
                let mut expected = Expected::with_digest(Digest::from_hex(digest), number);
                expected.config = true;
                let path = self.place(path.strip_prefix(b"/").unwrap_or(path), package.name);
                self.packages.expect(&path, expected);
            }
        }
    }

    /// The packages of `status.d`, where a package is a file and its digests lie beside it.
    fn parts(&mut self, names: &[Vec<u8>]) {
        for part in names.iter().filter(|name| !name.starts_with(b".") && !name.ends_with(b".md5sums")) {
            let path = [STATUS_D, b"/", part].concat();
            let Some(text) = read_whole(self.source, &path, MAX_TEXT, &mut self.packages.troubles) else {
                continue;
            };
            let Some(package) = stanzas(&text).next() else { continue };
            let name = String::from_utf8_lossy(package.name).into_owned();
            let number = self.packages.begin(name.clone());
            let digests = [&path, b".md5sums".as_slice()].concat();
            match read_whole(self.source, &digests, MAX_TEXT, &mut self.packages.troubles) {
                Some(text) => self.digests(&text, package.name, number),
                None if names.iter().any(|name| name.ends_with(b".md5sums")) => {
                    self.packages.without_digests.push((name, 0));
                }
                None => {}
            }
        }
    }

    /// The lines of a list of digests.
    fn digests(&mut self, text: &[u8], package: &[u8], number: u32) {
        for (path, digest) in digest_lines(text) {
            let mut expected = Expected::with_digest(Some(digest), number);
            expected.optional = is_left_out_of_slim_images(path);
            let path = self.place(path, package);
            self.packages.expect(&path, expected);
        }
    }

    /// Where a package's file lies: its own path, or where somebody else diverted it.
    fn place(&self, path: &[u8], package: &[u8]) -> Vec<u8> {
        let path = [b"/", path].concat();
        match self.diverted.get(&path) {
            Some((to, by)) if by != package => to.clone(),
            _ => path,
        }
    }

    /// A list of digests comes out of the package with the time it was built, before the package was installed.
    fn compare_ages(&mut self, stem: &[u8], name: &str) {
        let modified = |ending: &[u8]| {
            let path = [INFO, b"/", stem, ending].concat();
            self.source.open(&path).ok()?.map(|opened| opened.modified)
        };
        if let (Some(digests), Some(list)) = (modified(b".md5sums"), modified(b".list"))
            && digests > list
        {
            self.packages.newer_digests.push(name.to_owned());
        }
    }

    /// A package without digests: how many files it has that could have one.
    fn without_digests(&mut self, stems: &[&[u8]], name: &str) {
        for stem in stems {
            let path = [INFO, b"/", stem, b".list"].concat();
            let Some(list) = read_whole(self.source, &path, MAX_TEXT, &mut self.packages.troubles) else {
                continue;
            };
            let count = list
                .split(|byte| *byte == b'\n')
                .filter(|path| is_program_place(path) && self.source.is_file(path))
                .count();
            if count > 0 {
                self.packages.without_digests.push((name.to_owned(), count));
            }
            return;
        }
    }
}

/// Where packages put what runs.
fn is_program_place(path: &[u8]) -> bool {
    let places: [&[u8]; 8] = [
        b"/bin/",
        b"/sbin/",
        b"/lib/",
        b"/lib64/",
        b"/usr/bin/",
        b"/usr/sbin/",
        b"/usr/lib/",
        b"/usr/libexec/",
    ];
    places.iter().any(|place| path.starts_with(place))
}

/// What slim images are made without (`path-exclude` of Debian's docker images), so its absence says nothing.
fn is_left_out_of_slim_images(path: &[u8]) -> bool {
    let places: [&[u8]; 7] = [
        b"usr/share/doc/",
        b"usr/share/man/",
        b"usr/share/info/",
        b"usr/share/locale/",
        b"usr/share/groff/",
        b"usr/share/lintian/",
        b"usr/share/linda/",
    ];
    places.iter().any(|place| path.starts_with(place))
}

/// A package as `status` has it.
struct Stanza<'text> {
    name: &'text [u8],
    architecture: &'text [u8],
    is_installed: bool,
    conffiles: Vec<(&'text [u8], &'text [u8])>,
}

/// The packages of a control file.
fn stanzas(text: &[u8]) -> impl Iterator<Item = Stanza<'_>> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut done = false;
    std::iter::from_fn(move || {
        while !done {
            let mut stanza =
                Stanza { name: b"", architecture: b"", is_installed: false, conffiles: Vec::new() };
            let mut in_conffiles = false;
            loop {
                let Some(line) = lines.next() else {
                    done = true;
                    break;
                };
                if line.trim_ascii().is_empty() {
                    break;
                }
                stanza.line(line, &mut in_conffiles);
            }
            if !stanza.name.is_empty() {
                return Some(stanza);
            }
        }
        None
    })
}

impl<'text> Stanza<'text> {
    fn line(&mut self, line: &'text [u8], in_conffiles: &mut bool) {
        if let Some(rest) = line.strip_prefix(b" ") {
            if *in_conffiles {
                self.conffile(rest);
            }
            return;
        }
        *in_conffiles = line.starts_with(b"Conffiles:");
        if let Some(name) = line.strip_prefix(b"Package:") {
            self.name = safe_name(name.trim_ascii());
        } else if let Some(architecture) = line.strip_prefix(b"Architecture:") {
            self.architecture = safe_name(architecture.trim_ascii());
        } else if let Some(status) = line.strip_prefix(b"Status:") {
            // `install ok installed`; what is only unpacked or half configured has its files too.
            let state = status.trim_ascii().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            self.is_installed = !matches!(state, b"not-installed" | b"config-files" | b"half-installed");
        }
    }

    /// `/path digest`, then perhaps words as `obsolete`.
    fn conffile(&mut self, line: &'text [u8]) {
        let mut words = line.trim_ascii().split(|byte| *byte == b' ');
        let (Some(path), Some(digest)) = (words.next(), words.next()) else { return };
        let rest: Vec<_> = words.collect();
        if digest.len() == 32 && !rest.iter().any(|word| matches!(*word, b"obsolete" | b"remove-on-upgrade"))
        {
            self.conffiles.push((path, digest));
        }
    }
}

/// A name that is one component of a path; what is none names no package.
fn safe_name(name: &[u8]) -> &[u8] {
    if name.len() < 256 && !name.contains(&b'/') && !name.starts_with(b".") { name } else { b"" }
}

/// Paths and digests of a list: 32 digits, two spaces (or a space and a star), the path.
fn digest_lines(text: &[u8]) -> impl Iterator<Item = (&[u8], Digest)> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let (digest, path) = line.split_at_checked(32)?;
        let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
        let path = path.strip_prefix(b"./").unwrap_or(path);
        Some((path.strip_prefix(b"/").unwrap_or(path), Digest::from_hex(digest)?))
            .filter(|_| !path.is_empty())
    })
}

/// The diversions: three lines each, from, to, and the package or a colon.
fn diversions(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines
        .chunks_exact(3)
        .filter_map(|three| match three {
            [from, to, by] if from.starts_with(b"/") && to.starts_with(b"/") => {
                Some((from.to_vec(), to.to_vec(), by.to_vec()))
            }
            _ => None,
        })
        .collect()
}

/// Takes a text for each of the database's files; for tests with any bytes. Gives how many packages, digests and
/// diversions it has.
#[must_use]
pub fn counts(text: &[u8]) -> [usize; 3] {
    [stanzas(text).count(), digest_lines(text).count(), diversions(text).len()]
}
