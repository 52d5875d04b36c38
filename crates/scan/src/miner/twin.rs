//! Finding the program of the same root file system that a suspicious file is a copy of.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::fd::AsFd,
};

use rustix::fs::{AtFlags, Dir, Stat};

use super::{content::CHUNK, names};
use crate::confined::{Root, is_regular, open_regular};

/// Where programs are installed. `/bin` may be a link to `/usr/bin`; a directory is searched once.
const PROGRAM_DIRECTORIES: [&str; 6] =
    ["usr/bin", "bin", "usr/sbin", "sbin", "usr/local/bin", "usr/local/sbin"];

/// Directory entries looked at.
const MAX_ENTRIES: u32 = 20_000;

/// Files of the same size compared byte by byte.
const MAX_COMPARED: u32 = 16;

/// The first program by directory and name with the same content as `file`, which is at most `limit` bytes long.
/// Programs named as miners do not count, nor do directories that cannot be read.
///
/// # Errors
/// The file itself cannot be read.
pub(super) fn find(root: &Root, file: &mut File, stat: &Stat, limit: u64) -> io::Result<Option<String>> {
    if stat.st_size <= 0 || u64::try_from(stat.st_size).is_ok_and(|size| size > limit) {
        return Ok(None);
    }
    let mut searched = Vec::new();
    let mut budget = Budget { entries: MAX_ENTRIES, compared: MAX_COMPARED };
    for path in PROGRAM_DIRECTORIES {
        let Ok(directory) = root.open_directory(path.as_bytes()) else { continue };
        let identity = rustix::fs::fstat(&directory).map(|stat| (stat.st_dev, stat.st_ino))?;
        if searched.contains(&identity) {
            continue;
        }
        searched.push(identity);
        for name in same_size(&directory, stat, &mut budget) {
            let Ok(Some((mut other, _))) = open_regular(directory.as_fd(), name.as_slice()) else { continue };
            file.rewind()?;
            if same_content(file, &mut other)? {
                return Ok(Some(format!("/{path}/{}", fargard_model::foreign::printable(&name))));
            }
        }
    }
    Ok(None)
}

struct Budget {
    entries: u32,
    compared: u32,
}

/// Names of regular files of the same size, sorted so that the answer does not depend on the directory's order.
fn same_size(directory: impl AsFd, stat: &Stat, budget: &mut Budget) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let Ok(entries) = Dir::read_from(&directory) else { return names };
    for entry in entries.flatten() {
        if budget.entries == 0 || budget.compared == 0 {
            break;
        }
        budget.entries -= 1;
        let name = entry.file_name();
        let Ok(other) = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if is_regular(&other) && other.st_size == stat.st_size && !names::candidate(name.to_bytes()) {
            budget.compared -= 1;
            names.push(name.to_bytes().to_vec());
        }
    }
    names.sort();
    names
}

/// Whether two files read from here on are the same.
fn same_content(left: &mut File, right: &mut File) -> io::Result<bool> {
    let (mut ours, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let read = fill(left, &mut ours)?;
        // The other file is only a candidate: not readable means not the same.
        let Ok(other) = fill(right, &mut theirs) else { return Ok(false) };
        if ours.get(..read) != theirs.get(..other) {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
        match file.read(space)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
