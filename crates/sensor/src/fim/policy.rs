//! What is monitored: entries of paths with the changes that count, for which standards, how severe.

mod read;

use std::{path::Path, time::Duration};

use fargard_model::{Change, Priority, bounded, file_change::FimEntry};
use fargard_rules::{LineColumn, SourceFile};
use sha2::{Digest as _, Sha256};

use super::pattern::{Pattern, Relation};

/// Most bytes of a policy file.
pub const MAX_FILE: usize = 256 << 10;

const DEFAULT: &str = include_str!("default_policy.yaml");

/// A mistake in a policy file: `policy.yaml:4:7: error: ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{}:{}: error: {message}", at.line, at.column)]
pub struct Mistake {
    /// Name of the file.
    pub file: String,
    /// Where, from 1.
    pub at: LineColumn,
    /// What is wrong and what to write.
    pub message: String,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("file integrity policy {file}: {error}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file has mistakes.
    #[error("the file integrity policy cannot be used:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mistakes(Vec<Mistake>),
}

/// A file integrity policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name for people.
    pub name: String,
    /// SHA-256 of its text, hexadecimal.
    pub sha256: String,
    /// How often everything is compared, besides what is noticed at once.
    pub compare: Duration,
    /// What is monitored; the first entry that covers a path counts.
    pub entries: Vec<Entry>,
}

/// An entry of a policy.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its paths as written.
    pub paths: Vec<String>,
    /// The changes that are reported.
    pub changes: Vec<Change>,
    /// Whether what lies below a path is monitored as well.
    pub recursive: bool,
    /// Tags that map to standards.
    pub tags: Vec<String>,
    /// Severity of its findings.
    pub severity: Priority,
    /// Largest file whose content is hashed, bytes; larger ones are compared by size and time of change.
    pub max_hash: u64,
    pub(crate) covered: Vec<Pattern>,
    pub(crate) excluded: Vec<Pattern>,
}

/// What the image declares of its application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The program of the entry point.
    pub(crate) program: String,
    /// The working directory.
    pub(crate) workdir: String,
}

/// Stands for the program of the entry point in a path.
pub(crate) const PROGRAM: &str = "$PROGRAM";
/// Stands for the working directory at the beginning of a path.
pub(crate) const WORKDIR: &str = "$WORKDIR";

impl Policy {
    /// The built-in policy, for PCI DSS 11.5.2 and 10.3.4.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::parse(&SourceFile { name: "built-in".into(), text: DEFAULT.into() })
    }

    /// The text of the built-in policy.
    #[must_use]
    pub fn built_in_text() -> &'static str {
        DEFAULT
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// It cannot be read or has mistakes.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        match bounded::read_to_string(path, MAX_FILE) {
            Ok(text) => Self::parse(&SourceFile { name, text }),
            Err(error) => Err(PolicyError::Read { file: name, error }),
        }
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// It has mistakes; all that were found.
    pub fn parse(file: &SourceFile) -> Result<Self, PolicyError> {
        read::policy(file).map_err(PolicyError::Mistakes)
    }

    fn hash(text: &str) -> String {
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Puts in what the image declares. Returns the bases of what was added, and for people what could not be.
    pub(crate) fn declare(&mut self, declared: &Declared) -> (Vec<Vec<u8>>, Vec<String>) {
        let (mut bases, mut refused) = (Vec::new(), Vec::new());
        for entry in &mut self.entries {
            for path in &entry.paths {
                let Some(real) = substituted(path, declared) else { continue };
                match real.and_then(|real| Pattern::new(&real)) {
                    Ok(pattern) => {
                        bases.push(pattern.base());
                        entry.covered.push(pattern);
                    }
                    Err(reason) => refused.push(format!("{path} is not monitored: {reason}")),
                }
            }
        }
        (bases, refused)
    }

    /// The entry that covers a path, by number.
    pub(crate) fn entry_of(&self, path: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.relation(path) >= Relation::Below)
    }

    /// Whether the directory of that path has to be watched: it is covered, or something below may be.
    pub(crate) fn reaches(&self, path: &[u8]) -> bool {
        self.entries.iter().any(|entry| entry.relation(path) != Relation::Apart)
    }

    /// The entries as heartbeats name them, with nothing counted yet.
    pub(crate) fn status(&self) -> Vec<FimEntry> {
        let entry = |entry: &Entry| FimEntry {
            name: entry.name.clone(),
            paths: entry.paths.clone(),
            tags: entry.tags.clone(),
            files: 0,
            hashed: 0,
        };
        self.entries.iter().map(entry).collect()
    }
}

