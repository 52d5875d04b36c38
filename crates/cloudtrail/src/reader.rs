//! Records of files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    vec,
};

use fargard_model::bounded;
use fargard_rules::Record;
use flate2::bufread::MultiGzDecoder;

use crate::{
    files,
    split::{Damage, Splitter},
};

/// Most bytes of one file, also once unpacked. CloudTrail delivers at most 50 MB.
pub const MAX_FILE: usize = 256 << 20;
/// How gzip data begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or directory.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Part of a file; the records around it are given.
    #[error("{}: {damage}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it, and why.
        damage: Damage,
    },
}

/// The records of files, one after another; numbers go on from file to file.
#[derive(Debug)]
pub struct Reader {
    files: vec::IntoIter<PathBuf>,
    current: Option<Current>,
    given: u64,
}

/// The file being read.
#[derive(Debug)]
struct Current {
    path: PathBuf,
    bytes: Vec<u8>,
    splitter: Splitter,
    /// Why the bytes are not the whole file; told behind their records.
    cut: Option<io::Error>,
}

impl Current {
    fn new(path: PathBuf, packed: Vec<u8>) -> Self {
        let (bytes, cut) = unpacked(packed, MAX_FILE);
        Self { path, bytes, splitter: Splitter::default(), cut }
    }

    fn next(&mut self) -> Option<Result<Record, ReadError>> {
        let path = || self.path.clone();
        match self.splitter.next(&self.bytes) {
            Some(found) => Some(found.map_err(|damage| ReadError::Damaged { path: path(), damage })),
            None => self.cut.take().map(|error| Err(ReadError::File { path: path(), error })),
        }
    }
}

impl Reader {
    /// Of files as they are named, and of the files below directories in the order of their names, as Falco's plugin
    /// opens them. In directories only `.json`, `.jsonl`, and these in gzip are read.
    ///
    /// # Errors
    /// A path does not exist, or a directory cannot be read.
    pub fn open(paths: &[impl AsRef<Path>]) -> Result<Self, ReadError> {
        let mut found = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            files::collect(path, &mut found)
                .map_err(|error| ReadError::File { path: path.to_owned(), error })?;
        }
        Ok(Self { files: found.into_iter(), current: None, given: 0 })
    }

    /// Of bytes that were read elsewhere, under a name for errors.
    #[must_use]
    pub fn of_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self { files: Vec::new().into_iter(), current: Some(Current::new(name.into(), bytes)), given: 0 }
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mut found) = self.current.as_mut().and_then(Current::next) {
                if let Ok(record) = &mut found {
                    self.given += 1;
                    record.num = self.given;
                }
                return Some(found);
            }
            self.current = None;
            let path = self.files.next()?;
            match File::open(&path).and_then(|file| bounded::read_from(file, MAX_FILE)) {
                Ok(bytes) => self.current = Some(Current::new(path, bytes)),
                Err(error) => return Some(Err(ReadError::File { path, error })),
            }
        }
    }
}

/// The bytes, unpacked if they are in gzip, and why they are not all: damaged gzip, or too many. What comes before
/// is kept, for its records are whole.
pub(crate) fn unpacked(bytes: Vec<u8>, limit: usize) -> (Vec<u8>, Option<io::Error>) {
    if !bytes.starts_with(GZIP) {
        return (bytes, None);
    }
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(&*bytes).take(limit as u64 + 1).read_to_end(&mut plain);
    let cut = match read {
        Err(error) => Some(io::Error::new(error.kind(), format!("the gzip data is damaged: {error}"))),
        Ok(_) if plain.len() > limit => {
            plain.truncate(limit);
            Some(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("more than {limit} bytes once unpacked"),
            ))
        }
        Ok(_) => None,
    };
    (plain, cut)
}
