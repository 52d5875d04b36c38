//! Where the policy's paths really are, and from where they are reached.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{Host, Monitor};
use crate::fim::baseline::{join, split};

/// A directory's real path is taken as unchanged for this long.
const FRESH: Duration = Duration::from_secs(2);
const MAX_REAL: usize = 1024;

impl<H: Host> Monitor<H> {
    /// The directories from which everything the policy covers is reached. Also puts in where its paths really are
    /// when links lead there.
    pub(super) fn starts(&mut self) -> Vec<Vec<u8>> {
        let mut starts: Vec<Vec<u8>> = Vec::new();
        for entry in 0..self.policy.entries.len() {
            let patterns = self.policy.entries.get(entry).map(|entry| entry.covered.clone());
            for pattern in patterns.unwrap_or_default() {
                let base = pattern.base();
                if let Some(real) = self.canonical(&base).filter(|real| *real != base) {
                    let resolved = pattern.rebased(&real);
                    if let Some(entry) = self.policy.entries.get_mut(entry)
                        && !entry.covered.contains(&resolved)
                    {
                        entry.covered.push(resolved);
                    }
                    starts.push(self.above(&real));
                }
                starts.push(self.above(&base));
            }
        }
        starts.sort();
        starts.dedup();
        // What lies below another start is reached from there.
        let is_below = |start: &[u8], other: &Vec<u8>| start != other && start.starts_with(&join(other, b""));
        let all = starts.clone();
        starts.retain(|start| !all.iter().any(|other| is_below(start, other)));
        starts
    }

    /// The deepest directory above a path that exists.
    pub(super) fn above(&self, path: &[u8]) -> Vec<u8> {
        let mut path = split(path).0;
        while path.len() > 1 && self.root.handle(path).is_err() {
            path = split(path).0;
        }
        if path.is_empty() { b"/".to_vec() } else { path.to_vec() }
    }

    /// Where a path really is below the root.
    pub(super) fn canonical(&self, path: &[u8]) -> Option<Vec<u8>> {
        let inside = path.strip_prefix(b"/")?;
        let real = std::fs::canonicalize(self.root_path.join(OsStr::from_bytes(inside))).ok()?;
        let root = if self.root_path == Path::new("/") {
            PathBuf::from("/")
        } else {
            std::fs::canonicalize(&self.root_path).ok()?
        };
        Some(join(b"/", real.strip_prefix(root).ok()?.as_os_str().as_bytes()))
    }

    /// A path a call named, with links among its directories resolved.
    pub(super) fn real(&mut self, path: Vec<u8>) -> Vec<u8> {
        let (directory, name) = split(&path);
        let now = Instant::now();
        if let Some((at, real)) = self.real.get(directory)
            && now.duration_since(*at) < FRESH
        {
            return join(real, name);
        }
        let Some(real) = self.canonical(directory) else { return path };
        if self.real.len() >= MAX_REAL {
            self.real.clear();
        }
        let joined = join(&real, name);
        self.real.insert(directory.to_vec(), (now, real));
        joined
    }
}
