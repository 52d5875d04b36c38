//! Answers from a directory that holds a root file system.

use std::io;

use fargard_model::bounded;
use rustix::fs::FileType;

use super::sources::{FileState, Kind, Sources, Unanswered};
use crate::confined::Root;

/// A directory, and the environment of what runs in it where that is known.
#[derive(Debug)]
pub struct RootSources<'r> {
    root: &'r Root,
    environment: Option<Vec<String>>,
}

impl<'r> RootSources<'r> {
    /// Asks the directory; `environment` as `NAME=value`.
    #[must_use]
    pub fn new(root: &'r Root, environment: Option<Vec<String>>) -> Self {
        Self { root, environment }
    }
}

fn failed(path: &str, error: &io::Error) -> Unanswered {
    Unanswered::Failed(format!("{path}: {error}"))
}

fn state(stat: &rustix::fs::Stat, kind: Kind) -> FileState {
    FileState {
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
    }
}

impl Sources for RootSources<'_> {
    fn file(&self, path: &str) -> Result<Option<FileState>, Unanswered> {
        match self.root.status(path.as_bytes()) {
            Ok(stat) => Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => state(&stat, Kind::File),
                FileType::Directory => state(&stat, Kind::Directory),
                _ => state(&stat, Kind::Other),
            })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(failed(path, &error)),
        }
    }

    fn content(&self, path: &str, limit: u64) -> Result<Vec<u8>, Unanswered> {
        let (file, _) = self
            .root
            .open_file(path.as_bytes())
            .map_err(|error| failed(path, &error))?
            .ok_or_else(|| Unanswered::Failed(format!("{path}: it is no regular file")))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        bounded::read_from(file, limit).map_err(|error| failed(path, &error))
    }

    fn environment(&self) -> Result<Vec<String>, Unanswered> {
        let unknown =
            || Unanswered::NotHere("the environment is not known; give the image's configuration".to_owned());
        self.environment.clone().ok_or_else(unknown)
    }
}
