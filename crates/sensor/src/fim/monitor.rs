//! The monitoring thread: takes notices and calls, looks at files a little later, compares, reports.

mod pending;
mod places;

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use fargard_model::{FileChange, FimStatus, FoundBy, Timestamp};

pub(super) use self::pending::{MAX_TRIES, Pending};
use super::{
    baseline::Baseline,
    held::Held,
    pace::Pace,
    policy::{Declared, Policy},
    rate::Rate,
    state::Root,
    watches::{Notice, Watches},
    writers::{Call, Writers},
};

/// Most directories that wait to be compared; beyond it everything is compared again.
const MAX_QUEUE: usize = 65_536;
/// Time for what waits when the container has ended.
const END: Duration = Duration::from_secs(2);
/// How often everything is compared where not everything can be watched.
const UNWATCHED_COMPARE: Duration = Duration::from_secs(300);

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

    /// Takes what waits without waiting for more.
    pub(super) fn drain(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.take(message);
        }
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
