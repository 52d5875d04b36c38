//! Which files hold records.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Deepest nesting of directories that is entered; deliveries are about ten deep.
const MAX_DEPTH: usize = 32;
/// Most files taken from directories.
pub(crate) const MAX_FILES: usize = 1_000_000;
/// What a directory's files must end with.
const ENDINGS: [&str; 4] = [".json", ".json.gz", ".jsonl", ".jsonl.gz"];
/// Directories of a delivery that hold no records: digests of other files, and Insights events.
const NO_RECORDS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];

/// Adds the file, or the files below the directory in the order of their names. Links to directories are not
/// followed.
///
/// # Errors
/// A directory cannot be read, or there are too many files or levels.
pub(crate) fn collect(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() { below(path, MAX_DEPTH, found) } else { add(path.to_owned(), found) }
}

fn below(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other(format!("directories nested deeper than {MAX_DEPTH}")));
    };
    let mut entries = fs::read_dir(directory)?.take(MAX_FILES).collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !NO_RECORDS.contains(&&*name) {
                below(&entry.path(), depth, found)?;
            }
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            add(entry.path(), found)?;
        }
    }
    Ok(())
}

fn add(path: PathBuf, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if found.len() >= MAX_FILES {
        return Err(io::Error::other(format!("more than {MAX_FILES} files")));
    }
    found.push(path);
    Ok(())
}
