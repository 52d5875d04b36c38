//! What the names, owners and modes of files say without their content.

use std::collections::BTreeMap;

use fargard_model::{Priority, foreign::printable};

use super::{Numbered, leftovers::leftover, numbered};
use crate::{CHECK_43, CHECK_7102, CHECK_7104, CHECK_7108, CHECK_7109, Facts, FileKind};

/// Most findings of each check.
const MAX_FOUND: usize = 1000;

/// Bytes of a cache from which on it fails its check.
const CACHE_FAILS: u64 = 1_000_000;

/// Directories whose modes are judged; of an image all are, of a root file system these.
pub const DIRECTORIES: &[&[u8]] = &[
    b"/",
    b"/bin",
    b"/boot",
    b"/dev",
    b"/dev/shm",
    b"/etc",
    b"/etc/cron.d",
    b"/etc/init.d",
    b"/etc/ld.so.conf.d",
    b"/etc/profile.d",
    b"/etc/sudoers.d",
    b"/home",
    b"/lib",
    b"/lib64",
    b"/opt",
    b"/root",
    b"/run",
    b"/sbin",
    b"/srv",
    b"/tmp",
    b"/usr",
    b"/usr/bin",
    b"/usr/lib",
    b"/usr/local",
    b"/usr/local/bin",
    b"/usr/local/lib",
    b"/usr/local/sbin",
    b"/usr/sbin",
    b"/var",
    b"/var/lib",
    b"/var/log",
    b"/var/tmp",
];

/// Caches of package managers: the directory, the end of a name, what it is.
const CACHES: &[(&str, &str, &str)] = &[
    ("/var/lib/apt/lists/", "", "apt's lists"),
    ("/var/cache/apt/", "", "apt's packages"),
    ("/var/cache/apk/", "", "apk's packages"),
    ("/etc/apk/cache/", "", "apk's packages"),
    ("/var/cache/yum/", "", "yum's packages"),
    ("/var/cache/dnf/", "", "dnf's packages"),
    ("/var/cache/libdnf5/", "", "dnf's packages"),
    ("/var/cache/zypp/", "", "zypper's packages"),
    ("/var/cache/pacman/pkg/", "", "pacman's packages"),
    ("/.cache/pip/", "", "pip's downloads"),
    ("/.cache/uv/", "", "uv's downloads"),
    ("/.cache/pypoetry/", "", "poetry's downloads"),
    ("/.npm/_cacache/", "", "npm's downloads"),
    ("/.cache/yarn/", "", "yarn's downloads"),
    ("/.yarn/cache/", "", "yarn's downloads"),
    ("/.cache/go-build/", "", "Go's build cache"),
    ("/go/pkg/mod/cache/", "", "Go's downloads"),
    ("/.cargo/registry/cache/", "", "cargo's downloads"),
    ("/usr/local/cargo/registry/", "", "cargo's downloads"),
    ("/.gradle/caches/", "", "Gradle's downloads"),
    ("/.m2/repository/", "", "Maven's downloads"),
    ("/.composer/cache/", "", "Composer's downloads"),
    ("/bundle/cache/", ".gem", "Bundler's downloads"),
];

/// Programs that let others in.
const SERVERS: &[&str] =
    &["sshd", "dropbear", "in.telnetd", "telnetd", "in.rshd", "in.rlogind", "vsftpd", "tftpd"];
/// Programs that make programs.
const COMPILERS: &[&str] = &["gcc", "cc1", "clang", "ld", "rustc", "go", "javac", "make"];
/// Programs with which an intruder looks around.
const SCOUTS: &[&str] = &["nmap", "tcpdump", "ncat", "socat", "strace", "gdb", "masscan", "hydra"];

/// Whether a file or directory is in the file system or hidden by an upper layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A container sees it.
    Visible,
    /// Only who has the image does.
    Hidden,
}

/// Collects what files say.
#[derive(Debug, Default)]
pub struct Census {
    found: BTreeMap<u32, Vec<Numbered>>,
    left_out: usize,
    /// Files and bytes of each cache, and of hidden ones.
    caches: BTreeMap<(&'static str, bool), (u64, u64)>,
}

impl Census {
    /// Whether a file of that path is worth a word also where an upper layer hides it.
    #[must_use]
    pub fn ships(path: &[u8], size: u64) -> bool {
        let path = String::from_utf8_lossy(path);
        leftover(&path, size).is_some() || cache_of(&path, size).is_some()
    }

