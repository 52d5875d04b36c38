//! Check 426 on the running container: every program that is written, renamed, linked or executed is judged
//! shortly after, and the whole root file system once, in a thread of the lowest priority.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use fargard_model::{Event, Trap, TrapSet};
use fargard_scan::{Limits, miner};

use super::observer::written_path;

/// Who needs the calls.
const WHO: &str = "check 426";
/// Most files that wait to be judged.
const MAX_WAITING: usize = 1024;
/// Most matches that are reported.
const MAX_FOUND: usize = 256;
/// A file is judged this long after an event: most copies are done by then, and the second look finds the rest.
const LOOKS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(1000)];
/// Within this time, which is shorter than the first look's, a file is not handed over again.
const SAME: Duration = Duration::from_millis(100);
/// Most files that are remembered as just handed over.
const MAX_RECENT: usize = 256;
/// Time for files that still wait when the container has ended.
const END_TIME: Duration = Duration::from_secs(2);
/// Bounds of the look at the whole root file system.
const WALK_TIME: Duration = Duration::from_secs(120);
const CONTENT: u64 = 16 << 20;

/// What the checks need to see.
pub(crate) fn traps() -> TrapSet {
    let mut traps = TrapSet::default();
    for trap in [Trap::OpenWrite, Trap::Rename, Trap::Link, Trap::Exec] {
        traps.add(trap, WHO);
    }
    traps
}

/// What a look gave: everything found so far, and why the look was not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// All matches so far.
    pub(crate) matches: Vec<miner::Match>,
    /// Why not everything could be seen.
    pub(crate) incomplete: Option<String>,
}

/// Hands files to the judging thread.
#[derive(Debug)]
pub(crate) struct Intake {
    files: SyncSender<String>,
    /// Files handed over a moment ago: their look is still to come.
    recent: HashMap<String, Instant>,
}

/// The judging thread's end.
#[derive(Debug)]
pub(crate) struct Judge {
    files: Receiver<String>,
    found: BTreeMap<String, miner::Match>,
}

/// Both ends.
pub(crate) fn channel() -> (Intake, Judge) {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    (Intake { files: sender, recent: HashMap::new() }, Judge { files: receiver, found: BTreeMap::new() })
}

impl Intake {
    /// Hands over the file an event is about, if it is about one. `false` when the judge is too far behind.
    pub(crate) fn consider(&mut self, event: &Event) -> bool {
        let path = written_path(event)
            .or_else(|| event.kind.is_exec().then_some(event.process.exepath.as_str()))
            .filter(|path| path.starts_with('/') && !is_virtual(path));
        let Some(path) = path else { return true };
        if self.recent.get(path).is_some_and(|at| at.elapsed() < SAME) {
            return true;
        }
        if self.recent.len() >= MAX_RECENT {
            self.recent.clear();
        }
        self.recent.insert(path.to_owned(), Instant::now());
        !matches!(self.files.try_send(path.to_owned()), Err(TrySendError::Full(_)))
    }
}

impl Judge {
    /// Judges files until the intake is dropped, then those that still wait. `report` gets each new finding.
    pub(crate) fn run(mut self, root: &Path, mut report: impl FnMut(Found)) {
        let mut waiting: HashMap<String, (Instant, usize)> = HashMap::new();
        loop {
            let next = waiting.values().map(|(due, _)| *due).min();
            let time =
                next.map_or(Duration::from_secs(3600), |due| due.saturating_duration_since(Instant::now()));
            match self.files.recv_timeout(time) {
                Ok(path) => {
                    if waiting.len() < MAX_WAITING {
                        // Later writes do not put the first look off: it comes in time even in a file that is
                        // written all the time.
                        let first = Instant::now() + LOOKS[0];
                        let due = waiting.get(&path).map_or(first, |(due, _)| first.min(*due));
                        waiting.insert(path, (due, 0));
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.judge_due(root, &mut waiting, &mut report),
                Err(RecvTimeoutError::Disconnected) => {
                    self.judge_rest(root, waiting, &mut report);
                    return;
                }
            }
        }
    }

    fn judge_due(
        &mut self,
        root: &Path,
        waiting: &mut HashMap<String, (Instant, usize)>,
        report: &mut impl FnMut(Found),
    ) {
        let now = Instant::now();
        let due: Vec<String> =
            waiting.iter().filter(|(_, (due, _))| *due <= now).map(|(path, _)| path.clone()).collect();
        for path in due {
            let looks = waiting.remove(&path).map_or(0, |(_, looks)| looks);
            self.judge(root, &path, report);
            if let Some(pause) = LOOKS.get(looks + 1) {
                waiting.insert(path, (now + *pause, looks + 1));
            }
        }
    }

    /// The end: what waits is judged, as far as the time allows.
    fn judge_rest(
        &mut self,
        root: &Path,
        waiting: HashMap<String, (Instant, usize)>,
        report: &mut impl FnMut(Found),
    ) {
        let until = Instant::now() + END_TIME;
        let mut left = 0_usize;
        for path in waiting.into_keys() {
            if Instant::now() < until {
                self.judge(root, &path, report);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            let incomplete = Some(format!("{left} files were not looked at before the container's end"));
            report(Found { matches: self.found.values().cloned().collect(), incomplete });
        }
    }

    fn judge(&mut self, root: &Path, path: &str, report: &mut impl FnMut(Found)) {
        let limits = Limits { content_bytes: CONTENT, ..Limits::default() };
        if let Ok(Some(found)) = miner::check_file(root, path, &limits)
            && self.add(found)
        {
            report(Found { matches: self.found.values().cloned().collect(), incomplete: None });
        }
    }

    /// Whether that file was not known yet.
    fn add(&mut self, found: miner::Match) -> bool {
        self.found.len() < MAX_FOUND && self.found.insert(found.path.clone(), found).is_none()
    }
}

/// Looks at the whole root file system once; `None` when it was stopped.
pub(crate) fn look_at_everything(root: &Path, stop: &AtomicBool) -> Option<Found> {
    // Only this thread becomes slow: Linux keeps the value per thread.
    let _ = rustix::process::nice(19);
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

fn is_virtual(path: &str) -> bool {
    ["/proc/", "/sys/", "/dev/"].iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, sync::mpsc, thread, time::Duration};

    use super::{Found, channel};

    #[test]
    fn a_copied_miner_is_found_within_two_seconds_and_reported_once() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        let (intake, judge) = channel();
        let (sender, reports) = mpsc::channel::<Found>();
        let place = root.path().to_owned();
        let thread = thread::spawn(move || judge.run(&place, |found| sender.send(found).unwrap()));
        intake.files.send("/tmp/xmrig".to_owned()).unwrap();
        let file = root.path().join("tmp/xmrig");
        fs::copy("/bin/sleep", &file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let found = reports.recv_timeout(Duration::from_secs(2)).unwrap();
        assert_eq!(found.matches.len(), 1);
        assert_eq!(found.matches[0].path, "/tmp/xmrig");
        intake.files.send("/tmp/xmrig".to_owned()).unwrap();
        intake.files.send("/tmp/absent".to_owned()).unwrap();
        drop(intake);
        thread.join().unwrap();
        assert!(reports.try_recv().is_err(), "the same file is not reported again");
    }
}
