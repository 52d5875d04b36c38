//! Where package databases are read from: a root file system, or the layers of an image.

use std::{
    borrow::Cow,
    fs::File,
    io,
    os::{fd::AsFd as _, unix::fs::FileExt as _},
};

use fargard_model::bounded;
use rustix::fs::{AtFlags, Dir, FileType};

use super::rpm::ReadAt;
use crate::confined::Root;

/// Most entries of a directory looked at.
const MAX_ENTRIES: usize = 1_000_000;

/// Most entries of the root directory that are looked at for links.
const MAX_TOP: usize = 10_000;

/// A file system with package databases in it.
pub trait Source {
    /// The regular file that a path leads to, links followed; `None` when it is something else.
    ///
    /// # Errors
    /// There is nothing at the path, or it cannot be read.
    fn open(&self, path: &[u8]) -> io::Result<Option<Opened<'_>>>;

    /// Whether a path leads to a regular file, readable or not.
    fn is_file(&self, path: &[u8]) -> bool {
        matches!(self.open(path), Ok(Some(_)))
    }

    /// The names in a directory; none if there is no such directory.
    fn names(&self, path: &[u8]) -> Vec<Vec<u8>>;

    /// Links in the root directory that lead to directories, and what they say.
    ///
    /// # Errors
    /// The root directory cannot be read.
    fn top_links(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>>;
}

/// A file of a database.
#[derive(Debug)]
pub struct Opened<'a> {
    /// What is in it.
    pub content: Content<'a>,
    /// Last change of it, seconds since 1970.
    pub modified: i64,
}

/// A file's content.
#[derive(Debug)]
pub enum Content<'a> {
    /// To be read.
    File(File),
    /// At hand.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Content<'a> {
    /// All of it, at most that many bytes.
    ///
    /// # Errors
    /// It cannot be read or is longer.
    pub(super) fn whole(self, limit: usize) -> io::Result<Cow<'a, [u8]>> {
        match self {
            Self::File(file) => bounded::read_from(file, limit).map(Cow::Owned),
            Self::Bytes(bytes) if bytes.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            Self::Bytes(bytes) => Ok(bytes),
        }
    }
}

impl ReadAt for Content<'_> {
    fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.metadata().map_or(0, |metadata| metadata.len()),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    fn fill_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(buffer, offset),
            Self::Bytes(bytes) => (&**bytes).fill_at(buffer, offset),
        }
    }
}

impl Source for Root {
    fn open(&self, path: &[u8]) -> io::Result<Option<Opened<'_>>> {
        let opened = self.open_file(path)?;
        Ok(opened.map(|(file, stat)| Opened { content: Content::File(file), modified: stat.st_mtime }))
    }

    fn names(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let Ok(directory) = self.open_directory(path) else { return Vec::new() };
        let Ok(entries) = Dir::read_from(directory.as_fd()) else { return Vec::new() };
        entries.flatten().take(MAX_ENTRIES).map(|entry| entry.file_name().to_bytes().to_vec()).collect()
    }

    fn top_links(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let directory = self.open_directory(b"/")?;
        let mut found = Vec::new();
        for entry in Dir::read_from(directory.as_fd())?.flatten().take(MAX_TOP) {
            let name = entry.file_name();
            let Ok(stat) = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink
                || self.open_directory(name.to_bytes()).is_err()
            {
                continue;
            }
            let target = rustix::fs::readlinkat(&directory, name, Vec::new())?.into_bytes();
            found.push((name.to_bytes().to_vec(), target));
        }
        Ok(found)
    }
}
