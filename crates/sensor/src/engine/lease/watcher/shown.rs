//! What inotify shows: opens that no lease named, files that are free again, new ones and those that are gone.

use std::{
    mem::MaybeUninit,
    os::fd::AsRawFd as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::inotify;

use super::{Sink, Watcher, identify};
use crate::engine::lease::{
    opener::{self, FileId},
    sighting::Opened,
    target::{Lease, REST},
};

/// A look for who has a file open, after inotify showed an open that no lease named.
const SEARCH: Duration = Duration::from_millis(3);

impl<S: Sink> Watcher<S> {
    /// Takes what inotify shows.
    pub(super) fn take_shown(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut shown = Vec::new();
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let name = event.file_name().and_then(|name| name.to_str().ok()).map(str::to_owned);
            shown.push((event.wd(), event.events(), name));
            if shown.len() >= 1024 {
                break;
            }
        }
        for (watch, events, name) in shown {
            self.shown(watch, events, name.as_deref());
        }
    }

    fn shown(&mut self, watch: i32, events: inotify::ReadFlags, name: Option<&str>) {
        use inotify::ReadFlags as Shown;
        if events.contains(Shown::QUEUE_OVERFLOW) {
            self.sink.lost("lease_overflow");
        }
        if let (Some(directory), Some(name)) = (self.directories.get(&watch), name) {
            let path = format!("{}/{name}", directory.trim_end_matches('/'));
            match events.contains(Shown::ISDIR) {
                true => self.consider_directory(&path),
                false => self.consider(&path),
            }
        }
        let Some(id) = self.by_watch.get(&watch).copied() else { return };
        if events.contains(Shown::OPEN) {
            self.opened(id);
        }
        if events.intersects(Shown::CLOSE_WRITE | Shown::CLOSE_NOWRITE)
            && let Some(target) = self.targets.get_mut(&id)
            && matches!(target.lease, Lease::Due(at, _) if at < Instant::now() + REST / 2)
        {
            target.lease = Lease::Due(Instant::now(), 0);
        }
        let moved = Shown::ATTRIB | Shown::MOVE_SELF | Shown::DELETE_SELF | Shown::IGNORED;
        if events.intersects(moved) {
            self.drop_if_gone(id);
        }
    }

    /// Inotify shows an open: one that a lease named, or one that has to be looked after.
    fn opened(&mut self, id: FileId) {
        let now = Instant::now();
        let Some(target) = self.targets.get_mut(&id) else { return };
        if target.shows(now) {
            return;
        }
        if target.doubt.take().is_none() {
            self.sink.lost("lease_missed");
        }
        let search = self.searches.take(now);
        let holder = search.then(|| opener::holder(id, &[self.own], now + SEARCH)).flatten();
        let opened = match holder {
            Some((pid, descriptor)) if target.holder != Some((pid, descriptor)) => {
                target.holder = holder;
                Opened::held(self.count + 1, pid, descriptor, &target.path, &self.procfs)
            }
            Some(_) => return,
            // Of a file without a lease nobody's name can be expected: what opens it is only counted.
            None if target.lease != Lease::Never && target.reports_unnamed(now) => {
                Opened::unnamed(self.count + 1, &target.path)
            }
            None => return,
        };
        self.count += 1;
        self.alive &= self.sink.opened(opened);
    }

    /// Another file has the path, or none: the new one is considered when its name appears.
    fn drop_if_gone(&mut self, id: FileId) {
        let Some(target) = self.targets.get(&id) else { return };
        let is_there = identify(Path::new(&target.path)) == Some(id);
        if !is_there && let Some(target) = self.targets.remove(&id) {
            self.files.leave(&target.entry);
            self.by_descriptor.remove(&target.file.as_raw_fd());
            if let Some(watch) = target.watch {
                self.by_watch.remove(&watch);
                let _ = inotify::remove_watch(&self.inotify, watch);
            }
        }
    }
}