    /// A regular file. `owned` says that a package brought it.
    pub fn file(&mut self, facts: &Facts, seen: Seen, owned: bool) {
        if facts.kind != FileKind::Regular {
            return;
        }
        let path = String::from_utf8_lossy(&facts.path);
        self.cache(&path, facts.size, seen);
        if !owned && let Some(left) = leftover(&path, facts.size) {
            let remark =
                if seen == Seen::Hidden { "; hidden by a layer above, but still shipped" } else { "" };
            let reason = format!("{}{remark}", left.reason);
            self.add(CHECK_7108.number, facts, left.class, left.severity, &reason);
        }
        if seen == Seen::Visible {
            self.program(&path, facts);
            self.file_mode(&path, facts);
        }
    }

    fn add(&mut self, check: u32, facts: &Facts, class: &'static str, severity: Priority, reason: &str) {
        let found = self.found.entry(check).or_default();
        if found.len() < MAX_FOUND {
            found.push(numbered(check, printable(&facts.path), class, severity, reason));
        } else {
            self.left_out += 1;
        }
    }

    fn cache(&mut self, path: &str, size: u64, seen: Seen) {
        let Some(what) = cache_of(path, size) else { return };
        let (files, bytes) = self.caches.entry((what, seen == Seen::Hidden)).or_default();
        *files += 1;
        *bytes = bytes.saturating_add(size);
    }

    fn program(&mut self, path: &str, facts: &Facts) {
        let place = [
            "/bin/",
            "/sbin/",
            "/usr/bin/",
            "/usr/sbin/",
            "/usr/local/bin/",
            "/usr/local/sbin/",
            "/usr/libexec/",
        ];
        let runs = facts.mode & 0o111 != 0 && facts.size > 0;
        if !runs || !place.iter().any(|place| path.starts_with(place)) {
            return;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if SERVERS.contains(&name) {
            let reason = "a server that lets others in; ECS Exec gives a shell with a record of who had it";
            self.add(CHECK_43.number, facts, "server", Priority::Warning, reason);
        } else if COMPILERS.contains(&name) {
            let reason = "a program for building; build in one stage and ship another";
            self.add(CHECK_43.number, facts, "build", Priority::Notice, reason);
        } else if SCOUTS.contains(&name) {
            let reason = "a program with which an intruder looks around";
            self.add(CHECK_43.number, facts, "scout", Priority::Notice, reason);
        } else if name == "sudo" {
            let reason = "sudo is in the image; set the user, or use setpriv or gosu";
            self.add(CHECK_7102.number, facts, "installed", Priority::Notice, reason);
        }
    }

    fn file_mode(&mut self, path: &str, facts: &Facts) {
        let mode = facts.mode;
        let secret = ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"].contains(&path);
        if secret && mode & 0o007 != 0 {
            let reason = format!("mode {mode:04o}: everybody may read the hashes of passwords");
            self.add(CHECK_7109.number, facts, "readable", Priority::Error, &reason);
        } else if mode & 0o002 != 0 {
            let runs = mode & 0o111 != 0;
            let severity =
                if runs || path.starts_with("/etc/") { Priority::Error } else { Priority::Warning };
            let what = if runs { "everybody may change this program" } else { "everybody may change it" };
            let reason = format!("mode {mode:04o}: {what}");
            self.add(CHECK_7109.number, facts, "writable", severity, &reason);
        }
    }

    /// A directory that a container sees.
    pub fn directory(&mut self, path: &[u8], mode: u32) {
        let facts =
            Facts { path: path.to_vec(), kind: FileKind::Special, mode, uid: 0, size: 0, modified: 0 };
        let shared = matches!(path, b"/tmp" | b"/var/tmp" | b"/dev/shm");
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            let severity = if shared { Priority::Warning } else { Priority::Error };
            let reason =
                format!("mode {mode:04o}: everybody may replace what others have there (no sticky bit)");
            self.add(CHECK_7109.number, &facts, "no-sticky-bit", severity, &reason);
        } else if mode & 0o002 != 0 && !shared && DIRECTORIES.contains(&path) {
            let reason = format!("mode {mode:04o}: everybody may put files there");
            self.add(CHECK_7109.number, &facts, "writable", Priority::Error, &reason);
        }
    }

