//! The thread that holds the leases.

use std::{
    collections::HashMap,
    fs,
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use fargard_rules::Reads;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, inotify},
    io::Errno,
};

use super::{
    opener::{self, FileId, Opener},
    sighting::Opened,
    target::{Budget, Lease, REST, SHOWS, Target},
    walk::MAX_FILES,
};
use crate::{
    engine::{procfs::Procfs, sighting::LOOK},
    sys::lease::{Listener, Told, is_broken, release},
};

/// An opener that is not found at once is looked for again within this time.
const HOLD: Duration = Duration::from_millis(5);
/// An opener is not kept waiting for longer than this, whatever else this machine has to do.
const LONGEST_HOLD: Duration = Duration::from_millis(50);
/// A look for who has a file open, after inotify showed an open that no lease named.
const SEARCH: Duration = Duration::from_millis(3);
/// Most directories in which new files are waited for.
const MAX_DIRECTORIES: usize = 512;
/// Most files of a new directory that are looked at.
const MAX_NEW: usize = 1024;
/// Their main reader opens these without waiting, and would be refused: never a lease.
const NEVER_LEASED: [&str; 2] = ["/etc/sudoers", "/etc/sudoers.d/"];
const WRITING: u64 = 0o1_103;

/// What becomes of what the leases show.
pub(super) trait Sink {
    /// A file was opened. `false` when nobody listens any more.
    fn opened(&mut self, opened: Opened) -> bool;
    /// Something was not seen.
    fn lost(&mut self, class: &'static str);
    /// What is covered has changed.
    fn covers(&mut self, coverage: &Coverage);
}

/// What is asked of the thread.
#[derive(Debug)]
pub(super) enum Order {
    /// To look at this file: it may be new.
    Consider(String),
    /// The search has come to its end; so many files found no place, and a bound may have cut it short.
    Searched {
        /// Files without a place.
        over: usize,
        /// Not all was searched.
        cut: bool,
    },
    /// To end.
    Stop,
}

/// How the wanted files are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    /// By lease and inotify: whoever opens them is named.
    pub(super) leased: usize,
    /// By inotify alone.
    pub(super) watched: usize,
    /// Not at all: they cannot be opened by the sensor.
    pub(super) unreadable: usize,
    /// Not at all: there are too many.
    pub(super) over: usize,
    /// The search for files was cut short.
    pub(super) cut: bool,
    /// Files whose lease was given up because somebody opened them without waiting.
    pub(super) refused: usize,
}

/// The thread's state.
pub(super) struct Watcher<S> {
    sink: S,
    reads: Reads,
    procfs: Procfs,
    listener: Listener,
    inotify: OwnedFd,
    orders: Receiver<Order>,
    bell: OwnedFd,
    targets: HashMap<FileId, Target>,
    by_descriptor: HashMap<i32, FileId>,
    by_watch: HashMap<i32, FileId>,
    directories: HashMap<i32, String>,
    /// Of all files together.
    budget: Budget,
    searches: Budget,
    swept: Instant,
    coverage: Coverage,
    searched: bool,
    told: Option<Coverage>,
    count: u64,
    own: u32,
    alive: bool,
}

