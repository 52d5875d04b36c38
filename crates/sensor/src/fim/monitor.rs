//! The monitoring thread: takes notices and calls, looks at files a little later, compares, reports.

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use fargard_model::{FileChange, FimStatus, FoundBy, Timestamp};

use super::{
    baseline::{Baseline, join, split},
    held::Held,
    pace::Pace,
    policy::{Declared, Policy},
    rate::Rate,
    state::Root,
    watches::{Notice, Watches},
    writers::{Call, Writers},
};

/// A file is looked at when nothing was done to it for this long, so that many writes are one change,
const QUIET: Duration = Duration::from_millis(250);
/// but not later than this after the first notice.
const LATEST: Duration = Duration::from_secs(2);
/// A file that changes while it is read is read again after this time, so many times.
const FLUX: Duration = Duration::from_millis(500);
pub(super) const MAX_TRIES: u8 = 4;
/// Most files that wait to be looked at.
const MAX_PENDING: usize = 8192;
/// Most directories that wait to be compared; beyond it everything is compared again.
const MAX_QUEUE: usize = 65_536;
/// Time for what waits when the container has ended.
const END: Duration = Duration::from_secs(2);
/// How often everything is compared where not everything can be watched.
const UNWATCHED_COMPARE: Duration = Duration::from_secs(300);
/// A directory's real path is taken as unchanged for this long.
const FRESH: Duration = Duration::from_secs(2);
const MAX_REAL: usize = 1024;

/// What the monitor is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A stopped call on a file.
    Call(Box<Call>),
    /// The kernel's notices.
    Notices(Vec<Notice>),
    /// What the image declares.
    Declared(Declared),
}

/// Where the monitor reports.
pub(crate) trait Host {
    /// Takes a change; `false` when it was lost.
    fn change(&mut self, change: FileChange);
    /// Counts what was not seen or not done, by class.
    fn lost(&mut self, class: &'static str, number: u64);
    /// Tells people.
    fn say(&mut self, line: &str);
}

/// What is shared with who feeds the monitor.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) status: Mutex<FimStatus>,
    /// Notices that were not handed over: everything has to be compared.
    pub(crate) missed: AtomicU64,
    /// The container has ended.
    pub(crate) hurry: Arc<AtomicBool>,
}

impl Shared {
    /// Nothing was monitored yet.
    pub(crate) fn new(policy: &Policy) -> Self {
        let status = FimStatus {
            policy: policy.name.clone(),
            policy_sha256: policy.sha256.clone(),
            since: Timestamp::now(),
            entries: policy.status(),
            ..FimStatus::default()
        };
        Self { status: Mutex::new(status), missed: AtomicU64::new(0), hurry: Arc::default() }
    }

    /// What is covered.
    pub(crate) fn status(&self) -> FimStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a directory is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// How its changes were learned of; `None` takes what is there as the baseline.
    pub(super) found_by: Option<FoundBy>,
    /// Hash files again that seem untouched.
    pub(super) rehash: bool,
}

/// A file that waits to be looked at.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    since: Instant,
    due: Instant,
    pub(super) appeared: bool,
    pub(super) vanished: bool,
    pub(super) from: Option<Vec<u8>>,
    pub(super) tries: u8,
    /// Counts what waits: what was noticed first is told first.
    order: u64,
}

/// The monitoring thread's state.
pub(crate) struct Monitor<H> {
    pub(super) root: Root,
    root_path: PathBuf,
    pub(super) policy: Policy,
    pub(super) baseline: Baseline,
    pub(super) watches: Arc<Watches>,
    pub(super) writers: Writers,
    pub(super) held: Held,
    pub(super) rate: Rate,
    pub(super) host: H,
    pub(super) pace: Pace,
    pub(super) shared: Arc<Shared>,
    pub(super) messages: Receiver<Message>,
    pub(super) pending: HashMap<Vec<u8>, Pending>,
    pub(super) queue: VecDeque<(Vec<u8>, Scan)>,
    /// Start of the container, nanoseconds since the epoch.
    pub(super) started: u64,
    pub(super) counts: Vec<(u64, u64)>,
    /// Classes of gaps already said.
    pub(super) gaps: Gaps,
    /// What the first look at a file is taken for.
    first_scan: Scan,
    first_runs: bool,
    scanning: bool,
    compared: Instant,
    real: HashMap<Vec<u8>, (Instant, Vec<u8>)>,
    noticed: u64,
}

