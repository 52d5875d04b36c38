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
}

impl File {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin { "<stdin>".to_owned() } else { path.display().to_string() };
        let bytes = if is_stdin {
            bounded::read_from(io::stdin().lock(), MAX_BYTES)
        } else {
            bounded::read(path, MAX_BYTES)
        };
        let bytes = bytes.map_err(|error| BadInput::because(format!("{name}: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().len() + 1;
            BadInput::because(format!("{name}:{line}:{column}: not UTF-8"))
        })?;
        Ok(Self { name, path: (!is_stdin).then(|| path.to_owned()), text })
    }

    /// Writes the file in place.
    pub(super) fn replace(&self, text: &str) -> anyhow::Result<()> {
        match &self.path {
            Some(path) => replace(path, text),
            None => {
                Err(BadInput::because("standard input cannot be written in place; leave --write out").into())
            }
        }
    }
}

/// Writes a file so that it has the old content or the new one, never a part; a link's target, not the link.
pub(super) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.fargard-{}", std::process::id()));
    let written = write(&beside, path, text);
    if written.is_err() {
        // It may not have been made at all.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn write(beside: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.write_all(text.as_bytes())?;
    if let Ok(metadata) = fs::metadata(path) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()?;
    fs::rename(beside, path)
}
