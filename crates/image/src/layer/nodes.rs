//! Names of files as a compact tree: 16 bytes a name and 4 to 8 bytes of an index over all of them.

use std::hash::{BuildHasher, RandomState};

/// Number of a node; [`ROOT`] is the first.
pub(super) type NodeId = u32;

/// The root directory's node.
pub(super) const ROOT: NodeId = 0;

const EMPTY: u32 = u32::MAX;

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Paths,
    Names,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: NodeId,
    name_at: u32,
    inode: u32,
    name_len: u8,
    flags: u8,
}

const DEAD: u8 = 1;
const OPAQUE: u8 = 2;
const IMPLIED: u8 = 4;

/// Nodes by (directory, name).
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    names: Vec<u8>,
    /// Open addressing; a power of two of slots, at most three quarters of them used.
    slots: Vec<u32>,
    /// Keyed at random, so that names cannot be chosen to fall together.
    hasher: RandomState,
    max_nodes: u32,
    max_names: usize,
}

impl Nodes {
    /// The root alone; at most that many nodes and bytes of names.
    pub(super) fn new(max_nodes: u32, max_names: usize) -> Self {
        let root = Node { parent: ROOT, name_at: 0, inode: 0, name_len: 0, flags: IMPLIED };
        Self {
            nodes: vec![root],
            names: Vec::new(),
            slots: vec![EMPTY; 64],
            hasher: RandomState::new(),
            max_nodes: max_nodes.min(EMPTY - 1),
            max_names: max_names.min(EMPTY as usize),
        }
    }

    /// Nodes ever made, the dead too.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(EMPTY)
    }

    fn node(&self, id: NodeId) -> Node {
        const NOWHERE: Node = Node { parent: ROOT, name_at: 0, inode: 0, name_len: 0, flags: DEAD };
        self.nodes.get(id as usize).copied().unwrap_or(NOWHERE)
    }

    fn set(&mut self, id: NodeId, flag: u8, on: bool) {
        if let Some(node) = self.nodes.get_mut(id as usize) {
            if on { node.flags |= flag } else { node.flags &= !flag }
        }
    }

    pub(super) fn parent(&self, id: NodeId) -> NodeId {
        self.node(id).parent
    }

    pub(super) fn inode(&self, id: NodeId) -> u32 {
        self.node(id).inode
    }

    pub(super) fn set_inode(&mut self, id: NodeId, inode: u32) {
        if let Some(node) = self.nodes.get_mut(id as usize) {
            node.inode = inode;
        }
    }

    pub(super) fn name(&self, id: NodeId) -> &[u8] {
        let node = self.node(id);
        let at = node.name_at as usize;
        self.names.get(at..at + usize::from(node.name_len)).unwrap_or_default()
    }

    /// Whether it was taken away itself; it is also gone when a directory above it was.
    pub(super) fn is_dead(&self, id: NodeId) -> bool {
        self.node(id).flags & DEAD != 0
    }

    pub(super) fn kill(&mut self, id: NodeId) {
        self.set(id, DEAD, true);
    }

    /// Whether nothing of lower layers is in this directory.
    pub(super) fn is_opaque(&self, id: NodeId) -> bool {
        self.node(id).flags & OPAQUE != 0
    }

    pub(super) fn set_opaque(&mut self, id: NodeId) {
        self.set(id, OPAQUE, true);
    }

    /// Whether the directory is there only because something is in it.
    pub(super) fn is_implied(&self, id: NodeId) -> bool {
        self.node(id).flags & IMPLIED != 0
    }

    pub(super) fn set_implied(&mut self, id: NodeId, implied: bool) {
        self.set(id, IMPLIED, implied);
    }

    /// The living node of that name in a directory.
    pub(super) fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let mut slot = self.first_slot(parent, name);
        loop {
            match self.slots.get(slot).copied().unwrap_or(EMPTY) {
                EMPTY => return None,
                id if self.is_key(id, parent, name) && !self.is_dead(id) => return Some(id),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Adds a name that no living node has. Names are at most 255 bytes.
    pub(super) fn add(&mut self, parent: NodeId, name: &[u8], inode: u32) -> Result<NodeId, Full> {
        let id = self.len();
        let name_at = u32::try_from(self.names.len()).map_err(|_| Full::Names)?;
        if id >= self.max_nodes {
            return Err(Full::Paths);
        }
        let name_len = u8::try_from(name.len()).map_err(|_| Full::Names)?;
        if self.names.len() + name.len() > self.max_names {
            return Err(Full::Names);
        }
        if self.nodes.len() + 1 > self.slots.len() / 4 * 3 {
            self.grow();
        }
        self.names.extend_from_slice(name);
        self.nodes.push(Node { parent, name_at, inode, name_len, flags: 0 });
        self.put(id, parent, name);
        Ok(id)
    }

    fn is_key(&self, id: NodeId, parent: NodeId, name: &[u8]) -> bool {
        id != ROOT && self.node(id).parent == parent && self.name(id) == name
    }

    fn first_slot(&self, parent: NodeId, name: &[u8]) -> usize {
        let hash = self.hasher.hash_one((parent, name));
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & (self.slots.len() - 1)
    }

    /// Puts a node into the first free slot, or in that of a dead node of the same name.
    fn put(&mut self, id: NodeId, parent: NodeId, name: &[u8]) {
        let mut slot = self.first_slot(parent, name);
        loop {
            let there = self.slots.get(slot).copied().unwrap_or(EMPTY);
            if there == EMPTY || (self.is_dead(there) && self.is_key(there, parent, name)) {
                break;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = id;
        }
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; self.slots.len() * 2];
        let names = std::mem::take(&mut self.names);
        for id in 1..self.len() {
            let node = self.node(id);
            if node.flags & DEAD == 0 {
                let at = node.name_at as usize;
                let name = names.get(at..at + usize::from(node.name_len)).unwrap_or_default();
                self.reinsert(id, node.parent, name);
            }
        }
        self.names = names;
    }

    /// As [`Nodes::put`] for a name that is in no slot.
    fn reinsert(&mut self, id: NodeId, parent: NodeId, name: &[u8]) {
        let mut slot = self.first_slot(parent, name);
        while self.slots.get(slot).is_some_and(|there| *there != EMPTY) {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = id;
        }
    }

    /// For each node whether it is there: neither it nor a directory above it was taken away.
    pub(super) fn alive(&self) -> Vec<bool> {
        let mut alive: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            // A directory is older than what is in it.
            let above = id == 0 || alive.get(node.parent as usize).copied().unwrap_or(false);
            alive.push(above && node.flags & DEAD == 0);
        }
        alive
    }

    /// The path from the root, beginning with `/`.
    pub(super) fn path(&self, mut id: NodeId) -> Vec<u8> {
        let mut parts = Vec::new();
        while id != ROOT {
            parts.push(self.name(id));
            id = self.parent(id);
        }
        if parts.is_empty() {
            return b"/".to_vec();
        }
        parts.iter().rev().fold(Vec::new(), |mut path, part| {
            path.push(b'/');
            path.extend_from_slice(part);
            path
        })
    }
}