/// What is not covered.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    pub(super) unwatched: u64,
    pub(super) left_out: u64,
    pub(super) unreadable: u64,
    pub(super) unhashed: u64,
    pub(super) said: Vec<String>,
}

/// What a monitor begins with.
pub(crate) struct Setup<H> {
    pub(crate) root: PathBuf,
    pub(crate) policy: Policy,
    /// The baseline an earlier sensor stored; empty without one.
    pub(crate) stored: Option<Baseline>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) messages: Receiver<Message>,
    pub(crate) started: u64,
    /// Times as long as it works does the monitor rest.
    pub(crate) rest: u32,
    pub(crate) host: H,
}

impl<H: Host> Monitor<H> {
    /// A monitor of the files below a root.
    pub(crate) fn new(setup: Setup<H>) -> std::io::Result<Self> {
        let found_by = setup.stored.is_some().then_some(FoundBy::Stored);
        let first_scan = Scan { found_by, rehash: found_by.is_some() };
        let mut monitor = Self {
            root: Root::open(&setup.root)?,
            root_path: setup.root,
            counts: vec![(0, 0); setup.policy.entries.len()],
            policy: setup.policy,
            baseline: setup.stored.unwrap_or_default(),
            watches: setup.watches,
            writers: Writers::default(),
            held: Held::default(),
            rate: Rate::new(),
            host: setup.host,
            pace: Pace::new(setup.rest, Arc::clone(&setup.shared.hurry)),
            shared: setup.shared,
            messages: setup.messages,
            pending: HashMap::new(),
            queue: VecDeque::new(),
            started: setup.started,
            gaps: Gaps::default(),
            first_scan,
            first_runs: false,
            scanning: false,
            compared: Instant::now(),
            real: HashMap::new(),
            noticed: 0,
        };
        for (_, known) in monitor.baseline.iter() {
            if let Some((files, hashed)) = monitor.counts.get_mut(usize::from(known.entry)) {
                *files += 1;
                *hashed += u64::from(known.state.hash.is_some());
            }
        }
        Ok(monitor)
    }

    /// Works until nobody feeds it any more; then deals with what waits, within a bounded time.
    pub(crate) fn run(mut self, mut store: impl FnMut(&mut dyn Host, &Baseline)) {
        self.first_runs = true;
        self.compare_all(self.first_scan);
        loop {
            let message = if self.queue.is_empty() {
                self.messages.recv_timeout(self.wait())
            } else {
                self.messages.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                })
            };
            match message {
                Ok(message) => {
                    self.take(message);
                    self.drain();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.work();
            if self.queue.is_empty() {
                self.finish_scan(&mut store);
                self.update_status();
            }
        }
        self.end();
        if self.status().baseline.is_some() {
            store(&mut self.host, &self.baseline);
        }
    }

    /// Compares everything.
    fn compare_all(&mut self, scan: Scan) {
        self.scanning = true;
        self.compared = Instant::now();
        for start in self.starts() {
            self.enqueue(start, scan);
        }
    }

    /// Files may not have been looked at yet, and there is nothing to compare them with.
    pub(super) fn begins(&self) -> bool {
        self.first_runs && self.first_scan.found_by.is_none()
    }

