//! Opens for reading without stopping them.
//!
//! Where rules are about certain files, each of these is opened once and gets a write lease. Whoever opens it then
//! waits in the kernel while a thread of the engine is told, finds the waiting call in `/proc/TID/syscall`, notes who
//! makes it and lets go: no other open in the system is touched, and who opens needs not be traced. While a file is
//! open it cannot be leased; inotify counts the opens of that time, and the descriptors in `/proc` name some of them.
//! When the engine dies the kernel drops the leases.

mod coverage;
mod opener;
mod sighting;
mod target;
mod walk;
mod watcher;

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
};

use fargard_model::Event;
use fargard_rules::{Reads, Ruleset};
use rustix::event::{EventfdFlags, eventfd};

pub(super) use self::sighting::Opened;
use self::{
    walk::{Bounds, walk},
    watcher::{Coverage, Order, SetUp, Sink, Watcher},
};
use super::{
    announce::say,
    observer::written_path,
    sighting::{Intake, Sighting},
    threads::{Common, spawn},
};
use crate::{
    capture::Sensor,
    config::{Config, ReadMode},
};

/// Most files that wait to be looked at.
const WAITING: usize = 4096;
/// Where secrets usually are: searched first, and on a whole machine nowhere else.
const LIKELY: [&str; 5] = ["/etc", "/root", "/home", "/run", "/tmp"];
/// Inode number of the pid namespace that a machine starts with (`PROC_PID_INIT_INO` of `linux/proc_ns.h`).
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFC;
/// Name of this watcher among the notes.
const NOTE: &str = "reads";

/// Whether files are to be leased.
pub(super) fn is_wanted(mode: ReadMode, rules: &Arc<Ruleset>) -> bool {
    mode == ReadMode::Lease && Reads::of(rules).rules().any(|rule| !rule.anywhere)
}

/// What each rule about reads can see; for people.
pub(super) fn explain(mode: ReadMode, rules: &Arc<Ruleset>) -> Vec<String> {
    let mut reads = Reads::of(rules);
    let mut lines = coverage::of_rules(mode, &reads);
    if mode == ReadMode::Lease && reads.rules().any(|rule| !rule.anywhere) {
        let found = walk(&starts(), Bounds::MACHINE, &mut reads, &AtomicBool::new(false));
        lines.extend(found.choose().0.iter().map(|path| format!("leased: {path}")));
    }
    lines
}

/// The engine's end of the thread with the leases.
pub(super) struct Leases {
    reads: Reads,
    orders: SyncSender<Order>,
    bell: Arc<OwnedFd>,
    common: Arc<Common>,
    within: Option<u32>,
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("within", &self.within).finish_non_exhaustive()
    }
}

/// What a start needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    pub(super) config: &'a Config,
    pub(super) rules: &'a Arc<Ruleset>,
    pub(super) intake: &'a Intake,
    pub(super) common: &'a Arc<Common>,
    pub(super) sensor: &'a Sensor,
    /// The watched command's process.
    pub(super) first: u32,
    /// How many starts were before.
    pub(super) number: u64,
    /// Says what is covered.
    pub(super) speaks: bool,
}

/// Starts watching the files that rules want, if that is what is asked for.
pub(super) fn start(start: &Start<'_>) -> Option<Leases> {
    let Start { config, rules, intake, common, sensor, first, number, speaks } = *start;
    let reads = Reads::of(rules);
    let lines = coverage::of_rules(config.reads, &reads);
    lines.iter().filter(|_| speaks).for_each(|line| say(line));
    common.notes.set(NOTE, lines.clone());
    if !is_wanted(config.reads, rules) {
        return None;
    }
    let in_container = config.metadata.is_some()
        || fs::metadata("/proc/self/ns/pid").is_ok_and(|data| data.ino() != FIRST_NAMESPACE);
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()?;
    let (orders, receiver) = sync_channel(WAITING);
    let sink = EngineSink { intake: intake.clone(), common: Arc::clone(common), limits: lines, speaks };
    // Fewer events than that come between two starts.
    let number = number << 32;
    let set_up = SetUp {
        reads: Reads::of(rules),
        orders: receiver,
        bell: bell.try_clone().ok()?,
        files: sensor.leased_files(),
        number,
    };
    spawn("fargard-lease", move || match Watcher::new(sink, set_up) {
        Ok(watcher) => watcher.run(),
        Err(error) => say(&format!("no file can be leased: {error}; opens for reading are not seen")),
    })?;
    let leases = Leases {
        reads,
        orders,
        bell: Arc::new(bell),
        common: Arc::clone(common),
        within: (!in_container).then_some(first),
    };
    leases.search(rules, in_container);
    Some(leases)
}

fn starts() -> Vec<PathBuf> {
    LIKELY.iter().map(PathBuf::from).collect()
}

impl Leases {
    /// Looks for the files that are there now, in a thread of the lowest priority.
    fn search(&self, rules: &Arc<Ruleset>, in_container: bool) {
        let (orders, bell, common) = (self.orders.clone(), Arc::clone(&self.bell), Arc::clone(&self.common));
        let mut reads = Reads::of(rules);
        spawn("fargard-files", move || {
            let mut found = walk(&starts(), Bounds::MACHINE, &mut reads, &common.stop);
            let give = |found: walk::Found| {
                let (paths, over) = found.choose();
                // The thread with the leases takes them as fast as they come; when it ended they are not needed.
                let sent = paths.into_iter().try_for_each(|path| orders.send(Order::Consider(path)));
                ring(&bell);
                (over, sent.is_ok())
            };
            if in_container {
                give(found);
                // Only this thread becomes slow: Linux keeps the value per thread.
                let _ = rustix::process::nice(19);
                found = walk(&[PathBuf::from("/")], Bounds::CONTAINER, &mut reads, &common.stop);
            }
            let cut = found.cut && in_container;
            let (over, _) = give(found);
            let _ = orders.send(Order::Searched { over, cut });
            ring(&bell);
        });
    }

    /// A file that was just written, renamed or linked may be one that rules want.
    pub(super) fn consider(&mut self, event: &Event) {
        let Some(path) = written_path(event) else { return };
        if self.reads.wanting(path).is_empty() {
            return;
        }
        match self.orders.try_send(Order::Consider(path.to_owned())) {
            Ok(()) => ring(&self.bell),
            Err(TrySendError::Full(_)) => self.common.outbox.add_lost("lease_files", 1),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// The first of the watched processes, if others do not count: outside of a container most processes of the
    /// machine have nothing to do with the command.
    pub(super) fn within(&self) -> Option<u32> {
        self.within
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        let _ = self.orders.try_send(Order::Stop);
        ring(&self.bell);
    }
}

fn ring(bell: &OwnedFd) {
    // A full counter has rung.
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// Hands over to the engine.
struct EngineSink {
    intake: Intake,
    common: Arc<Common>,
    /// What was said of the rules.
    limits: Vec<String>,
    speaks: bool,
}

impl Sink for EngineSink {
    fn opened(&mut self, opened: Opened) -> bool {
        self.intake.put(Sighting::Open(Box::new(opened)), "lease_events")
            && !self.common.stop.load(Ordering::Relaxed)
    }

    fn lost(&mut self, class: &'static str) {
        self.common.outbox.add_lost(class, 1);
    }

    fn covers(&mut self, coverage: &Coverage) {
        let lines = coverage::of_files(coverage);
        if std::mem::take(&mut self.speaks) {
            lines.iter().for_each(|line| say(line));
        }
        self.common.notes.set(NOTE, self.limits.iter().cloned().chain(lines).collect());
    }
}

#[cfg(test)]
mod tests;
