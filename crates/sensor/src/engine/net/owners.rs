//! Which process has a socket: its inode is in the text of a link in `/proc/PID/fd`.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::super::{procfs::Procfs, sockets::inode_of};

/// Most processes that are looked through, and most descriptors of each.
const MAX_PROCESSES: usize = 4096;
const MAX_DESCRIPTORS: usize = 4096;
/// Most owners that are remembered.
const MAX_KNOWN: usize = 1024;
/// Looking through all processes takes milliseconds: it is done that often at most.
const PAUSE: Duration = Duration::from_millis(100);

/// A process and its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) pid: u32,
    pub(super) number: u32,
}

/// Owners of sockets.
#[derive(Debug, Default)]
pub(super) struct Owners {
    known: HashMap<u32, Owner>,
    searched: Option<Instant>,
}

impl Owners {
    /// Who has the socket. `likely` processes are looked at first; all of them only when that was not done a moment
    /// ago.
    pub(super) fn of(
        &mut self,
        inode: u32,
        procfs: &Procfs,
        likely: impl IntoIterator<Item = u32>,
    ) -> Option<Owner> {
        if let Some(known) = self.known.get(&inode)
            && procfs.link(known.pid, &format!("fd/{}", known.number)).as_deref().and_then(inode_of)
                == Some(inode)
        {
            return Some(*known);
        }
        let wanted = HashSet::from([inode]);
        let mut found = HashMap::new();
        for pid in likely {
            look(pid, procfs, &wanted, &mut found);
            if let Some(owner) = found.get(&inode) {
                self.remember(inode, *owner);
                return Some(*owner);
            }
        }
        if self.searched.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        self.search(&wanted, procfs).get(&inode).copied()
    }

    /// Looks through all processes.
    pub(super) fn search(&mut self, wanted: &HashSet<u32>, procfs: &Procfs) -> HashMap<u32, Owner> {
        let mut found = HashMap::new();
        for pid in processes().take(MAX_PROCESSES) {
            look(pid, procfs, wanted, &mut found);
            if found.len() == wanted.len() {
                break;
            }
        }
        for (inode, owner) in &found {
            self.remember(*inode, *owner);
        }
        self.searched = Some(Instant::now());
        found
    }

    fn remember(&mut self, inode: u32, owner: Owner) {
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(inode, owner);
    }
}

fn look(pid: u32, procfs: &Procfs, wanted: &HashSet<u32>, found: &mut HashMap<u32, Owner>) {
    for number in procfs.descriptors(pid, MAX_DESCRIPTORS) {
        let inode = procfs.link(pid, &format!("fd/{number}")).as_deref().and_then(inode_of);
        if let Some(inode) = inode.filter(|inode| wanted.contains(inode)) {
            // A child has its parent's descriptors; the first in order is the parent, mostly.
            found.entry(inode).or_insert(Owner { pid, number });
        }
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(Path::new("/proc")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsRawFd as _};

    use super::{Owner, Owners};
    use crate::engine::{procfs::Procfs, sockets::inode_of};

    #[test]
    fn a_socket_is_found_with_its_process() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (pid, number) = (std::process::id(), socket.as_raw_fd().unsigned_abs());
        let procfs = Procfs::system();
        let inode = inode_of(&procfs.link(pid, &format!("fd/{number}")).unwrap()).unwrap();
        let expected = Some(Owner { pid, number });
        let mut owners = Owners::default();
        assert_eq!(owners.of(inode, &procfs, []), expected, "found by a search");
        assert_eq!(owners.of(inode, &procfs, []), expected, "remembered");
        assert_eq!(Owners::default().of(inode, &procfs, [pid]), expected, "found where it was likely");
        drop(socket);
        assert_eq!(owners.of(inode, &procfs, []), None, "gone, and all were searched a moment ago");
    }
}