    /// Has a directory compared.
    pub(super) fn enqueue(&mut self, directory: Vec<u8>, scan: Scan) {
        if self.queue.len() < MAX_QUEUE {
            self.queue.push_back((directory, scan));
        } else {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The directories from which everything the policy covers is reached. Also puts in where its paths really are
    /// when links lead there.
    fn starts(&mut self) -> Vec<Vec<u8>> {
        let mut starts: Vec<Vec<u8>> = Vec::new();
        for entry in 0..self.policy.entries.len() {
            let patterns = self.policy.entries.get(entry).map(|entry| entry.covered.clone());
            for pattern in patterns.unwrap_or_default() {
                let base = pattern.base();
                if let Some(real) = self.canonical(&base).filter(|real| *real != base) {
                    let resolved = pattern.rebased(&real);
                    if let Some(entry) = self.policy.entries.get_mut(entry)
                        && !entry.covered.contains(&resolved)
                    {
                        entry.covered.push(resolved);
                    }
                    starts.push(self.above(&real));
                }
                starts.push(self.above(&base));
            }
        }
        starts.sort();
        starts.dedup();
        // What lies below another start is reached from there.
        let is_below = |start: &[u8], other: &Vec<u8>| start != other && start.starts_with(&join(other, b""));
        let all = starts.clone();
        starts.retain(|start| !all.iter().any(|other| is_below(start, other)));
        starts
    }

    /// The deepest directory above a path that exists.
    fn above(&self, path: &[u8]) -> Vec<u8> {
        let mut path = split(path).0;
        while path.len() > 1 && self.root.handle(path).is_err() {
            path = split(path).0;
        }
        if path.is_empty() { b"/".to_vec() } else { path.to_vec() }
    }

    /// Where a path really is below the root.
    fn canonical(&self, path: &[u8]) -> Option<Vec<u8>> {
        let inside = path.strip_prefix(b"/")?;
        let real = std::fs::canonicalize(self.root_path.join(OsStr::from_bytes(inside))).ok()?;
        let root = if self.root_path == Path::new("/") {
            PathBuf::from("/")
        } else {
            std::fs::canonicalize(&self.root_path).ok()?
        };
        Some(join(b"/", real.strip_prefix(root).ok()?.as_os_str().as_bytes()))
    }

    /// A path a call named, with links among its directories resolved.
    fn real(&mut self, path: Vec<u8>) -> Vec<u8> {
        let (directory, name) = split(&path);
        let now = Instant::now();
        if let Some((at, real)) = self.real.get(directory)
            && now.duration_since(*at) < FRESH
        {
            return join(real, name);
        }
        let Some(real) = self.canonical(directory) else { return path };
        if self.real.len() >= MAX_REAL {
            self.real.clear();
        }
        let joined = join(&real, name);
        self.real.insert(directory.to_vec(), (now, real));
        joined
    }

    /// Takes what waits without waiting for more.
    pub(super) fn drain(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Call(mut call) => {
                call.path = self.real(std::mem::take(&mut call.path));
                if self.policy.entry_of(&call.path).is_some() {
                    let notice = Notice { path: call.path.clone(), at: call.time, ..Notice::default() };
                    self.noticed(notice);
                    let forgotten = self.writers.add(*call);
                    self.host.lost("fim_calls", forgotten);
                }
            }
            Message::Notices(notices) => notices.into_iter().for_each(|notice| self.noticed(notice)),
            Message::Declared(declared) => {
                let (bases, refused) = self.policy.declare(&declared);
                refused.into_iter().for_each(|line| self.gap(line));
                self.first_runs = true;
                self.scanning = true;
                for base in bases {
                    let base = self.canonical(&base).unwrap_or(base);
                    self.enqueue(self.above(&base), Scan { rehash: false, ..self.first_scan });
                }
            }
        }
    }

    fn noticed(&mut self, notice: Notice) {
        if !self.policy.reaches(&notice.path) {
            // Of something moved out of sight only the old name counts.
            return;
        }
        let now = Instant::now();
        if self.pending.len() >= MAX_PENDING && !self.pending.contains_key(&notice.path) {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
            self.host.lost("fim_pending", 1);
            return;
        }
        if let Some(from) = &notice.from {
            // What it was is looked at together with what it is now.
            self.pending.remove(from);
        }
        let pending = self.pending.entry(notice.path).or_insert(Pending {
            first: notice.at,
            last: notice.at,
            since: now,
            due: now,
            appeared: false,
            vanished: false,
            from: None,
            tries: 0,
            order: self.noticed,
        });
        self.noticed += 1;
        // A directory's content may change at once: it is watched as soon as possible.
        let quiet = if notice.directory && notice.appeared { Duration::ZERO } else { QUIET };
        pending.due = (now + quiet).min(pending.since + LATEST);
        pending.first = pending.first.min(notice.at);
        pending.last = pending.last.max(notice.at);
        pending.appeared |= notice.appeared;
        pending.vanished |= notice.vanished;
        pending.from = notice.from.or(pending.from.take());
    }

    /// Puts a file back whose content changed while it was read.
    pub(super) fn again(&mut self, path: Vec<u8>, mut pending: Pending) {
        pending.tries += 1;
        pending.due = Instant::now() + FLUX;
        self.pending.insert(path, pending);
    }

    /// A file that waits because of a comparison.
    pub(super) fn in_flux(&mut self, path: &[u8]) {
        let at = Timestamp::now();
        self.noticed(Notice { path: path.to_vec(), at, ..Notice::default() });
    }

    /// The longest time to sleep.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        let due = self.pending.values().map(|pending| pending.due).chain(self.held.due()).min();
        let due = due.map_or(self.compare_due(), |due| due.min(self.compare_due()));
        due.saturating_duration_since(now)
    }

