//! Names and what they name.

use super::nodes::{Full, NodeId, Nodes, ROOT};
use crate::{
    Limits,
    tar::{Entry, Kind},
};

/// What a name stands for; two names of one file share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inode {
    /// Bytes of content; for devices their numbers.
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Where in [`Files::links`] the target is.
    pub(super) link_at: u32,
    /// Number of the member in its layer, from 1; 0 for directories that are only implied.
    pub(super) entry: u32,
    pub(super) link_len: u16,
    pub(super) layer: u16,
    pub(super) mode: u16,
    pub(super) kind: Kind,
    pub(super) capabilities: bool,
}

/// Files by name: those of one layer, or of all layers put together.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) nodes: Nodes,
    pub(super) inodes: Vec<Inode>,
    pub(super) links: Vec<u8>,
    max_links: usize,
}

/// A directory that nobody described.
pub(super) const IMPLIED: Inode = Inode {
    size: 0,
    mtime: 0,
    uid: 0,
    gid: 0,
    link_at: 0,
    entry: 0,
    link_len: 0,
    layer: 0,
    mode: 0o755,
    kind: Kind::Directory,
    capabilities: false,
};

impl Files {
    /// An empty root directory.
    pub(super) fn new(paths: u32, limits: &Limits) -> Self {
        Self {
            nodes: Nodes::new(paths, limits.name_bytes),
            inodes: vec![IMPLIED],
            links: Vec::new(),
            max_links: limits.name_bytes.min(u32::MAX as usize),
        }
    }

    pub(super) fn inode_of(&self, node: NodeId) -> Inode {
        self.inodes.get(self.nodes.inode(node) as usize).copied().unwrap_or(IMPLIED)
    }

    pub(super) fn kind(&self, node: NodeId) -> Kind {
        self.inode_of(node).kind
    }

    pub(super) fn is_directory(&self, node: NodeId) -> bool {
        self.kind(node) == Kind::Directory
    }

    /// Target of a link as written.
    pub(super) fn link(&self, inode: &Inode) -> &[u8] {
        let at = inode.link_at as usize;
        self.links.get(at..at + usize::from(inode.link_len)).unwrap_or_default()
    }

    /// Keeps what a member is. Links longer than a path can be are cut.
    pub(super) fn add_inode(&mut self, entry: &Entry, number: u32, layer: u16) -> Result<u32, Full> {
        let target = entry.link.get(..Limits::PATH).unwrap_or(&entry.link);
        let (link_at, link_len) = if matches!(entry.kind, Kind::Symlink | Kind::Hardlink) {
            if self.links.len() + target.len() > self.max_links {
                return Err(Full::Names);
            }
            let at = u32::try_from(self.links.len()).map_err(|_| Full::Names)?;
            self.links.extend_from_slice(target);
            (at, u16::try_from(target.len()).unwrap_or(u16::MAX))
        } else {
            (0, 0)
        };
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let size = match entry.kind {
            Kind::CharDevice | Kind::BlockDevice => {
                (u64::from(entry.device.0) << 32) | u64::from(entry.device.1)
            }
            _ => entry.real_size,
        };
        self.push(Inode {
            size,
            mtime: entry.mtime,
            uid: id(entry.uid),
            gid: id(entry.gid),
            link_at,
            entry: number,
            link_len,
            layer,
            mode: entry.mode,
            kind: entry.kind,
            capabilities: entry.capabilities,
        })
    }

    pub(super) fn push(&mut self, inode: Inode) -> Result<u32, Full> {
        let number = u32::try_from(self.inodes.len()).map_err(|_| Full::Paths)?;
        if self.inodes.len() == self.inodes.capacity() {
            // Half as much again instead of twice: this is most of the memory.
            self.inodes.reserve_exact(self.inodes.len() / 2 + 16);
        }
        self.inodes.push(inode);
        Ok(number)
    }

    /// A directory that something is in, though nothing describes it.
    pub(super) fn add_implied(&mut self, parent: NodeId, name: &[u8]) -> Result<NodeId, Full> {
        // Inode 0 is the one of all such directories.
        let node = self.nodes.add(parent, name, 0)?;
        self.nodes.set_implied(node, true);
        Ok(node)
    }

    /// Goes down names without following links.
    pub(super) fn find(&self, path: &[u8]) -> Option<NodeId> {
        path.split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
            .try_fold(ROOT, |directory, part| self.nodes.child(directory, part))
    }
}
