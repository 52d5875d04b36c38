//! Whether an executable came with the image.
//!
//! The kernel knows whether a file is in a container's upper layer; a sensor without kernel code decides it from
//! what it saw (the file was created, renamed into place or opened for writing since the container started) and
//! otherwise from the file's change time.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Most paths that are remembered as written.
const MAX_WRITTEN: usize = 32_768;

/// Files that were written since the container started.
#[derive(Debug)]
pub(crate) struct Origins {
    /// Start of the container, nanoseconds since the epoch.
    started: u64,
    /// Hashes of paths: eight bytes a path, a false positive in 2^64.
    written: HashSet<u64>,
}

impl Origins {
    /// Origins for a container that started at that time.
    pub(crate) fn since(started: u64) -> Self {
        Self { started, written: HashSet::new() }
    }

    /// Remembers that a path was created, renamed into place or opened for writing.
    pub(crate) fn written(&mut self, path: &str) {
        if self.written.len() < MAX_WRITTEN {
            self.written.insert(hash(path));
        }
    }

    /// Whether a path was seen written.
    pub(crate) fn was_written(&self, path: &str) -> bool {
        self.written.contains(&hash(path))
    }

    /// Whether the file of that path (found at `file`, without links `real`) did not come with the image. A new link
    /// to an old file is an old file. `None` when the file is gone and was never seen written.
    pub(crate) fn is_new(&self, path: &str, real: &str, file: &Path) -> Option<bool> {
        if self.was_written(real) {
            return Some(true);
        }
        let Ok(data) = std::fs::metadata(file) else { return self.was_written(path).then_some(true) };
        let seconds = u64::try_from(data.ctime()).unwrap_or(0);
        let changed = seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::try_from(data.ctime_nsec()).unwrap_or(0));
        Some(changed > self.started)
    }
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fargard_model::Timestamp;

    use super::Origins;

    #[test]
    fn writing_or_a_later_change_makes_a_file_new() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tool");
        fs::write(&file, "x").unwrap();
        let path = file.to_str().unwrap();
        let mut origins = Origins::since(Timestamp::now().0 + 60_000_000_000);
        assert_eq!(origins.is_new(path, path, &file), Some(false));
        origins.written("/link");
        assert_eq!(origins.is_new("/link", path, &file), Some(false), "only the link is new");
        origins.written(path);
        assert_eq!(origins.is_new(path, path, &file), Some(true));
        assert_eq!(Origins::since(1).is_new(path, path, &file), Some(true));
        let gone = directory.path().join("gone");
        assert_eq!(Origins::since(1).is_new("/gone", "/gone", &gone), None);
        assert_eq!(
            origins.is_new("/link", "/link", &gone),
            Some(true),
            "it was seen and may have removed itself"
        );
    }
}
