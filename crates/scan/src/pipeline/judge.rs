//! From what was seen of a file to findings.

use std::{collections::HashMap, sync::Arc};

use fargard_model::{Priority, foreign::printable};

use super::{Scanner, look::Seen};
use crate::{
    CHECK_48, CHECK_425, CHECK_426, CHECK_448, Facts, Finding,
    digest::Digest,
    keys::Key,
    miner::{self, content::Format, names},
    packages::Expected,
};

/// Endings of code that an interpreter runs.
const CODE: [&[u8]; 12] =
    [b".py", b".pl", b".pm", b".rb", b".js", b".mjs", b".sh", b".lua", b".php", b".tcl", b".jar", b".pyc"];

/// Endings of files that configure programs; a name without an ending does too.
const CONFIGURATION: [&[u8]; 9] =
    [b".json", b".conf", b".cfg", b".ini", b".yaml", b".yml", b".toml", b".env", b".txt"];

/// Directories of an ecosystem's packages; tests below them carry keys for everybody.
const DEPENDENCIES: [&[u8]; 6] =
    [b"/node_modules/", b"/site-packages/", b"/dist-packages/", b"/gems/", b"/pkg/mod/", b"/registry/src/"];
const TEST_PLACES: [&[u8]; 8] =
    [b"test", b"tests", b"testdata", b"spec", b"fixtures", b"examples", b"example", b"__tests__"];

/// Programs that distributions ship setuid or setgid.
#[rustfmt::skip]
const KNOWN_SETUID: &[&str] = &[
    "Xorg.wrap", "arping", "at", "bbsuid", "bsd-write", "camel-lock-helper-1.2", "chage", "chfn", "chrome-sandbox",
    "chromium-sandbox", "chsh", "crontab", "dbus-daemon-launch-helper", "dotlockfile", "exim4", "expiry", "fusermount",
    "fusermount3", "gpasswd", "ksu", "locate", "lockfile", "mail-lock", "mail-touchlock", "mail-unlock", "mlocate",
    "mount", "mount.cifs", "mount.nfs", "mtr-packet", "newgidmap", "newgrp", "newuidmap", "ntfs-3g",
    "pam_extrausers_chkpwd", "pam_timestamp_check", "passwd", "ping", "ping6", "pkexec", "plocate",
    "polkit-agent-helper-1", "postdrop", "postqueue", "pppd", "procmail", "screen", "sendmail", "sg", "snap-confine",
    "ssh-agent", "ssh-keysign", "staprun", "su", "sudo", "sudo-rs", "sudoedit", "suexec", "traceroute6",
    "traceroute6.iputils", "umount", "unix_chkpwd", "userhelper", "usernetctl", "utempter", "vlock-main", "wall",
    "write", "write.ul",
];

/// Whether a path may name a program's configuration, and not source code, documentation or rules that look for miners.
pub(super) fn may_configure(path: &[u8]) -> bool {
    CONFIGURATION.iter().any(|ending| path.ends_with(ending)) || !base(path).contains(&b'.')
}

/// Whether a file is a program, a library or code that an interpreter runs.
pub(super) fn is_code(facts: &Facts, format: Option<Format>) -> bool {
    matches!(format, Some(Format::Elf | Format::Script))
        || facts.mode & 0o111 != 0
        || CODE.iter().any(|ending| facts.path.ends_with(ending))
        || contains(&facts.path, b".so")
}

/// Where only packages put files.
fn is_package_place(path: &[u8]) -> bool {
    let places: [&[u8]; 7] =
        [b"/bin/", b"/sbin/", b"/lib/", b"/lib64/", b"/usr/bin/", b"/usr/sbin/", b"/usr/libexec/"];
    places.iter().any(|place| path.starts_with(place))
        || (path.starts_with(b"/usr/lib/") && !DEPENDENCIES.iter().any(|place| contains(path, place)))
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(path, part).is_some()
}

/// The last component of a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

pub(super) fn finding(
    path: &[u8],
    class: &'static str,
    severity: Priority,
    reason: impl Into<String>,
) -> Finding {
    Finding { subject: printable(path), class, reason: reason.into(), severity }
}

