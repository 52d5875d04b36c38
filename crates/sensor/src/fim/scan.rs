//! One directory: watched first, then compared name by name, so that nothing is missed in between.

use std::{
    collections::HashSet,
    sync::{PoisonError, atomic::Ordering},
};

use fargard_model::FileKind;
use rustix::fs::{Dir, Mode, OFlags, openat};

use super::{
    baseline::{MAX_FILES, join},
    monitor::{Host, Monitor, Scan},
    policy::is_virtual,
    watches::Added,
};

/// Most gaps told.
const MAX_GAPS: usize = 16;

impl<H: Host> Monitor<H> {
    /// Compares what is in a directory.
    pub(super) fn directory(&mut self, path: &[u8], scan: Scan) {
        if is_virtual(path) || !self.policy.reaches(path) {
            return;
        }
        let Ok(handle) = self.root.handle(path) else { return };
        match self.watches.add(&handle, path) {
            Added::Watched => {}
            Added::Full => {
                self.gaps.unwatched += 1;
                self.host.lost("fim_unwatched", 1);
            }
            // Something else than a directory.
            Added::Failed => return,
        }
        let Some(names) = self.names(&handle) else {
            self.gaps.unreadable += 1;
            self.host.lost("fim_unreadable", 1);
            return;
        };
        let gone: Vec<Vec<u8>> = self
            .baseline
            .names_in(path)
            .filter(|name| !name.is_empty() && !names.contains(*name))
            .map(|name| join(path, name))
            .collect();
        for name in names {
            let child = join(path, &name);
            if !self.policy.reaches(&child) || is_virtual(&child) {
                continue;
            }
            let state = self.examine_listed(&child, scan);
            let directory = state.is_some_and(|state| state.kind() == FileKind::Directory);
            if directory {
                self.enqueue(child, scan);
            }
            self.pace.rest();
            self.drain();
            self.look_at_due();
            if self.shared.hurry.load(Ordering::Relaxed) {
                return;
            }
        }
        for child in gone {
            self.examine_listed(&child, scan);
        }
    }

    /// The names in a directory; `None` when it cannot be read.
    fn names(&mut self, handle: &std::os::fd::OwnedFd) -> Option<HashSet<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |more| openat(handle, ".", flags | more, Mode::empty());
        let directory = Dir::new(open(OFlags::NOATIME).or_else(|_| open(OFlags::empty())).ok()?).ok()?;
        let mut names = HashSet::new();
        for entry in directory {
            let Ok(entry) = entry else { break };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() >= MAX_FILES {
                self.gaps.left_out += 1;
                self.host.lost("fim_files", 1);
                break;
            }
            names.insert(name.to_vec());
        }
        Some(names)
    }

    /// Says a gap once.
    pub(super) fn gap(&mut self, line: String) {
        if self.gaps.said.len() < MAX_GAPS && !self.gaps.said.contains(&line) {
            self.host.say(&format!("file integrity: {line}"));
            self.gaps.said.push(line);
        }
    }

    /// Says what is not covered, after everything was compared.
    pub(super) fn tell_gaps(&mut self) {
        let gaps = &self.gaps;
        let told = [
            (gaps.unwatched, "directories beyond the limit of watches are compared every five minutes only"),
            (gaps.left_out, "files beyond the limit of 65536 are not monitored"),
            (gaps.unreadable, "files or directories cannot be read"),
            (
                gaps.unhashed,
                "contents were not hashed (larger than the policy's max_hash, or always changing)",
            ),
        ];
        for (number, what) in told {
            if number > 0 {
                self.gap(what.to_owned());
            }
        }
    }

    /// Brings what heartbeats say up to date.
    pub(super) fn update_status(&mut self) {
        let watches = self.watches.len() as u64;
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.watches = watches;
        status.gaps.clone_from(&self.gaps.said);
        for (entry, (files, hashed)) in status.entries.iter_mut().zip(&self.counts) {
            (entry.files, entry.hashed) = (*files, *hashed);
        }
    }
}
