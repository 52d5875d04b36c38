//! Opening files that somebody else may have made.

use std::{fs::File, io, path::Path};

use rustix::fs::{FileType, Mode, OFlags};

use crate::ImageError;

/// Opens a regular file; anything else, as a pipe that never answers, is an error.
pub(super) fn open(path: &Path) -> Result<File, ImageError> {
    regular(path).map_err(|error| ImageError::reading(path.display().to_string(), error))
}

fn regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) == FileType::RegularFile {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}
