//! Changes that wait a moment for the call that explains them: it comes another way than the kernel's notice.

use std::time::{Duration, Instant};

use fargard_model::{FileChange, Timestamp};

/// How long a change without a known writer waits.
const WAIT: Duration = Duration::from_secs(1);
/// Most changes that wait; further ones are reported at once.
const MAX: usize = 1024;

/// A change without a writer.
#[derive(Debug)]
pub(super) struct Waiting {
    due: Instant,
    pub(super) path: Vec<u8>,
    pub(super) last: Timestamp,
    pub(super) change: FileChange,
}

/// Changes in the order in which they were seen.
#[derive(Debug, Default)]
pub(super) struct Held(std::collections::VecDeque<Waiting>);

impl Held {
    /// Keeps a change for a moment, or gives the oldest back where there is no room.
    pub(super) fn put(&mut self, path: Vec<u8>, last: Timestamp, change: FileChange) -> Option<Waiting> {
        self.0.push_back(Waiting { due: Instant::now() + WAIT, path, last, change });
        if self.0.len() > MAX { self.0.pop_front() } else { None }
    }

    /// The next that waited long enough by `now`, or the next at all.
    pub(super) fn pop(&mut self, now: Option<Instant>) -> Option<Waiting> {
        self.0.pop_front_if(|waiting| now.is_none_or(|now| waiting.due <= now))
    }

    /// The oldest change of that path.
    pub(super) fn find(&self, path: &[u8]) -> Option<&Waiting> {
        self.0.iter().find(|waiting| waiting.path == path)
    }

    /// Takes the oldest change of that path out.
    pub(super) fn take(&mut self, path: &[u8]) -> Option<Waiting> {
        let at = self.0.iter().position(|waiting| waiting.path == path)?;
        self.0.remove(at)
    }

    /// When the next has waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.front().map(|waiting| waiting.due)
    }
}
