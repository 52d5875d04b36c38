//! What the engine's own thread hands over: files that were written or executed, and programs that were started.

use std::{
    collections::HashMap,
    sync::mpsc::{SyncSender, TrySendError},
    time::{Duration, Instant},
};

use fargard_model::{Actor, Event, EventType, Outcome};

use crate::engine::observer::written_path;

/// Within this time, which is shorter than the first look's, the same is not handed over again.
const SAME: Duration = Duration::from_millis(100);
/// Most files that are remembered as just handed over.
const MAX_RECENT: usize = 256;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// A file that was written, or only executed.
    File { path: String, written: bool, by: Actor },
    /// A program that was started, with its arguments.
    Program {
        by: Actor,
        args: Vec<String>,
        /// Its environment where the call showed it; else it is read while the process lives.
        env: Vec<String>,
    },
}

/// Hands work to the judging thread.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(super) work: SyncSender<Work>,
    /// Files handed over a moment ago, and whether as written: their look is still to come.
    pub(super) recent: HashMap<String, (Instant, bool)>,
}

impl Intake {
    /// Hands over what an event is about. Returns how much was lost since the judge is too far behind.
    pub(crate) fn consider(&mut self, event: &Event) -> u64 {
        if matches!(event.outcome, Outcome::Confirmed(result) if result < 0) {
            return 0;
        }
        let mut lost = 0;
        if event.kind.is_exec() {
            let work = Work::Program {
                by: Actor::of(event),
                args: event.process.args.clone(),
                env: event.process.env.clone(),
            };
            lost += self.hand_over(work);
            lost += self.file(&event.process.exepath, false, event);
        } else if let Some(path) = written_path(event).or_else(|| changed_rights(event)) {
            lost += self.file(path, true, event);
        }
        lost
    }

    fn file(&mut self, path: &str, written: bool, event: &Event) -> u64 {
        if !path.starts_with('/') || is_virtual(path) {
            return 0;
        }
        let is_same = |(at, as_written): &(Instant, bool)| at.elapsed() < SAME && (*as_written || !written);
        if self.recent.get(path).is_some_and(is_same) {
            return 0;
        }
        if self.recent.len() >= MAX_RECENT {
            self.recent.clear();
        }
        self.recent.insert(path.to_owned(), (Instant::now(), written));
        self.hand_over(Work::File { path: path.to_owned(), written, by: Actor::of(event) })
    }

    fn hand_over(&self, work: Work) -> u64 {
        u64::from(matches!(self.work.try_send(work), Err(TrySendError::Full(_))))
    }
}

/// The path whose permission bits a call changes, where it names one.
fn changed_rights(event: &Event) -> Option<&str> {
    let by_name = matches!(event.kind, EventType::Chmod | EventType::Fchmodat | EventType::Fchmodat2);
    let path = if by_name {
        event.paths.first().map(|(_, path)| path.as_str())
    } else if event.kind == EventType::Fchmod {
        event.fd.as_ref().map(|fd| fd.name.as_str())
    } else {
        None
    };
    path.filter(|path| !path.is_empty())
}

fn is_virtual(path: &str) -> bool {
    ["/proc/", "/sys/", "/dev/"].iter().any(|prefix| path.starts_with(prefix))
}
