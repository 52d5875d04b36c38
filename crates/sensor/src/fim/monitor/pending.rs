//! Files that wait to be looked at: many notices of one file come to one look.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use fargard_model::Timestamp;

use super::{Host, Message, Monitor, Scan};
use crate::fim::watches::Notice;

/// A file is looked at when nothing was done to it for this long, so that many writes are one change,
const QUIET: Duration = Duration::from_millis(250);
/// but not later than this after the first notice.
const LATEST: Duration = Duration::from_secs(2);
/// A file that changes while it is read is read again after this time, so many times.
const FLUX: Duration = Duration::from_millis(500);
pub(in crate::fim) const MAX_TRIES: u8 = 4;
/// Most files that wait to be looked at.
const MAX_PENDING: usize = 8192;

/// A file that waits to be looked at.
#[derive(Debug)]
pub(in crate::fim) struct Pending {
    pub(in crate::fim) first: Timestamp,
    pub(in crate::fim) last: Timestamp,
    since: Instant,
    pub(super) due: Instant,
    pub(in crate::fim) appeared: bool,
    pub(in crate::fim) vanished: bool,
    pub(in crate::fim) from: Option<Vec<u8>>,
    pub(in crate::fim) tries: u8,
    /// Counts what waits: what was noticed first is told first.
    pub(super) order: u64,
}

impl<H: Host> Monitor<H> {
    pub(super) fn take(&mut self, message: Message) {
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
    pub(in crate::fim) fn again(&mut self, path: Vec<u8>, mut pending: Pending) {
        pending.tries += 1;
        pending.due = Instant::now() + FLUX;
        self.pending.insert(path, pending);
    }

    /// A file that waits because of a comparison.
    pub(in crate::fim) fn in_flux(&mut self, path: &[u8]) {
        let at = Timestamp::now();
        self.noticed(Notice { path: path.to_vec(), at, ..Notice::default() });
    }

    /// Looks at files that are due.
    pub(in crate::fim) fn look_at_due(&mut self) {
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
}