    /// What was found, and how many findings beyond the bound were not kept.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Numbered>, usize) {
        let mut all: Vec<Numbered> = std::mem::take(&mut self.found).into_values().flatten().collect();
        for ((what, hidden), (files, bytes)) in self.caches {
            let severity = if bytes >= CACHE_FAILS { Priority::Warning } else { Priority::Notice };
            let remark = if hidden { ", hidden by a layer above, but still shipped" } else { "" };
            let reason = format!("{files} files, {} kB{remark}", bytes / 1000);
            let class = if hidden { "hidden" } else { "cache" };
            all.push(numbered(CHECK_7104.number, what, class, severity, reason));
        }
        (all, self.left_out)
    }
}

/// Whose cache a file is in. A lock and an empty file say nothing.
fn cache_of(path: &str, size: u64) -> Option<&'static str> {
    let is_of = |start: &str, end: &str| path.contains(start) && path.ends_with(end);
    CACHES.iter().find(|(start, end, _)| size > 0 && is_of(start, end)).map(|(_, _, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::{Census, Seen};
    use crate::{Facts, FileKind};

    fn facts(path: &str, mode: u32, size: u64) -> Facts {
        Facts { path: path.into(), kind: FileKind::Regular, mode, uid: 0, size, modified: 0 }
    }

    /// Check and class of what fails.
    fn failing(fill: impl FnOnce(&mut Census)) -> Vec<(u32, &'static str)> {
        let mut census = Census::default();
        fill(&mut census);
        let (found, left_out) = census.finish();
        assert_eq!(left_out, 0);
        found
            .into_iter()
            .filter(|(_, found)| found.fails())
            .map(|(check, found)| (check, found.class))
            .collect()
    }

    #[test]
    fn files() {
        for (path, mode, size, expected) in [
            ("/usr/sbin/sshd", 0o755, 9, &[(43, "server")][..]),
            ("/usr/share/bash-completion/sshd", 0o644, 9, &[]),
            ("/usr/bin/ssh", 0o755, 9, &[]),
            ("/usr/bin/gcc", 0o755, 9, &[]),
            ("/etc/shadow", 0o644, 9, &[(7109, "readable")]),
            ("/etc/shadow", 0o640, 9, &[]),
            ("/etc/passwd", 0o644, 9, &[]),
            ("/etc/passwd", 0o666, 9, &[(7109, "writable")]),
            ("/opt/run", 0o777, 9, &[(7109, "writable")]),
            ("/opt/run", 0o775, 9, &[]),
            ("/var/lib/apt/lists/deb_Packages", 0o644, 20_000_000, &[(7104, "cache")]),
            ("/var/lib/apt/lists/lock", 0o644, 0, &[]),
            ("/var/lib/apt/extended_states", 0o644, 20_000_000, &[]),
            ("/root/.cache/pip/x", 0o644, 2_000_000, &[(7104, "cache")]),
            ("/root/.netrc", 0o600, 9, &[(7108, "credentials")]),
        ] {
            let found = failing(|census| census.file(&facts(path, mode, size), Seen::Visible, false));
            assert_eq!(found, expected, "{path} {mode:o}");
        }
    }

    #[test]
    fn hidden_files_are_still_shipped_but_run_nowhere() {
        let hidden = |path: &str, mode| {
            failing(|census| census.file(&facts(path, mode, 2_000_000), Seen::Hidden, false))
        };
        assert_eq!(hidden("/root/.netrc", 0o600), [(7108, "credentials")]);
        assert_eq!(hidden("/var/cache/apt/a.deb", 0o644), [(7104, "hidden")]);
        assert_eq!(hidden("/usr/sbin/sshd", 0o777), []);
        // What a package brought is the distribution's.
        assert_eq!(failing(|census| census.file(&facts("/app/.env", 0o644, 9), Seen::Visible, true)), []);
    }

    #[test]
    fn directories() {
        for (path, mode, expected) in [
            ("/tmp", 0o1777, &[][..]),
            ("/tmp", 0o777, &[(7109, "no-sticky-bit")]),
            ("/app", 0o777, &[(7109, "no-sticky-bit")]),
            ("/app", 0o1777, &[]),
            ("/usr/bin", 0o1777, &[(7109, "writable")]),
            ("/usr/bin", 0o775, &[]),
        ] {
            assert_eq!(
                failing(|census| census.directory(path.as_bytes(), mode)),
                expected,
                "{path} {mode:o}"
            );
        }
    }

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut census = Census::default();
        for number in 0..1500 {
            census.file(&facts(&format!("/opt/{number}"), 0o666, 1), Seen::Visible, false);
        }
        let (found, left_out) = census.finish();
        assert_eq!((found.len(), left_out), (1000, 500));
    }
}
