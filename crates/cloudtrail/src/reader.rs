//! Records of files.

use std::{
    fs::File,
    io,
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
    ///
    /// # Errors
    /// They are in gzip and damaged, or more than [`MAX_FILE`].
    pub fn of_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, ReadError> {
        let path = name.into();
        let bytes = unpacked(bytes).map_err(|error| ReadError::File { path: path.clone(), error })?;
        let current = Some(Current { path, bytes, splitter: Splitter::default() });
        Ok(Self { files: Vec::new().into_iter(), current, given: 0 })
    }

    fn next_of_current(&mut self) -> Option<Result<Record, ReadError>> {
        let current = self.current.as_mut()?;
        Some(match current.splitter.next(&current.bytes)? {
            Ok(mut record) => {
                self.given += 1;
                record.num = self.given;
                Ok(record)
            }
            Err(damage) => Err(ReadError::Damaged { path: current.path.clone(), damage }),
        })
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_of_current() {
                return Some(found);
            }
            self.current = None;
            let path = self.files.next()?;
            match content(&path) {
                Ok(bytes) => self.current = Some(Current { path, bytes, splitter: Splitter::default() }),
                Err(error) => return Some(Err(ReadError::File { path, error })),
            }
        }
    }
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    unpacked(bounded::read_from(File::open(path)?, MAX_FILE)?)
}

/// The bytes, unpacked if they are in gzip. What gzip gives before it breaks off is kept: the splitter then says
/// where the text ends.
fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.starts_with(GZIP) {
        bounded::read_from(MultiGzDecoder::new(&*bytes), MAX_FILE)
    } else {
        Ok(bytes)
    }
}
