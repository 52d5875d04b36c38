//! Files that may be worth watching.

use std::{fs, os::fd::AsRawFd as _, path::Path, time::Instant};

use rustix::fs::{Mode, OFlags, inotify};

use super::{Sink, Watcher, identify};
use crate::engine::lease::{
    target::{Lease, Target},
    walk::MAX_FILES,
};

/// Most directories in which new files are waited for.
const MAX_DIRECTORIES: usize = 512;
/// Most files of a new directory that are looked at.
const MAX_NEW: usize = 1024;
/// Their main reader opens these without waiting and without any other flag, and would be refused: never a lease.
const NEVER_LEASED: [&str; 2] = ["/etc/sudoers", "/etc/sudoers.d/"];

impl<S: Sink> Watcher<S> {
    /// Watches a file, if rules want it and it is not watched yet.
    pub(super) fn consider(&mut self, path: &str) {
        let Some(id) = identify(Path::new(path)) else { return };
        if self.reads.wanting(path).is_empty() {
            return;
        }
        if let Some(target) = self.targets.get_mut(&id) {
            if identify(Path::new(&target.path)) != Some(id) {
                path.clone_into(&mut target.path);
            }
            return;
        }
        if self.targets.len() >= MAX_FILES {
            self.coverage.over += 1;
            return;
        }
        // Not waiting: it might be a pipe by now, or somebody else's lease.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else {
            self.coverage.unreadable += 1;
            return;
        };
        let is_it = rustix::fs::fstat(&file).is_ok_and(|data| (data.st_dev, data.st_ino) == id);
        if !is_it {
            return;
        }
        let (entry, now) = (self.files.enter(id.0, id.1), Instant::now());
        let mut target = Target::new(path.to_owned(), file, entry, now);
        match NEVER_LEASED.iter().any(|never| path.starts_with(never)) {
            true => target.lease = Lease::Never,
            // Before inotify: what it shows is then known from the lease.
            false => target.ask(&self.listener, &self.files, now),
        }
        use inotify::WatchFlags as Watch;
        let events = Watch::OPEN | Watch::CLOSE | Watch::ATTRIB | Watch::MOVE_SELF | Watch::DELETE_SELF;
        let link = format!("/proc/self/fd/{}", target.file.as_raw_fd());
        target.watch = inotify::add_watch(&self.inotify, link, events).ok();
        self.by_watch.extend(target.watch.map(|watch| (watch, id)));
        self.by_descriptor.insert(target.file.as_raw_fd(), id);
        self.targets.insert(id, target);
        if let Some(directory) = Path::new(path).parent().and_then(Path::to_str) {
            self.wait_in(directory);
        }
    }

    /// New files in a directory are considered.
    fn wait_in(&mut self, directory: &str) {
        if self.directories.len() >= MAX_DIRECTORIES {
            return;
        }
        use inotify::WatchFlags as Watch;
        let events = Watch::CREATE | Watch::MOVED_TO | Watch::ONLYDIR;
        if let Ok(watch) = inotify::add_watch(&self.inotify, directory, events) {
            self.directories.entry(watch).or_insert_with(|| directory.to_owned());
        }
    }

    /// A directory that has just come.
    pub(super) fn consider_directory(&mut self, path: &str) {
        self.wait_in(path);
        let entries = fs::read_dir(path).into_iter().flatten().flatten().take(MAX_NEW);
        for path in entries.filter_map(|entry| entry.path().to_str().map(str::to_owned)).collect::<Vec<_>>() {
            self.consider(&path);
        }
    }
}
