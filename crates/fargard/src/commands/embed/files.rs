//! The files that are worked on: read whole, replaced whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use fargard_model::bounded;
use fargard_taskdef::json::MAX_BYTES;

use crate::failure::BadInput;

/// A file's path and text.
pub(super) struct File {
    pub(super) name: String,
    path: Option<PathBuf>,
    pub(super) text: String,
    /// Nested stacks (logical names) whose templates are worked on too.
    pub(super) nested: Vec<String>,
}

impl File {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::read_up_to(path, MAX_BYTES)
    }

    /// Reads a file of at most `limit` bytes.
    pub(super) fn read_up_to(path: &Path, limit: usize) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin { "<stdin>".to_owned() } else { path.display().to_string() };
        let bytes =
            if is_stdin { bounded::read_from(io::stdin().lock(), limit) } else { bounded::read(path, limit) };
        let bytes = bytes.map_err(|error| BadInput::because(format!("{name}: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().len() + 1;
            BadInput::because(format!("{name}:{line}:{column}: not UTF-8"))
        })?;
        Ok(Self { name, path: (!is_stdin).then(|| path.to_owned()), text, nested: Vec::new() })
    }

    /// Where it is; `None` for standard input.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Makes ready to write the file in place.
    pub(super) fn stage(&self, text: &str) -> anyhow::Result<Staged> {
        match &self.path {
            Some(path) => Staged::new(path, text),
            None => {
                Err(BadInput::because("standard input cannot be written in place; leave --write out").into())
            }
        }
    }
}

/// A file's new content beside it, which takes its place at once: it has the old content or the new one, never a part.
/// Of a link it is the target that is replaced.
pub(super) struct Staged {
    beside: PathBuf,
    path: PathBuf,
}

impl Staged {
    pub(super) fn new(path: &Path, text: &str) -> anyhow::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = path.with_file_name(format!(".{name}.fargard-{}", std::process::id()));
        write(&beside, &path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { beside, path })
    }

    pub(super) fn commit(self) -> anyhow::Result<()> {
        fs::rename(&self.beside, &self.path).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Once it has taken the file's place there is nothing left to remove.
        let _ = fs::remove_file(&self.beside);
    }
}

fn write(beside: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        if let Ok(metadata) = fs::metadata(path) {
            file.set_permissions(metadata.permissions())?;
        }
        file.sync_all()
    });
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(beside);
    }
    written
}
