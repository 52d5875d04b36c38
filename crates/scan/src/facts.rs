//! What is known of a file without its content, wherever it comes from.

use rustix::fs::{FileType, Stat};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A symbolic link.
    Link,
    /// Anything else that is not a directory.
    Special,
}

/// A file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Path from the root, starting with `/`; any bytes but NUL.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
    /// Permissions with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, seconds since 1970.
    pub modified: i64,
}

impl Facts {
    /// From a file's status.
    #[must_use]
    pub fn of(path: &[u8], stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => FileKind::Regular,
            FileType::Symlink => FileKind::Link,
            _ => FileKind::Special,
        };
        Self {
            path: path.to_vec(),
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: stat.st_mtime,
        }
    }

    /// Whether it runs with another identity than its caller's.
    #[must_use]
    pub fn changes_identity(&self) -> bool {
        self.kind == FileKind::Regular && self.mode & 0o111 != 0 && self.mode & 0o6000 != 0
    }
}
