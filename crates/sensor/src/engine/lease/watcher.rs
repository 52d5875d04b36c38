//! The thread that holds the leases.

mod breaks;
mod consider;
mod shown;

use std::{
    collections::HashMap,
    fs,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
    sync::mpsc::{Receiver, TryRecvError},
    time::Instant,
};

use fargard_rules::Reads;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
};

use self::breaks::LONGEST_HOLD;
use super::{
    opener::FileId,
    sighting::Opened,
    target::{Budget, Lease, SHOWS, Target},
};
use crate::{
    capture::LeasedFiles,
    engine::{procfs::Procfs, sighting::LOOK},
    sys::lease::Listener,
};

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

/// What the thread starts with.
#[derive(Debug)]
pub(super) struct SetUp {
    /// What rules want.
    pub(super) reads: Reads,
    pub(super) orders: Receiver<Order>,
    /// Readable when an order was given.
    pub(super) bell: OwnedFd,
    /// Where those who answer calls see the leases.
    pub(super) files: LeasedFiles,
    /// Where its events' numbers start.
    pub(super) number: u64,
}

/// The thread's state.
pub(super) struct Watcher<S> {
    sink: S,
    reads: Reads,
    procfs: Procfs,
    listener: Listener,
    files: LeasedFiles,
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
    /// To be called, and to live, in the thread that is to watch.
    pub(super) fn new(sink: S, set_up: SetUp) -> std::io::Result<Self> {
        let SetUp { reads, orders, bell, files, number } = set_up;
        let now = Instant::now();
        Ok(Self {
            sink,
            reads,
            procfs: Procfs::system(),
            listener: Listener::new()?,
            files,
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
            count: number,
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

    /// Asks for the leases whose time has come.
    fn take_due(&mut self) {
        let now = Instant::now();
        let mut refused = Vec::new();
        for (id, target) in &mut self.targets {
            let doubted = target.doubt.map(|since| now.duration_since(since)).filter(|time| *time > SHOWS);
            if let Some(time) = doubted
                && !self.files.was_passed(&target.entry, time + LONGEST_HOLD)
            {
                refused.push(*id);
            } else if doubted.is_some() {
                // It was held, and gets a CPU some time.
                target.doubt = None;
            } else if matches!(target.lease, Lease::Due(at, _) if at <= now) {
                target.ask(&self.listener, &self.files, now);
            }
        }
        refused.into_iter().for_each(|id| self.give_up(id, now));
        self.tell_coverage();
    }

    /// The open that broke the lease did not come about: it was one that does not wait, and was refused.
    fn give_up(&mut self, id: FileId, now: Instant) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        target.doubt = None;
        target.lease = Lease::Never;
        target.give_back(&self.files);
        self.coverage.refused += 1;
        self.sink.lost("lease_refused_open");
        if target.reports_unnamed(now) {
            self.count += 1;
            self.alive &= self.sink.opened(Opened::unnamed(self.count, &target.path));
        }
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
