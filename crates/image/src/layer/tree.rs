//! The image's file system: what a container of it sees.

use std::{collections::HashMap, fmt};

use super::{
    files::{Files, Inode},
    nodes::NodeId,
    resolve::{Follow, Stop},
};
use crate::{Limits, tar::Kind};

/// Which content: that of one member of one layer. Several paths may show it, or none when upper layers hide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId {
    /// Number of the layer, the lowest is 0.
    pub layer: u16,
    /// Number of the member in the layer, from 1.
    pub entry: u32,
}

/// The files of an image by path, with all layers put together.
#[derive(Debug)]
pub struct Tree {
    files: Files,
    alive: Vec<bool>,
}

/// One path of a [`Tree`].
#[derive(Clone, Copy)]
pub struct TreeEntry<'a> {
    tree: &'a Tree,
    node: NodeId,
    inode: Inode,
}

impl Tree {
    pub(super) fn new(files: Files) -> Self {
        Self { alive: files.nodes.alive(), files }
    }

    /// All paths but the root; a directory comes before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        let alive = self.alive.iter().enumerate().skip(1).filter(|(_, alive)| **alive);
        alive.filter_map(|(node, _)| u32::try_from(node).ok()).map(|node| self.entry(node))
    }

    /// What is at a path; links are not followed.
    #[must_use]
    pub fn get(&self, path: &[u8]) -> Option<TreeEntry<'_>> {
        self.files.find(path).map(|node| self.entry(node))
    }

    /// What a path leads to when links are followed, as a process in the container does. `None` where there is nothing,
    /// or only a loop.
    #[must_use]
    pub fn resolve(&self, path: &[u8]) -> Option<TreeEntry<'_>> {
        if path.len() > Limits::PATH {
            return None;
        }
        match Follow::new(path, true).run(&self.files) {
            Stop::Found(node) => Some(self.entry(node)),
            _ => None,
        }
    }

    /// The paths at which contents are visible; contents without any are hidden by upper layers.
    #[must_use]
    pub fn paths_of(
        &self,
        contents: impl IntoIterator<Item = ContentId>,
    ) -> HashMap<ContentId, Vec<Vec<u8>>> {
        let mut paths: HashMap<_, _> = contents.into_iter().map(|content| (content, Vec::new())).collect();
        if !paths.is_empty() {
            for entry in self.iter() {
                if let Some(found) = paths.get_mut(&entry.content()) {
                    found.push(entry.path());
                }
            }
        }
        paths
    }

    fn entry(&self, node: NodeId) -> TreeEntry<'_> {
        TreeEntry { tree: self, node, inode: self.files.inode_of(node) }
    }
}

impl<'a> TreeEntry<'a> {
    /// The path from the root, beginning with `/`; any bytes but NUL.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        self.tree.files.nodes.path(self.node)
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.tree.files.nodes.name(self.node)
    }

    /// What it is; [`Kind::Hardlink`] only where the link names nothing.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inode.kind
    }

    /// Permissions with setuid, setgid and sticky bits.
    #[must_use]
    pub fn mode(&self) -> u16 {
        self.inode.mode
    }

    /// User; one beyond 32 bits shows as the highest.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.inode.uid
    }

    /// Group; as [`TreeEntry::uid`].
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.inode.gid
    }

    /// Bytes of content, with holes.
    #[must_use]
    pub fn size(&self) -> u64 {
        if matches!(self.inode.kind, Kind::CharDevice | Kind::BlockDevice) { 0 } else { self.inode.size }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn mtime(&self) -> i64 {
        self.inode.mtime
    }

    /// Major and minor number of a device.
    #[must_use]
    pub fn device(&self) -> Option<(u32, u32)> {
        let part = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        matches!(self.inode.kind, Kind::CharDevice | Kind::BlockDevice)
            .then(|| (part(self.inode.size >> 32), part(self.inode.size)))
    }

    /// Whether it has file capabilities.
    #[must_use]
    pub fn has_capabilities(&self) -> bool {
        self.inode.capabilities
    }

    /// Target of a symbolic link as written.
    #[must_use]
    pub fn link(&self) -> &'a [u8] {
        self.tree.files.link(&self.inode)
    }

    /// Which member it comes from; of a directory that none describes, member 0 of layer 0.
    #[must_use]
    pub fn content(&self) -> ContentId {
        ContentId { layer: self.inode.layer, entry: self.inode.entry }
    }
}

impl fmt::Debug for TreeEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeEntry")
            .field("path", &fargard_model::foreign::printable(&self.path()))
            .field("kind", &self.kind())
            .field("content", &self.content())
            .finish_non_exhaustive()
    }
}
