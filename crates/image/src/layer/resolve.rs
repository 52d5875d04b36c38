//! Following paths with their symbolic links, inside the image only.

use super::{
    files::Files,
    nodes::{NodeId, ROOT},
};
use crate::{Limits, tar::Kind};

/// Where following a path stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At its end.
    Found(NodeId),
    /// There is nothing of that name in that directory.
    Missing(NodeId, Vec<u8>),
    /// More path follows, but this is no directory.
    NotDirectory(NodeId),
    /// Too many links, or they make the path too long.
    Loop,
}

/// A path being followed.
#[derive(Debug)]
pub(super) struct Follow {
    /// What is left, the next part last.
    parts: Vec<Vec<u8>>,
    at: NodeId,
    links: usize,
    /// Parts gone through so far.
    pub(super) steps: u64,
    /// Whether a link at the end is followed too.
    last: bool,
}

impl Follow {
    /// Begins at the root.
    pub(super) fn new(path: &[u8], last: bool) -> Self {
        let mut follow = Self { parts: Vec::new(), at: ROOT, links: 0, steps: 0, last };
        follow.put(path);
        follow
    }

    fn put(&mut self, path: &[u8]) {
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        let start = self.parts.len();
        self.parts.extend(parts.map(<[u8]>::to_vec));
        if let Some(new) = self.parts.get_mut(start..) {
            new.reverse();
        }
    }

    /// Goes on in a directory that was made where it was missing.
    pub(super) fn resume(&mut self, directory: NodeId) {
        self.at = directory;
    }

    /// Goes as far as it gets.
    pub(super) fn run(&mut self, files: &Files) -> Stop {
        while !self.parts.is_empty() {
            if !files.is_directory(self.at) {
                return Stop::NotDirectory(self.at);
            }
            self.steps += 1;
            let part = self.parts.pop().unwrap_or_default();
            if part == b".." {
                self.at = files.nodes.parent(self.at);
                continue;
            }
            let Some(child) = files.nodes.child(self.at, &part) else { return Stop::Missing(self.at, part) };
            let inode = files.inode_of(child);
            if inode.kind != Kind::Symlink || (self.parts.is_empty() && !self.last) {
                self.at = child;
                continue;
            }
            self.links += 1;
            let target = files.link(&inode);
            if self.links > Limits::LINKS || self.parts.len() > Limits::PATH {
                return Stop::Loop;
            }
            if target.starts_with(b"/") {
                self.at = ROOT;
            }
            self.put(target);
        }
        Stop::Found(self.at)
    }
}
