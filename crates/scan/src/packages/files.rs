//! What packages say of paths, found by path in little memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use super::Expected;

/// Most files known of all packages together.
pub(super) const MAX_FILES: usize = 4_000_000;

/// Longest path that can exist; Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// What packages say of paths. A path is known by a hash of 64 bits under a key of this process's own, so that whoever
/// names files cannot make two of them meet.
#[derive(Debug, Default)]
pub(crate) struct Files {
    state: RandomState,
    numbers: HashMap<u64, u32>,
    entries: Vec<Expected>,
    /// The paths one after the other and where each ends, unless they are not kept.
    paths: Option<(Vec<u8>, Vec<u32>)>,
}

impl Files {
    /// With the paths, so that what is missing can be named.
    pub(super) fn with_paths() -> Self {
        Self { paths: Some((Vec::new(), Vec::new())), ..Self::default() }
    }

    /// Adds what a package says of a path, or replaces it. `false` when there is no room.
    pub(super) fn insert(&mut self, path: &[u8], expected: Expected) -> bool {
        if path.len() > MAX_PATH {
            return true;
        }
        let hash = self.state.hash_one(path);
        if let Some(entry) = self.numbers.get(&hash).and_then(|number| self.entries.get_mut(*number as usize))
        {
            *entry = expected;
            return true;
        }
        let Ok(number) = u32::try_from(self.entries.len()) else { return false };
        if self.entries.len() >= MAX_FILES {
            return false;
        }
        if let Some((bytes, ends)) = &mut self.paths {
            let Ok(end) = u32::try_from(bytes.len() + path.len()) else { return false };
            bytes.extend_from_slice(path);
            ends.push(end);
        }
        self.numbers.insert(hash, number);
        self.entries.push(expected);
        true
    }

    /// Gives back the room that growing took ahead.
    pub(super) fn shrink(&mut self) {
        self.numbers.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Number of files.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is said of a path, and its number.
    pub(crate) fn find(&self, path: &[u8]) -> Option<(usize, Expected)> {
        if self.entries.is_empty() {
            return None;
        }
        let number = *self.numbers.get(&self.state.hash_one(path))? as usize;
        self.entries.get(number).map(|expected| (number, *expected))
    }

    /// What is said of a path.
    pub(crate) fn get(&self, path: &[u8]) -> Option<Expected> {
        self.find(path).map(|(_, expected)| expected)
    }

    /// Number, path and what is said of it, of all files; none where paths are not kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8], Expected)> {
        let (bytes, ends) = self.paths.as_ref().map_or((&[][..], &[][..]), |(bytes, ends)| (bytes, ends));
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let paths = starts.zip(ends).map(|(start, end)| bytes.get(start as usize..*end as usize));
        paths
            .zip(&self.entries)
            .enumerate()
            .map(|(number, (path, expected))| (number, path.unwrap_or_default(), *expected))
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Files};

    fn of(package: u32) -> Expected {
        Expected::with_digest(None, package)
    }

    #[test]
    fn the_last_that_was_said_of_a_path_counts_and_paths_come_back() {
        for mut files in [Files::with_paths(), Files::default()] {
            let keeps = files.paths.is_some();
            assert!(files.get(b"/a").is_none());
            for (path, package) in [("/a", 1), ("/b/c", 2), ("/a", 3), ("", 4)] {
                assert!(files.insert(path.as_bytes(), of(package)));
            }
            files.shrink();
            assert_eq!((files.len(), files.find(b"/a"), files.get(b"/b")), (3, Some((0, of(3))), None));
            let all: Vec<_> = files.iter().collect();
            let expected: [(usize, &[u8], Expected); 3] =
                [(0, b"/a", of(3)), (1, b"/b/c", of(2)), (2, b"", of(4))];
            assert_eq!(all, if keeps { &expected[..] } else { &[] });
            assert!(files.insert(&vec![b'x'; 5000], of(1)) && files.len() == 3);
        }
    }
}