/// A path with what the image declares put in; `None` when it stands for itself.
fn substituted(path: &str, declared: &Declared) -> Option<Result<String, String>> {
    let unusable = |path: &str| path.is_empty() || path == "/" || is_virtual(path.as_bytes());
    let (value, rest) = if path == PROGRAM {
        (&declared.program, "")
    } else {
        (&declared.workdir, path.strip_prefix(WORKDIR)?)
    };
    if unusable(value) {
        return Some(Err(format!("the image declares {value:?} for it")));
    }
    Some(Ok(format!("{value}{rest}")))
}

/// Kernel file systems: nothing there is a file.
pub(crate) fn is_virtual(path: &[u8]) -> bool {
    ["/proc", "/sys", "/dev"].iter().any(|root| {
        path.strip_prefix(root.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    })
}

impl Entry {
    /// What a path is to this entry.
    pub(crate) fn relation(&self, path: &[u8]) -> Relation {
        if self.excluded.iter().any(|pattern| pattern.relation(path) >= Relation::Below) {
            return Relation::Apart;
        }
        let relation = self.covered.iter().map(|pattern| pattern.relation(path)).max();
        match relation.unwrap_or(Relation::Apart) {
            Relation::Below if !self.recursive => Relation::Apart,
            relation => relation,
        }
    }

    /// Whether content has to be known.
    pub(crate) fn hashes(&self) -> bool {
        self.changes.contains(&Change::Content)
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::Change;

    use super::{Declared, Policy};

    #[test]
    fn the_built_in_policy_covers_what_pci_asks_for() {
        let policy = Policy::built_in().unwrap();
        for path in [
            "/usr/bin/sudo",
            "/bin",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/etc/passwd",
            "/etc/sudoers.d/app",
            "/etc/ssh/sshd_config",
            "/etc/cron.d/job",
            "/etc/ld.so.preload",
            "/root/.ssh/authorized_keys",
            "/var/log/app/audit.log",
        ] {
            let entry = policy.entry_of(path.as_bytes()).map(|at| &policy.entries[at]);
            let entry = entry.unwrap_or_else(|| panic!("{path} is not covered"));
            assert!(entry.tags.iter().any(|tag| tag.starts_with("PCI_DSS_")), "{path}");
        }
        for path in ["/tmp/x", "/home/a/file", "/proc/1/mem", "/var/lib/app/db"] {
            assert_eq!(policy.entry_of(path.as_bytes()), None, "{path}");
        }
        let log = &policy.entries[policy.entry_of(b"/var/log/app.log").unwrap()];
        assert!(!log.hashes() && log.changes.contains(&Change::Shrink));
    }

    #[test]
    fn what_the_image_declares_is_put_in() {
        let mut policy = Policy::built_in().unwrap();
        let declared = Declared { program: "/srv/app/server".into(), workdir: "/srv/app".into() };
        assert_eq!(policy.entry_of(b"/srv/app/config.json"), None);
        assert!(policy.declare(&declared).1.is_empty());
        assert!(policy.entry_of(b"/srv/app/server").is_some());
        assert!(policy.entry_of(b"/srv/app/config.json").is_some());
        let mut policy = Policy::built_in().unwrap();
        let (_, refused) = policy.declare(&Declared { program: "/x".into(), workdir: "/".into() });
        assert!(refused.iter().all(|line| line.contains("$WORKDIR")) && !refused.is_empty(), "{refused:?}");
    }
}
