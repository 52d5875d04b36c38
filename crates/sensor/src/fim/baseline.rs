//! The state of every monitored file as last known: about 130 bytes and its name for each.

use std::{collections::BTreeMap, ops::Bound};

use super::state::State;

/// Most files, directories and links that are kept: 12 MiB or so.
pub(crate) const MAX_FILES: usize = 65_536;

/// A monitored file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) state: State,
    /// Number of the policy's entry.
    pub(crate) entry: u16,
}

/// What is known of the names in a directory, sorted.
type Names = Vec<(Box<[u8]>, Known)>;

/// States by path. Names are kept by directory, sorted.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    directories: BTreeMap<Box<[u8]>, Names>,
    length: usize,
}

/// Directory and name of an absolute path; the root is the name nothing in the directory nothing.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) if path.len() == 1 => (b"", b""),
        Some(0) => (b"/", path.get(1..).unwrap_or_default()),
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// The path of a name in a directory.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

impl Baseline {
    /// How many files are known.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// What is known of a path.
    pub(crate) fn get(&self, path: &[u8]) -> Option<&Known> {
        let (directory, name) = split(path);
        let names = self.directories.get(directory)?;
        let at = names.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        names.get(at).map(|(_, known)| known)
    }

    /// Keeps a state; `false` when there is no room for another file.
    pub(crate) fn put(&mut self, path: &[u8], known: Known) -> bool {
        let (directory, name) = split(path);
        let full = self.length >= MAX_FILES;
        if let Some(names) = self.directories.get_mut(directory) {
            match names.binary_search_by(|(known, _)| known.as_ref().cmp(name)) {
                Ok(at) => {
                    if let Some((_, place)) = names.get_mut(at) {
                        *place = known;
                    }
                    return true;
                }
                Err(_) if full => return false,
                Err(at) => names.insert(at, (name.into(), known)),
            }
        } else if full {
            return false;
        } else {
            self.directories.insert(directory.into(), vec![(name.into(), known)]);
        }
        self.length += 1;
        true
    }

    /// Forgets a path.
    pub(crate) fn remove(&mut self, path: &[u8]) -> Option<Known> {
        let (directory, name) = split(path);
        let names = self.directories.get_mut(directory)?;
        let at = names.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        let (_, known) = names.remove(at);
        if names.is_empty() {
            self.directories.remove(directory);
        }
        self.length -= 1;
        Some(known)
    }

    /// Forgets everything below a directory, and says what it was.
    pub(crate) fn remove_below(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, Known)> {
        let mut keys: Vec<Box<[u8]>> = Vec::new();
        keys.extend(self.directories.get_key_value(directory).map(|(key, _)| key.clone()));
        let prefix = join(directory, b"");
        let after = self.directories.range::<[u8], _>((Bound::Included(prefix.as_slice()), Bound::Unbounded));
        keys.extend(after.map(|(key, _)| key).take_while(|key| key.starts_with(&prefix)).cloned());
        keys.dedup();
        let mut removed = Vec::new();
        for key in keys {
            for (name, known) in self.directories.remove(&key).unwrap_or_default() {
                self.length -= 1;
                removed.push((join(&key, &name), known));
            }
        }
        removed
    }

    /// Names known in a directory.
    pub(crate) fn names_in(&self, directory: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.directories.get(directory).into_iter().flatten().map(|(name, _)| name.as_ref())
    }

    /// Everything known, sorted by directory and name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Vec<u8>, &Known)> {
        self.directories
            .iter()
            .flat_map(|(directory, names)| names.iter().map(|(name, known)| (join(directory, name), known)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Baseline, Known, MAX_FILES, join, split};
    use crate::fim::state::State;

    fn known(size: u64) -> Known {
        let state =
            State { hash: None, mode: 0, uid: 0, gid: 0, links: 1, size, inode: 0, mtime: 0, ctime: 0 };
        Known { state, entry: 0 }
    }

    #[test]
    fn paths_split_and_join() {
        for (path, directory, name) in
            [("/", "", ""), ("/a", "/", "a"), ("/a/b", "/a", "b"), ("/a/b\n", "/a", "b\n")]
        {
            assert_eq!(split(path.as_bytes()), (directory.as_bytes(), name.as_bytes()));
            assert_eq!(join(directory.as_bytes(), name.as_bytes()), path.as_bytes());
        }
    }

    #[test]
    fn it_holds_so_many_and_no_more() {
        let mut baseline = Baseline::default();
        for number in 0..MAX_FILES {
            assert!(baseline.put(format!("/d{}/f{number}", number % 97).as_bytes(), known(1)));
        }
        assert!(!baseline.put(b"/one/more", known(1)));
        assert!(!baseline.put(b"/d1/more", known(1)));
        assert!(baseline.put(b"/d1/f1", known(2)), "a known one has room");
        assert_eq!(baseline.len(), MAX_FILES);
    }

    proptest! {
        #[test]
        fn it_is_a_map_of_paths(
            steps in proptest::collection::vec((0..3_u8, "(/[a!0]{1,2}){1,3}", any::<u8>()), 0..60),
        ) {
            let mut baseline = Baseline::default();
            let mut model = BTreeMap::new();
            for (step, path, size) in steps {
                match step {
                    0 => {
                        baseline.put(path.as_bytes(), known(u64::from(size)));
                        model.insert(path.into_bytes(), u64::from(size));
                    }
                    1 => {
                        let removed = baseline.remove(path.as_bytes()).map(|known| known.state.size);
                        prop_assert_eq!(removed, model.remove(path.as_bytes()));
                    }
                    _ => {
                        let prefix = format!("{path}/").into_bytes();
                        let mut removed: Vec<_> = baseline.remove_below(path.as_bytes());
                        removed.sort_by(|one, other| one.0.cmp(&other.0));
                        let expected: Vec<_> =
                            model.extract_if(.., |key, _| key.starts_with(&prefix)).collect();
                        let removed: Vec<_> = removed.into_iter().map(|(path, known)| (path, known.state.size)).collect();
                        prop_assert_eq!(removed, expected);
                    }
                }
                prop_assert_eq!(baseline.len(), model.len());
            }
            let mut all: Vec<_> = baseline.iter().map(|(path, known)| (path, known.state.size)).collect();
            all.sort();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
        }
    }
}
