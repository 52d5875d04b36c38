//! A directory that others may write to as well: the files in it are opened by name below a descriptor, never through
//! a link, and only regular files of a bounded size are read. Whoever shares the volume can remove batches, and that
//! is counted; but not make the sensor read or write elsewhere, wait, or fill its memory.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, renameat, unlinkat};

/// Largest batch file that is read.
const MAX_FILE: usize = 2 << 20;
/// Most files of a directory that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// The directory of one producer, or the root of all.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
}

/// What else than a directory `Directory` opens.
const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);
/// A FIFO is opened without waiting for its other end.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Directory {
    /// The directory at a path that was configured: that one may be a link.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { descriptor: openat(CWD, path, DIRECTORY, Mode::empty())? })
    }

    /// Makes a directory in this one.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        match mkdirat(&self.descriptor, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => self.below(name),
            Err(error) => Err(error.into()),
        }
    }

    /// A directory in this one.
    pub(super) fn below(&self, name: &str) -> io::Result<Self> {
        let flags = DIRECTORY.union(OFlags::NOFOLLOW);
        Ok(Self { descriptor: openat(&self.descriptor, name, flags, Mode::empty())? })
    }

    /// Names and types of what is in it.
    pub(super) fn entries(&self) -> Vec<(String, FileType)> {
        let Ok(entries) = Dir::read_from(&self.descriptor) else { return Vec::new() };
        entries
            .flatten()
            .take(MAX_ENTRIES)
            .filter_map(|entry| Some((entry.file_name().to_str().ok()?.to_owned(), entry.file_type())))
            .filter(|(name, _)| name != "." && name != "..")
            .collect()
    }

    /// A regular file, for reading.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        let file = File::from(openat(&self.descriptor, name, FILE | OFlags::RDONLY, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no regular file"));
        }
        Ok(file)
    }

    /// The content of a file.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open(name)?.take(MAX_FILE as u64 + 1).read_to_end(&mut content)?;
        if content.len() > MAX_FILE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any batch"));
        }
        Ok(content)
    }

    /// Writes a file under another name first, so that a reader never finds half of it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = format!("{name}.tmp");
        // What an earlier attempt left behind, or somebody put in the way.
        self.remove(&unfinished);
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let written = openat(&self.descriptor, &unfinished, flags, Mode::RUSR | Mode::WUSR)
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).write_all(bytes))
            .and_then(|()| Ok(renameat(&self.descriptor, &unfinished, &self.descriptor, name)?));
        if written.is_err() {
            self.remove(&unfinished);
        }
        written
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) {
        let _ = unlinkat(&self.descriptor, name, AtFlags::empty());
    }

    /// Removes an empty directory in this one.
    pub(super) fn remove_directory(&self, name: &str) {
        let _ = unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR);
    }

    /// Length of a regular file; `None` for anything else.
    pub(super) fn length(&self, name: &str) -> Option<u64> {
        let data = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let regular = FileType::from_raw_mode(data.st_mode) == FileType::RegularFile;
        regular.then(|| u64::try_from(data.st_size).unwrap_or(0))
    }

    /// Bytes of the files in it and in the directories in it.
    pub(super) fn bytes(&self) -> u64 {
        let (mut bytes, mut looked_at) = (0_u64, 0);
        for (name, kind) in self.entries() {
            if kind != FileType::Directory {
                continue;
            }
            let Ok(inner) = self.below(&name) else { continue };
            for (file, _) in inner.entries() {
                looked_at += 1;
                if looked_at > MAX_ENTRIES {
                    return bytes;
                }
                bytes = bytes.saturating_add(inner.length(&file).unwrap_or(0));
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{Directory, MAX_FILE};

    #[test]
    fn links_fifos_and_huge_files_are_not_followed_waited_for_or_read() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir(path("spool")).unwrap();
        fs::write(path("secret"), "secret").unwrap();
        let directory = Directory::at(&path("spool")).unwrap();
        symlink(path("secret"), path("spool/link")).unwrap();
        mknodat(CWD, path("spool/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        fs::File::create(path("spool/huge")).unwrap().set_len(MAX_FILE as u64 * 1000).unwrap();
        fs::create_dir(path("spool/directory")).unwrap();
        for name in ["link", "fifo", "huge", "directory", "missing", "../secret/x"] {
            assert!(directory.read(name).is_err(), "{name}");
        }
        assert!(directory.length("link").is_none() && directory.length("fifo").is_none());
        symlink(path("."), path("spool/elsewhere")).unwrap();
        assert!(directory.below("elsewhere").is_err() && directory.make("elsewhere").is_err());
        // A link in the way of what is written is replaced, not followed.
        symlink(path("secret"), path("spool/batch.tmp")).unwrap();
        symlink(path("secret"), path("spool/batch")).unwrap();
        directory.write("batch", b"content").unwrap();
        assert_eq!(directory.read("batch").unwrap(), b"content");
        assert_eq!(fs::metadata(path("secret")).unwrap().len(), 6);
        assert!(Directory::at(Path::new("/nonexistent")).is_err());
    }
}
