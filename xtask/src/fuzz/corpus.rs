//! The corpus of a target as files that are named by their content.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use fargard_model::bounded;

use super::files;

/// Most files and bytes of a target's corpus in the repository; regressions do not count.
const MAX_FILES: usize = 300;
const MAX_BYTES: usize = 1 << 20;
/// Files of this name are inputs that once showed a defect; they stay.
pub(super) const REGRESSION: &str = "regression-";

/// Writes an input, named by its content, unless it is there.
pub(super) fn write(directory: &Path, bytes: &[u8]) -> Result<()> {
    let path = directory.join(format!("{:016x}", fnv(bytes)));
    if path.is_file() {
        return Ok(());
    }
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// FNV-1a of 64 bits: names need no more.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes a directory that holds nothing.
pub(super) fn empty(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for path in files(directory)? {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Replaces what a corpus holds, but its regressions, by files of all sizes of another directory; gives their
/// number.
pub(super) fn replace(corpus: &Path, with: &Path) -> Result<usize> {
    let regression =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(REGRESSION));
    let mut known = Vec::new();
    for path in files(corpus)? {
        if regression(&path) {
            known.push(bounded::read(&path, MAX_BYTES)?);
        } else {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let mut found = Vec::new();
    for path in files(with)? {
        found.push(bounded::read(&path, MAX_BYTES)?);
    }
    found.retain(|bytes| !known.contains(bytes));
    found.sort_by_key(Vec::len);
    let mut left = MAX_BYTES;
    let mut kept = 0;
    for bytes in spread(&found, MAX_FILES) {
        let Some(rest) = left.checked_sub(bytes.len()) else { break };
        left = rest;
        write(corpus, bytes)?;
        kept += 1;
    }
    Ok(kept)
}

/// At most so many, at even distances.
fn spread(all: &[Vec<u8>], most: usize) -> impl Iterator<Item = &Vec<u8>> {
    let chosen = all.len().min(most);
    (0..chosen).filter_map(move |index| all.get(index * all.len() / chosen))
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn what_is_kept_is_of_all_sizes() {
        let all: Vec<Vec<u8>> = (0..10).map(|size| vec![0; size]).collect();
        let sizes = |most| spread(&all, most).map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(5), [0, 2, 4, 6, 8]);
        assert_eq!(sizes(100), (0..10).collect::<Vec<_>>());
        assert_eq!(spread(&[], 5).count(), 0);
    }
}
