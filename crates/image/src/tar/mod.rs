//! Tar archives as a stream, read as Go's `archive/tar` reads them, which is what unpacks images on their way to a
//! container: another reading would show other files than those that run.

mod fields;
mod header;
mod pax;
mod reader;
mod sparse;
#[cfg(test)]
mod tests;

pub use reader::{Content, TarReader};

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A file with content.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file named before.
    Hardlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// One member of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name as written; any bytes.
    pub path: Vec<u8>,
    /// Target of a link as written.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions with setuid, setgid and sticky bits.
    pub mode: u16,
    /// User.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of content that the archive holds.
    pub size: u64,
    /// Bytes once holes are filled; [`Entry::size`] but for sparse files. The holes are not in the content given.
    pub real_size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Whether it has file capabilities (`security.capability`).
    pub capabilities: bool,
}

impl Entry {
    /// Whether it has holes that its content lacks.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.real_size != self.size
    }

    fn clear(&mut self) {
        let (mut path, mut link) = (std::mem::take(&mut self.path), std::mem::take(&mut self.link));
        path.clear();
        link.clear();
        *self = Self { path, link, ..Self::default() };
    }
}

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What is there is no tar archive.
    #[error("the archive is malformed at byte {at} (entry {entry}): {reason}")]
    Malformed {
        /// Offset of the header.
        at: u64,
        /// Number of the entry, from 1.
        entry: u64,
        /// Why.
        reason: &'static str,
    },
}