    fn compare_due(&self) -> Instant {
        let every = if self.gaps.unwatched > 0 {
            self.policy.compare.min(UNWATCHED_COMPARE)
        } else {
            self.policy.compare
        };
        self.compared + every
    }

    /// Looks at files that are due.
    pub(super) fn look_at_due(&mut self) {
        let now = Instant::now();
        let due = self.pending.iter().filter(|(_, pending)| pending.due <= now);
        let mut due: Vec<(u64, Vec<u8>)> = due.map(|(path, pending)| (pending.order, path.clone())).collect();
        due.sort_unstable();
        for (_, path) in due {
            if let Some(pending) = self.pending.remove(&path) {
                self.examine_pending(path, pending);
            }
        }
        self.release(Some(now));
    }

    /// Looks at what is due and at the next directory.
    fn work(&mut self) {
        self.look_at_due();
        if let Some((directory, scan)) = self.queue.pop_front() {
            self.directory(&directory, scan);
        } else if self.shared.missed.swap(0, Ordering::Relaxed) > 0 {
            self.compare_all(Scan { found_by: Some(FoundBy::Comparison), rehash: false });
        } else if Instant::now() >= self.compare_due() {
            self.compare_all(Scan { found_by: Some(FoundBy::Comparison), rehash: true });
        }
    }

    /// Everything was compared.
    fn finish_scan(&mut self, store: &mut impl FnMut(&mut dyn Host, &Baseline)) {
        if !self.scanning {
            return;
        }
        self.scanning = false;
        self.first_runs = false;
        self.tell_gaps();
        let now = Timestamp::now();
        let mut status = self.status();
        let first = status.baseline.is_none();
        status.baseline = status.baseline.or(Some(now));
        status.compared = Some(now);
        drop(status);
        if first {
            let (files, policy) = (self.baseline.len(), &self.policy.name);
            self.host.say(&format!("file integrity: {files} files of the policy {policy:?} are monitored"));
        }
        store(&mut self.host, &self.baseline);
    }

    /// The end: what waits is looked at, as far as the time allows.
    fn end(&mut self) {
        let until = Instant::now() + END;
        let mut left = 0;
        let mut pending: Vec<(Vec<u8>, Pending)> = self.pending.drain().collect();
        // In the order in which things happened, as far as it is known.
        pending.sort_by_key(|(_, pending)| pending.order);
        for (path, mut waiting) in pending {
            if Instant::now() < until {
                waiting.tries = MAX_TRIES;
                self.examine_pending(path, waiting);
            } else {
                left += 1;
            }
        }
        self.host.lost("fim_pending", left);
        if self.scanning && self.status().baseline.is_none() {
            self.host.lost("fim_baseline_unfinished", 1);
        }
        self.release(None);
        self.update_status();
    }
}
