//! Tar archives of images: where each member is, and reading one without unpacking the archive.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use fargard_model::foreign::shown;

use super::file;
use crate::{
    ImageError, Limits,
    packing::{Packing, Unpacked},
    tar::{Entry, Kind, TarReader},
};

/// Members of an archive of an image.
const MAX_MEMBERS: usize = 100_000;
/// Documents kept while members are looked for.
const MAX_KEPT: usize = 64 << 20;
/// Links from member to member (old `docker save` writes equal layers as links).
const MAX_LINKS: usize = 8;

/// Where a member is.
#[derive(Clone, Debug)]
enum Member {
    Content {
        at: u64,
        size: u64,
        kept: Option<Vec<u8>>,
    },
    /// A link to another member, by its path.
    Link(String),
}

/// An archive whose members are known.
#[derive(Debug)]
pub(super) struct Archive {
    place: String,
    file: Arc<File>,
    packed: bool,
    members: HashMap<String, Member>,
    /// Of a packed archive: the unpacked stream and how far it was read.
    cursor: RefCell<Option<(u64, Unpacked<FileAt>)>>,
}

impl Archive {
    /// Goes through the archive once. Small JSON documents are kept, as finding them again in a packed archive costs
    /// another pass.
    pub(super) fn open(place: &str, path: &Path) -> Result<Self, ImageError> {
        let file = Arc::new(file::open(path)?);
        let start = || FileAt { file: Arc::clone(&file), at: 0 };
        let unpacked = Unpacked::new(start()).map_err(|error| ImageError::reading(place, error))?;
        let mut archive = Self {
            place: place.to_owned(),
            packed: unpacked.packing() != Packing::Plain,
            members: HashMap::new(),
            cursor: RefCell::new(None),
            file: Arc::clone(&file),
        };
        let mut kept = 0;
        if archive.packed {
            archive.index(TarReader::new(BufReader::new(unpacked)), &mut kept, |_, _| Ok(false))?;
        } else {
            archive.index(TarReader::new(BufReader::new(start())), &mut kept, |stream, bytes| {
                stream.seek_relative(bytes).map(|()| true)
            })?;
        }
        Ok(archive)
    }

    /// Notes all members. `skip` jumps over bytes of the stream where that is possible.
    fn index<R: Read>(
        &mut self,
        mut tar: TarReader<BufReader<R>>,
        kept: &mut usize,
        skip: impl Fn(&mut BufReader<R>, i64) -> io::Result<bool>,
    ) -> Result<(), ImageError> {
        let place = self.place.clone();
        let malformed = |error: &dyn ToString| ImageError::malformed(&place, &error.to_string());
        loop {
            let Some(entry) = tar.next_entry().map_err(|error| malformed(&error))? else { return Ok(()) };
            let (name, entry) = (member_name(&entry.path), entry.clone());
            let at = tar.position();
            let member = match entry.kind {
                Kind::File => {
                    let kept = self.keep(&entry, &name, &mut tar, kept).map_err(|error| malformed(&error))?;
                    Member::Content { at, size: entry.size, kept }
                }
                Kind::Symlink => Member::Link(beside(&name, &entry.link)),
                Kind::Hardlink => Member::Link(member_name(&entry.link)),
                _ => continue,
            };
            if matches!(&member, Member::Content { kept: None, .. }) {
                tar.jump(&skip).map_err(|error| malformed(&error))?;
            }
            if self.members.len() >= MAX_MEMBERS {
                return Err(ImageError::Limit {
                    what: format!("the number of files in {place}"),
                    limit: format!("{MAX_MEMBERS} files"),
                });
            }
            self.members.insert(name, member);
        }
    }

    /// The content of what may be a document.
    fn keep<R: Read>(
        &self,
        entry: &Entry,
        name: &str,
        tar: &mut TarReader<R>,
        kept: &mut usize,
    ) -> io::Result<Option<Vec<u8>>> {
        let may_be = name.ends_with(".json") || name.starts_with("blobs/") || name == "oci-layout";
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        if !self.packed || !may_be || size > Limits::DOCUMENT || *kept + size > MAX_KEPT {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        tar.content().read_to_end(&mut bytes)?;
        *kept += bytes.len();
        Ok(Some(bytes))
    }

    /// Whether there is such a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A member's place in the archive and its size.
    pub(super) fn position(&self, name: &str) -> Option<(u64, u64)> {
        match self.member(name)? {
            Member::Content { at, size, .. } => Some((*at, *size)),
            Member::Link(_) => None,
        }
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let mut member = self.members.get(name)?;
        for _ in 0..MAX_LINKS {
            match member {
                Member::Content { .. } => return Some(member),
                Member::Link(target) => member = self.members.get(target)?,
            }
        }
        None
    }

    /// A member's content. In a packed archive everything before it is unpacked, from where the last reading ended if
    /// that is before it.
    pub(super) fn read(&self, name: &str) -> Result<Box<dyn Read + '_>, ImageError> {
        let missing = || ImageError::NotFound {
            wanted: shown(name.as_bytes(), 300),
            place: self.place.clone(),
            available: String::new(),
        };
        let Some(Member::Content { at, size, kept }) = self.member(name) else { return Err(missing()) };
        if let Some(kept) = kept {
            return Ok(Box::new(kept.as_slice()));
        }
        if self.packed {
            return self.unpack(*at, *size).map_err(|error| ImageError::reading(&self.place, error));
        }
        Ok(Box::new(Whole { left: *size, inner: FileAt { file: Arc::clone(&self.file), at: *at } }))
    }

    /// A document: at most [`Limits::DOCUMENT`] bytes.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let what = format!("{} in {}", shown(name.as_bytes(), 300), self.place);
        fargard_model::bounded::read_from(self.read(name)?, Limits::DOCUMENT)
            .map_err(|error| ImageError::reading(what, error))
    }

    fn unpack(&self, at: u64, size: u64) -> io::Result<Box<dyn Read + '_>> {
        let kept = self.cursor.borrow_mut().take().filter(|(position, _)| *position <= at);
        let (position, mut stream) = match kept {
            Some(kept) => kept,
            None => (0, Unpacked::new(FileAt { file: Arc::clone(&self.file), at: 0 })?),
        };
        let skip = at - position;
        if io::copy(&mut (&mut stream).take(skip), &mut io::sink())? < skip {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Box::new(Unpacking { archive: self, stream: Some(stream), at, left: size }))
    }
}

/// A file from some place on, whoever else reads it.
#[derive(Debug)]
struct FileAt {
    file: Arc<File>,
    at: u64,
}

impl Read for FileAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(buffer, self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for FileAt {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
            SeekFrom::End(_) => None,
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// A member of a packed archive; gives the stream back when it is done.
struct Unpacking<'a> {
    archive: &'a Archive,
    stream: Option<Unpacked<FileAt>>,
    at: u64,
    left: u64,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let got = stream.take(self.left).read(buffer)?;
        if got == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

impl Drop for Unpacking<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            *self.archive.cursor.borrow_mut() = Some((self.at, stream));
        }
    }
}

/// So many bytes; fewer are an error.
struct Whole<R> {
    left: u64,
    inner: R,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = (&mut self.inner).take(self.left).read(buffer)?;
        if got == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= got as u64;
        Ok(got)
    }
}

/// A name as the documents in the archive write it.
fn member_name(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    text.trim_start_matches("./").trim_start_matches('/').to_owned()
}

/// The target of a symbolic link, from the directory the link is in.
fn beside(name: &str, target: &[u8]) -> String {
    let target = String::from_utf8_lossy(target);
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
