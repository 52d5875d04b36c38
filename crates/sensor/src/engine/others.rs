//! Check 426 in the task's other containers, for a sensor that watches them from a container of its own.
//!
//! Their files are reached through `/proc/PID/root` of their program. The calls that write them are mostly not seen
//! there, nor are their first moments; so each root is looked at as a whole more than once, and what is executed or seen
//! written is judged by itself.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fargard_model::Event;
use fargard_scan::{Limits, miner};

use super::{
    containers::Place,
    observer::written_path,
    threads::{Common, spawn},
};
use crate::{
    capture::{Scope, Waker},
    config::{CheckChoice, Config},
};

/// Pauses before looks at a whole root: what was written before the sensor saw anything is found by the second.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(30), Duration::from_secs(3600)];
/// A file is judged this long after an event: its writer is done by then.
const LOOK: Duration = Duration::from_secs(1);
/// Most files that wait to be judged.
const MAX_WAITING: usize = 256;
/// Most matches that are kept of a container.
const MAX_KNOWN: usize = 256;
/// Bounds of a look at a whole root.
const WALK_TIME: Duration = Duration::from_secs(120);
const CONTENT: u64 = 16 << 20;

/// What a look gave: matches, and why the look was not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) matches: Vec<miner::Match>,
    pub(super) incomplete: Option<String>,
}

/// The task's other containers whose files are judged.
pub(super) struct Others {
    /// Whether any are.
    on: bool,
    waker: Waker,
    common: Arc<Common>,
    judged: HashMap<Place, Judged>,
}

struct Judged {
    /// The container's program.
    entry: u32,
    /// Dropped, it ends the judge.
    files: Option<SyncSender<String>>,
    found: Receiver<Found>,
    /// All matches so far, by path.
    known: BTreeMap<String, miner::Match>,
    judge: Option<JoinHandle<()>>,
}

impl Others {
    pub(super) fn new(config: &Config, common: &Arc<Common>, waker: Waker) -> Self {
        let on = config.checks != CheckChoice::Off && config.scope == Scope::Task;
        Self { on, waker, common: Arc::clone(common), judged: HashMap::new() }
    }

    /// Whether other containers are judged at all.
    pub(super) fn are_judged(&self) -> bool {
        self.on
    }

    /// Begins with a container, unless that was done. Its number is bounded by whoever tells places apart.
    pub(super) fn meet(&mut self, place: Place, entry: u32) {
        if !self.on || self.judged.contains_key(&place) {
            return;
        }
        let (files, to_judge) = sync_channel(MAX_WAITING);
        let (sender, found) = channel();
        let (common, waker) = (Arc::clone(&self.common), self.waker.clone());
        let root = PathBuf::from(format!("/proc/{entry}/root"));
        let judge = spawn("fargard-others", move || {
            // Only this thread becomes slow: Linux keeps the value per thread.
            let _ = rustix::process::nice(19);
            judge(&root, &to_judge, &common.stop, &sender, || waker.wake());
        });
        if judge.is_some() {
            let known = BTreeMap::new();
            self.judged.insert(place, Judged { entry, files: Some(files), found, known, judge });
        }
    }

    /// Hands over the file an event in that container is about, if it is about one. `false` when the judge is too far
    /// behind.
    pub(super) fn consider(&self, place: Place, event: &Event) -> bool {
        let Some(files) = self.judged.get(&place).and_then(|judged| judged.files.as_ref()) else {
            return true;
        };
        let path = written_path(event)
            .or_else(|| event.kind.is_exec().then_some(event.process.exepath.as_str()))
            .filter(|path| path.starts_with('/'));
        let handed_over = path.map(|path| files.try_send(path.to_owned()));
        !matches!(handed_over, Some(Err(TrySendError::Full(_))))
    }

    /// All that was found in a container in which something was found since the last time, with its place and program.
    pub(super) fn take(&mut self) -> Option<((Place, u32), Found)> {
        self.judged.iter_mut().find_map(|(place, judged)| Some(((*place, judged.entry), judged.take()?)))
    }

    /// Ends, and gives the last findings.
    pub(super) fn finish(&mut self) -> Vec<((Place, u32), Found)> {
        let mut last = Vec::new();
        for (place, mut judged) in self.judged.drain() {
            judged.files = None;
            // A judge that failed has told what it found before.
            let _ = judged.judge.take().map(JoinHandle::join);
            while let Some(found) = judged.take() {
                last.push(((place, judged.entry), found));
            }
        }
        last
    }
}