impl<S: Sink> Watcher<S> {
    /// To be called, and to live, in the thread that is to watch. `count` is where its events' numbers start.
    pub(super) fn new(
        sink: S,
        reads: Reads,
        orders: Receiver<Order>,
        bell: OwnedFd,
        count: u64,
    ) -> std::io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            sink,
            reads,
            procfs: Procfs::system(),
            listener: Listener::new()?,
            inotify: inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?,
            orders,
            bell,
            targets: HashMap::new(),
            by_descriptor: HashMap::new(),
            by_watch: HashMap::new(),
            directories: HashMap::new(),
            budget: Budget::new(2048.0, 50.0, now),
            searches: Budget::new(50.0, 20.0, now),
            swept: now,
            coverage: Coverage::default(),
            searched: false,
            told: None,
            count,
            own: std::process::id(),
            alive: true,
        })
    }

    /// Watches until it is told to end.
    pub(super) fn run(mut self) {
        while self.alive {
            self.wait();
            self.take_breaks();
            self.take_shown();
            self.take_orders();
            self.take_due();
        }
    }

    fn wait(&self) {
        let now = Instant::now();
        let due = self.targets.values().filter_map(|target| match (target.lease, target.doubt) {
            (_, Some(since)) => Some(since + SHOWS),
            (Lease::Due(at, _), None) => Some(at),
            _ => None,
        });
        let time = due.min().map_or(LOOK, |at| at.saturating_duration_since(now)).min(LOOK);
        let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        let mut sources = [self.listener.descriptor(), &self.inotify, &self.bell]
            .map(|source| PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN));
        // An interrupted wait is one that ends early.
        let _ = poll(&mut sources, Some(&time));
    }

    fn take_breaks(&mut self) {
        while let Some(told) = self.listener.next() {
            match told {
                Told::Broken(number) => {
                    if let Some(id) = self.by_descriptor.get(&number) {
                        self.broken(*id);
                    }
                }
                Told::Some => self.sweep(),
            }
        }
        if self.swept.elapsed() >= LOOK {
            self.sweep();
        }
    }

    /// Looks at every lease: a signal may have been lost, and nobody is to wait for that.
    fn sweep(&mut self) {
        self.swept = Instant::now();
        let held = self.targets.iter().filter(|(_, target)| target.lease == Lease::Held);
        let broken = held.filter(|(_, target)| is_broken(target.file.as_fd()));
        for id in broken.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.broken(id);
        }
    }

    /// Somebody wants the file: finds out who, lets go, and soon takes the lease again.
    fn broken(&mut self, id: FileId) {
        let start = Instant::now();
        let Some(target) = self.targets.get_mut(&id) else { return };
        if target.lease != Lease::Held {
            // It was let go, or given up: nobody is to wait in any case.
            return release(target.file.as_fd());
        }
        let openers = opener::find(id, start + HOLD, start + LONGEST_HOLD);
        let own = |opener: &Opener| self.procfs.status(opener.tid).is_some_and(|one| one.tgid == self.own);
        let names_somebody = !openers.is_empty();
        let number = u32::try_from(openers.len()).unwrap_or(u32::MAX);
        for opener in openers {
            let Some(open) = opener.open.filter(|open| open.flags & WRITING == 0) else { continue };
            if own(&opener) {
                continue;
            }
            self.count += 1;
            let opened = Opened::waiting(self.count, opener, open, &self.procfs);
            self.alive &= self.sink.opened(opened);
        }
        release(target.file.as_fd());
        let now = Instant::now();
        if names_somebody {
            target.credit(number, now);
        } else {
            target.doubt = Some(now);
            self.sink.lost("lease_unattributed");
        }
        target.refused(0, now);
        if !target.budget.take(now) || !self.budget.take(now) {
            target.lease = Lease::Due(now + REST, 0);
        }
    }

    /// Takes what inotify shows.
    fn take_shown(&mut self) {
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
            self.by_descriptor.remove(&target.file.as_raw_fd());
            if let Some(watch) = target.watch {
                self.by_watch.remove(&watch);
                let _ = inotify::remove_watch(&self.inotify, watch);
            }
        }
    }

    fn take_orders(&mut self) {
        // The bell is only to end the wait.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        loop {
            match self.orders.try_recv() {
                Ok(Order::Consider(path)) => self.consider(&path),
                Ok(Order::Searched { over, cut }) => {
                    self.searched = true;
                    (self.coverage.over, self.coverage.cut) = (self.coverage.over + over, cut);
                }
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => {
                    self.alive = false;
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
            // Nobody is to wait for the end of a long list.
            self.take_breaks();
        }
    }

    /// Watches a file, if rules want it and it is not watched yet.
    fn consider(&mut self, path: &str) {
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
        let mut target = Target::new(path.to_owned(), file, Instant::now());
        if NEVER_LEASED.iter().any(|never| path.starts_with(never)) {
            target.lease = Lease::Never;
        } else if self.listener.take(target.file.as_fd()).is_ok() {
            // Before inotify: what it shows is then known from the lease.
            target.lease = Lease::Held;
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
    fn consider_directory(&mut self, path: &str) {
        self.wait_in(path);
        let entries = fs::read_dir(path).into_iter().flatten().flatten().take(MAX_NEW);
        for path in entries.filter_map(|entry| entry.path().to_str().map(str::to_owned)).collect::<Vec<_>>() {
            self.consider(&path);
        }
    }

    /// Asks for the leases whose time has come.
    fn take_due(&mut self) {
        let now = Instant::now();
        for target in self.targets.values_mut() {
            if target.doubt.is_some_and(|since| now.duration_since(since) > SHOWS) {
                // The open did not come about: it was one that does not wait, and was refused for the lease.
                target.doubt = None;
                target.lease = Lease::Never;
                release(target.file.as_fd());
                self.coverage.refused += 1;
                self.sink.lost("lease_refused_open");
                if target.reports_unnamed(now) {
                    self.count += 1;
                    self.alive &= self.sink.opened(Opened::unnamed(self.count, &target.path));
                }
            }
            if let Lease::Due(at, tries) = target.lease
                && at <= now
            {
                match self.listener.take(target.file.as_fd()) {
                    Ok(()) => target.lease = Lease::Held,
                    Err(error) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                        target.refused(tries, now);
                    }
                    Err(_) => target.lease = Lease::Never,
                }
            }
        }
        self.tell_coverage();
    }

    /// Says what is covered, when the search is over and whenever that changes.
    fn tell_coverage(&mut self) {
        self.coverage.leased = self.targets.values().filter(|target| target.lease != Lease::Never).count();
        self.coverage.watched = self.targets.len() - self.coverage.leased;
        if self.searched && self.told.as_ref() != Some(&self.coverage) {
            self.sink.covers(&self.coverage);
            self.told = Some(self.coverage.clone());
        }
    }
}

/// A regular file, links not followed.
fn identify(path: &Path) -> Option<FileId> {
    let data = fs::symlink_metadata(path).ok()?;
    data.is_file().then(|| (data.dev(), data.ino()))
}
