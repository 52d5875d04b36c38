//! One layer as if unpacked into an empty directory.

use super::{
    files::Files,
    names::{self, Name},
    nodes::{Full, NodeId, ROOT},
    report::Notes,
    resolve::{Follow, Stop},
};
use crate::{
    Limits,
    tar::{Entry, Kind},
};

/// Parts of directories' paths that are gone through in one layer before links in them are followed no more: honest
/// layers have their members in the order of directories, and few links.
const MAX_STEPS: u64 = 100_000_000;

/// What a layer holds and what it takes away.
#[derive(Debug)]
pub(super) struct LayerFiles {
    pub(super) files: Files,
    /// Lower layers' files that are gone: the directory, and where their name is.
    whiteouts: Vec<(NodeId, u32, u8)>,
    whiteout_names: Vec<u8>,
    layer: u16,
    /// The directory of the last member, which is mostly that of the next.
    last: Option<(Vec<u8>, NodeId)>,
    path: Vec<u8>,
    /// Parts of paths gone through so far.
    steps: u64,
    /// Most paths of this layer.
    paths: u32,
}

/// The directory of a member is beyond reach.
enum NoDirectory {
    Full(Full),
    Loop,
}

impl From<Full> for NoDirectory {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl LayerFiles {
    /// An empty layer with that number, for at most so many paths.
    pub(super) fn new(layer: u16, paths: u32, limits: &Limits) -> Self {
        Self {
            files: Files::new(paths, limits),
            whiteouts: Vec::new(),
            whiteout_names: Vec::new(),
            layer,
            last: None,
            path: Vec::new(),
            steps: 0,
            paths,
        }
    }

    /// Lower layers' files that are gone: directory and name.
    pub(super) fn whiteouts(&self) -> impl Iterator<Item = (NodeId, &[u8])> {
        self.whiteouts.iter().map(|(directory, at, length)| {
            let at = *at as usize;
            (*directory, self.whiteout_names.get(at..at + usize::from(*length)).unwrap_or_default())
        })
    }

    /// The last member's path from the root, without `/` before it.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Takes a member. Whether its content is that of a file in the layer.
    pub(super) fn add(&mut self, entry: &Entry, number: u32, notes: &mut Notes) -> Result<bool, Full> {
        let mut path = std::mem::take(&mut self.path);
        let taken = self.take(entry, number, &mut path, notes);
        self.path = path;
        taken
    }

    fn take(
        &mut self,
        entry: &Entry,
        number: u32,
        path: &mut Vec<u8>,
        notes: &mut Notes,
    ) -> Result<bool, Full> {
        let layer = self.layer;
        let mut note = |reason| notes.add(layer, &entry.path, reason);
        match names::normalise(&entry.path, path) {
            Ok(false) if entry.path.starts_with(b"/") => {
                note("an absolute name; taken from the image's root");
            }
            Ok(false) => {}
            Ok(true) => note("a name that leaves the image's root; taken from the root"),
            Err(bad) => {
                note(bad.reason());
                return Ok(false);
            }
        }
        let (directory, base) = names::split(path);
        let name = match names::meaning(base) {
            Ok(name) => name,
            Err(bad) => {
                note(bad.reason());
                return Ok(false);
            }
        };
        if name == Name::Root && entry.kind != Kind::Directory {
            note("names the image's root, but is no directory; left out");
            return Ok(false);
        }
        let directory = match self.directory(directory, &mut note) {
            Ok(directory) => directory,
            Err(NoDirectory::Full(full)) => return Err(full),
            Err(NoDirectory::Loop) => {
                note("its directory is a loop or a maze of symbolic links; left out");
                return Ok(entry.kind == Kind::File);
            }
        };
        match name {
            Name::Metadata => Ok(false),
            Name::Opaque => {
                self.files.nodes.set_opaque(directory);
                Ok(false)
            }
            Name::Whiteout(hidden) => self.white_out(directory, hidden).map(|()| false),
            Name::Root => {
                let inode = self.files.add_inode(entry, number, layer)?;
                self.files.nodes.set_inode(ROOT, inode);
                self.files.nodes.set_implied(ROOT, false);
                Ok(false)
            }
            Name::File(base) => {
                self.place(entry, number, directory, base, &mut note)?;
                Ok(entry.kind == Kind::File)
            }
        }
    }