impl Scanner<'_> {
    /// Check 448 for a file that was read (or has the content of one that was). Whether it is a package's and as it was.
    pub(super) fn judge_digest(
        &mut self,
        facts: &Facts,
        digest: Option<Digest>,
        format: Option<Format>,
    ) -> bool {
        let Some(expected) = self.packages.files.get(&facts.path) else {
            if format == Some(Format::Elf) && self.selection.packages && !self.packages.kinds.is_empty() {
                self.judge_unowned(facts);
            }
            return false;
        };
        if !self.selection.packages {
            return true;
        }
        self.judge_mode(facts, &expected);
        let (Some(wanted), Some(digest)) = (expected.digest, digest) else {
            return expected.digest.is_none();
        };
        self.compared += 1;
        if wanted == digest {
            return true;
        }
        let package = self.packages.name(expected.package).to_owned();
        let found = if expected.config {
            let reason = format!("configuration of {package}, changed");
            finding(&facts.path, "changed-configuration", Priority::Notice, reason)
        } else if is_code(facts, format) {
            finding(&facts.path, "altered", Priority::Error, format!("not as package {package} brought it"))
        } else {
            finding(&facts.path, "altered", Priority::Warning, format!("not as package {package} brought it"))
        };
        self.add(CHECK_448.number, found);
        false
    }

    /// A program of no package.
    fn judge_unowned(&mut self, facts: &Facts) {
        let diverted = self.packages.local_diversions.iter().any(|diversion| diversion.from == facts.path);
        // What a local diversion put there is reported with the diversion.
        if diverted {
            return;
        }
        let found = if is_package_place(&facts.path) {
            finding(
                &facts.path,
                "unowned",
                Priority::Notice,
                "a program of no package, where packages' programs are",
            )
        } else {
            finding(&facts.path, "unowned", Priority::Informational, "a program of no package")
        };
        self.add(CHECK_448.number, found);
    }

    /// Bits that the package did not give.
    fn judge_mode(&mut self, facts: &Facts, expected: &Expected) {
        let Some(mode) = expected.mode else { return };
        if mode == facts.mode || expected.config {
            return;
        }
        let package = self.packages.name(expected.package);
        let reason = format!("mode {:04o}, package {package} has it {mode:04o}", facts.mode);
        let gained = facts.mode & !mode & 0o6022;
        let severity = if gained == 0 { Priority::Notice } else { Priority::Error };
        self.add(CHECK_448.number, finding(&facts.path, "mode", severity, reason));
    }

    /// Check 448 for a link where a package has a file (apk: for a link, which has a digest of its own).
    pub(super) fn judge_link(&mut self, facts: &Facts, target: Option<&[u8]>) {
        let Some((number, expected)) = self.packages.files.find(&facts.path) else { return };
        self.note_seen(number);
        if !self.selection.packages {
            return;
        }
        let is_as_packed = self.packages.kinds.contains(&"apk")
            && matches!((expected.digest, target), (Some(digest), Some(target)) if digest.matches(target));
        if is_as_packed || expected.config {
            return;
        }
        let package = self.packages.name(expected.package);
        let to = printable(target.unwrap_or_default());
        let reason = format!("a link to {to} in the place of the file of package {package}");
        self.add(CHECK_448.number, finding(&facts.path, "replaced", Priority::Error, reason));
    }

    /// Check 48, and what it means for check 448.
    pub(super) fn judge_identity(&mut self, facts: &Facts) {
        let bit = if facts.mode & 0o4000 == 0 { "setgid" } else { "setuid" };
        let expected = self.packages.files.get(&facts.path);
        let name = String::from_utf8_lossy(base(&facts.path)).into_owned();
        let packed_so =
            expected.and_then(|expected| expected.mode).map(|mode| mode & 0o6000 == facts.mode & 0o6000);
        let is_known = packed_so
            .unwrap_or_else(|| KNOWN_SETUID.contains(&name.as_str()) && is_package_place(&facts.path));
        let owner = match facts.uid {
            0 => "root".to_owned(),
            uid => format!("user {uid}"),
        };
        if is_known {
            let reason = format!("{bit} {owner}, as distributions ship it");
            self.add(CHECK_48.number, finding(&facts.path, "expected", Priority::Informational, reason));
            return;
        }
        let reason = format!("{bit} {owner}, mode {:04o}; no distribution ships it so", facts.mode);
        self.add(CHECK_48.number, finding(&facts.path, "unexpected", Priority::Warning, reason.clone()));
        if let Some(expected) = expected.filter(|expected| expected.mode.is_none() && self.selection.packages)
        {
            let reason = format!("{reason} (package {})", self.packages.name(expected.package));
            self.add(CHECK_448.number, finding(&facts.path, "mode", Priority::Error, reason));
        }
    }

    /// Check 426.
    pub(super) fn judge_miner(&mut self, facts: &Facts, seen: &Seen) {
        let runs = seen.format != Format::Other || facts.mode & 0o111 != 0;
        let named = runs && names::candidate(&facts.path);
        let contains = seen.evidence.reason();
        let (class, reason) = match (named, contains) {
            (true, Some(contains)) => ("name-and-content", format!("named as a miner; {contains}")),
            (true, None) => {
                let twin = self.root.and_then(|root| miner::twin_of(root, &facts.path, self.limits));
                let remark = twin.map(|path| format!("; same content as {path}")).unwrap_or_default();
                ("name", format!("named as a miner{remark}"))
            }
            (false, Some(contains)) if seen.format == Format::Other => {
                if !seen.evidence.configures() {
                    return;
                }
                ("configuration", format!("a miner's configuration: {contains}"))
            }
            (false, Some(contains)) => ("content", contains),
            (false, None) => {
                if seen.packed {
                    let reason = "packed by UPX: what it contains cannot be seen";
                    self.add(CHECK_426.number, finding(&facts.path, "packed", Priority::Notice, reason));
                }
                return;
            }
        };
        let reason = if seen.packed { format!("{reason}; packed by UPX") } else { reason };
        self.add(CHECK_426.number, finding(&facts.path, class, Priority::Critical, reason));
    }

    /// Check 425.
    pub(super) fn judge_keys(
        &mut self,
        facts: &Facts,
        is_packages: bool,
        keys: &[Key],
        inner: &[(Vec<u8>, Key)],
        cut: Option<&str>,
    ) {
        for key in keys {
            self.judge_key(&facts.path, is_packages, key);
        }
        for (member, key) in inner {
            let path = if member.is_empty() {
                facts.path.clone()
            } else {
                [&facts.path, b"!".as_slice(), member].concat()
            };
            self.judge_key(&path, is_packages, key);
        }
        if let Some(reason) = cut {
            let reason = format!("not looked into to its end: {reason}");
            self.add(CHECK_425.number, finding(&facts.path, "not-searched", Priority::Informational, reason));
        }
    }

    fn judge_key(&mut self, path: &[u8], is_packages: bool, key: &Key) {
        let what = key.describe();
        let found = if let Some(source) = key.published {
            let reason = format!("{what}; everybody has it: {source}");
            finding(path, "known-test-key", Priority::Informational, reason)
        } else if is_packages {
            finding(
                path,
                "package-owned",
                Priority::Informational,
                format!("{what}; part of an unaltered package"),
            )
        } else if is_dependency_test(path) {
            finding(
                path,
                "dependency-test",
                Priority::Notice,
                format!("{what}; a dependency's test material"),
            )
        } else if key.encoding.encrypted {
            finding(path, "encrypted", Priority::Warning, what)
        } else {
            finding(path, "plaintext", Priority::Error, what)
        };
        self.add(CHECK_425.number, found);
    }

    /// What the databases say as a whole: diversions, lists that are gone or newer, files that are not there.
    /// `is_there` says whether a path leads to a regular file.
    pub(super) fn judge_database(&mut self, complete: bool, is_there: &dyn Fn(&[u8]) -> bool) {
        let packages = Arc::clone(&self.packages);
        for diversion in &packages.local_diversions {
            let to = printable(&diversion.to);
            let stands = is_there(&diversion.from);
            let found = if stands {
                let reason =
                    format!("in the place of a package's file, which a local diversion moved to {to}");
                finding(&diversion.from, "diverted", Priority::Error, reason)
            } else {
                let reason = format!("moved to {to} by a local diversion");
                finding(&diversion.from, "diverted", Priority::Notice, reason)
            };
            self.add(CHECK_448.number, found);
        }
        for (package, files) in &packages.without_digests {
            let reason =
                format!("its list of digests is gone: {files} programs and libraries cannot be compared");
            self.add(CHECK_448.number, finding(package.as_bytes(), "no-digests", Priority::Error, reason));
        }
        for package in &packages.newer_digests {
            let reason = "its list of digests is newer than its installation: it was rewritten";
            self.add(
                CHECK_448.number,
                finding(package.as_bytes(), "database-changed", Priority::Error, reason),
            );
        }
        if complete {
            self.judge_missing(is_there);
        }
    }

    /// Files that the walk did not meet: found by another path (links between directories) or missing.
    fn judge_missing(&mut self, is_there: &dyn Fn(&[u8]) -> bool) {
        let packages = Arc::clone(&self.packages);
        let mut missing: HashMap<u32, (usize, &[u8])> = HashMap::new();
        for (number, path, expected) in packages.files.iter() {
            let is_wanted = !expected.optional && !expected.config && expected.digest.is_some();
            if !is_wanted || self.was_seen(number) || is_there(path) {
                continue;
            }
            let (count, first) = missing.entry(expected.package).or_insert((0, path));
            *count += 1;
            *first = path.min(first);
        }
        for (package, (count, first)) in missing {
            let package = self.packages.name(package).to_owned();
            let more = if count > 1 { format!(" and {} more files", count - 1) } else { String::new() };
            let reason = format!("missing{more} of package {package}");
            self.add(CHECK_448.number, finding(first, "missing", Priority::Informational, reason));
        }
    }
}

/// Whether a path is a test's inside a dependency.
fn is_dependency_test(path: &[u8]) -> bool {
    DEPENDENCIES.iter().any(|place| contains(path, place))
        && path.split(|byte| *byte == b'/').any(|part| TEST_PLACES.contains(&part))
}
