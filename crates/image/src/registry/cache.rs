//! Documents kept by digest, so that they are fetched once. What is kept is checked when it is read: a changed file is
//! as good as none.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use fargard_model::bounded;

use crate::{Digest, Limits};

/// Documents kept; when there are more, all are thrown away.
const MAX_FILES: usize = 4096;

/// A directory of documents, or none.
#[derive(Debug)]
pub(super) struct Cache {
    directory: Option<PathBuf>,
}

impl Cache {
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    /// Whether anything is kept at all.
    pub(super) fn is_on(&self) -> bool {
        self.directory.is_some()
    }

    /// The document with that digest.
    pub(super) fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest)?;
        bounded::read(&path, Limits::DOCUMENT).ok().filter(|bytes| digest.matches(bytes))
    }

    /// Keeps a document if it has that digest. A cache that cannot be written is none.
    pub(super) fn put(&self, digest: &Digest, bytes: &[u8]) {
        if let Some(path) = self.path(digest).filter(|path| !path.exists() && digest.matches(bytes)) {
            let _ = keep(&path, bytes);
        }
    }

    fn path(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(digest.algorithm()).join(digest.hex()))
    }
}

/// Writes beside and renames, so that nobody reads half a document.
fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.take(MAX_FILES + 1).count() > MAX_FILES {
        for entry in fs::read_dir(directory)?.flatten() {
            fs::remove_file(entry.path())?;
        }
    }
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::File::create(&beside)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        fs::remove_file(&beside)?;
    }
    written
}