    fn white_out(&mut self, directory: NodeId, hidden: &[u8]) -> Result<(), Full> {
        if self.whiteouts.len() >= self.paths as usize {
            return Err(Full::Paths);
        }
        let at = u32::try_from(self.whiteout_names.len()).map_err(|_| Full::Names)?;
        self.whiteout_names.extend_from_slice(hidden);
        self.whiteouts.push((directory, at, u8::try_from(hidden.len()).unwrap_or(u8::MAX)));
        Ok(())
    }

    /// The directory of a path, made where it is missing; links in it that this layer has are followed.
    fn directory(&mut self, path: &[u8], note: &mut impl FnMut(&'static str)) -> Result<NodeId, NoDirectory> {
        if let Some((_, node)) = self.last.as_ref().filter(|(last, _)| last == path) {
            return Ok(*node);
        }
        if self.steps > MAX_STEPS {
            return Err(NoDirectory::Loop);
        }
        let mut follow = Follow::new(path, true);
        let found = loop {
            match follow.run(&self.files) {
                Stop::Found(node) if self.files.is_directory(node) => break node,
                Stop::Found(node) | Stop::NotDirectory(node) => {
                    note("its directory was named before as something else; taken as a directory");
                    let (parent, name) =
                        (self.files.nodes.parent(node), self.files.nodes.name(node).to_vec());
                    self.files.nodes.kill(node);
                    follow.resume(self.files.add_implied(parent, &name)?);
                }
                Stop::Missing(parent, name) => {
                    if name.len() > Limits::NAME {
                        return Err(NoDirectory::Loop);
                    }
                    follow.resume(self.files.add_implied(parent, &name)?);
                }
                Stop::Loop => {
                    self.steps += follow.steps;
                    return Err(NoDirectory::Loop);
                }
            }
        };
        self.steps += follow.steps;
        self.last = Some((path.to_vec(), found));
        Ok(found)
    }

    /// Puts a member into its directory, in the place of what has its name.
    fn place(
        &mut self,
        entry: &Entry,
        number: u32,
        directory: NodeId,
        base: &[u8],
        note: &mut impl FnMut(&'static str),
    ) -> Result<(), Full> {
        let before = self.files.nodes.child(directory, base);
        let inode = if entry.kind == Kind::Hardlink {
            match self.link_target(entry) {
                Some(target) if Some(target) == before => {
                    note("a hard link to itself; left out");
                    return Ok(());
                }
                Some(target) if self.files.is_directory(target) => {
                    note("a hard link to a directory; left out");
                    return Ok(());
                }
                Some(target) => self.files.nodes.inode(target),
                // It may be in a lower layer.
                None => self.files.add_inode(entry, number, self.layer)?,
            }
        } else {
            self.files.add_inode(entry, number, self.layer)?
        };
        if let Some(before) = before {
            if entry.kind == Kind::Directory && self.files.is_directory(before) {
                self.files.nodes.set_inode(before, inode);
                self.files.nodes.set_implied(before, false);
                return Ok(());
            }
            note("named twice in its layer; the last one counts");
            self.files.nodes.kill(before);
            self.last = None;
        }
        self.files.nodes.add(directory, base, inode)?;
        Ok(())
    }

    /// What a hard link names in this layer; a symbolic link at the end is not followed.
    fn link_target(&self, entry: &Entry) -> Option<NodeId> {
        let mut target = Vec::new();
        names::normalise(&entry.link, &mut target).ok()?;
        match Follow::new(&target, false).run(&self.files) {
            Stop::Found(node) => Some(node),
            _ => None,
        }
    }
}