impl Judged {
    /// What was found, with all that was found before: a look that came too early for a file must not say that there is
    /// none.
    fn take(&mut self) -> Option<Found> {
        loop {
            let Found { matches, incomplete } = self.found.try_recv().ok()?;
            let before = self.known.len();
            for found in matches {
                if self.known.len() < MAX_KNOWN {
                    self.known.entry(found.path.clone()).or_insert(found);
                }
            }
            if self.known.is_empty() || self.known.len() > before {
                return Some(Found { matches: self.known.values().cloned().collect(), incomplete });
            }
        }
    }
}

/// Judges files, and looks at everything now and then, until nobody hands files over any more.
fn judge(root: &Path, files: &Receiver<String>, stop: &AtomicBool, found: &Sender<Found>, wake: impl Fn()) {
    // An error means that the engine ends, which takes what was found before.
    let tell = |all: Found| {
        let _ = found.send(all);
        wake();
    };
    let mut pauses = PAUSES.into_iter();
    let mut pause = pauses.next().unwrap_or_default();
    let mut walk = Instant::now() + pause;
    let mut waiting: HashMap<String, Instant> = HashMap::new();
    loop {
        let next = waiting.values().copied().chain([walk]).min().unwrap_or(walk);
        match files.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(path) if waiting.len() < MAX_WAITING => {
                waiting.entry(path).or_insert_with(|| Instant::now() + LOOK);
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                waiting.retain(|path, due| {
                    let is_due = *due <= now;
                    if is_due && let Some(found) = look_at(root, path) {
                        tell(Found { matches: vec![found], incomplete: None });
                    }
                    !is_due
                });
                if walk <= now {
                    let Some(all) = look_at_everything(root, stop) else { return };
                    tell(all);
                    pause = pauses.next().unwrap_or(pause);
                    walk = Instant::now() + pause;
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                for found in waiting.keys().filter_map(|path| look_at(root, path)) {
                    tell(Found { matches: vec![found], incomplete: None });
                }
                return;
            }
        }
    }
}

fn look_at(root: &Path, path: &str) -> Option<miner::Match> {
    let limits = Limits { content_bytes: CONTENT, ..Limits::default() };
    miner::check_file(root, path, &limits).ok()?
}

/// Looks at a whole root file system; `None` when it was stopped.
fn look_at_everything(root: &Path, stop: &AtomicBool) -> Option<Found> {
    let limits = Limits { time: WALK_TIME, content_bytes: CONTENT, ..Limits::default() };
    let outcome = miner::find(root, &limits, |_| {
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    Some(match outcome {
        Ok((matches, report)) => Found { matches, incomplete: report.incomplete() },
        Err(error) => Found { matches: Vec::new(), incomplete: Some(error.to_string()) },
    })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        fs,
        os::unix::fs::PermissionsExt as _,
        path::Path,
        sync::{
            atomic::AtomicBool,
            mpsc::{channel, sync_channel},
        },
        thread,
        time::Duration,
    };

    use super::{Judged, judge};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn copy_as_miner(to: &Path) {
        fs::copy("/bin/sleep", to).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn what_is_there_and_what_is_executed_later_is_found_and_nothing_is_taken_back() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        copy_as_miner(&root.path().join("tmp/xmrig"));
        let (files, to_judge) = sync_channel(4);
        let (sender, found) = channel();
        let (woken, wakes) = channel();
        let place = root.path().to_owned();
        let thread = thread::spawn(move || {
            judge(&place, &to_judge, &AtomicBool::new(false), &sender, || woken.send(()).unwrap());
        });
        let mut judged =
            Judged { entry: 1, files: Some(files), found, known: BTreeMap::new(), judge: Some(thread) };
        wakes.recv_timeout(PATIENCE).unwrap();
        let paths = |judged: &mut Judged| -> Vec<String> {
            judged.take().into_iter().flat_map(|found| found.matches).map(|found| found.path).collect()
        };
        assert_eq!(paths(&mut judged), ["/tmp/xmrig"]);
        copy_as_miner(&root.path().join("tmp/ethminer"));
        for path in ["/tmp/ethminer", "/tmp/gone"] {
            judged.files.as_ref().unwrap().send(path.to_owned()).unwrap();
        }
        wakes.recv_timeout(PATIENCE).unwrap();
        assert_eq!(paths(&mut judged), ["/tmp/ethminer", "/tmp/xmrig"]);
        fs::remove_file(root.path().join("tmp/ethminer")).unwrap();
        judged.files.as_ref().unwrap().send("/tmp/xmrig".to_owned()).unwrap();
        judged.files = None;
        judged.judge.take().unwrap().join().unwrap();
        assert_eq!(paths(&mut judged), [""; 0], "nothing new");
    }
}
