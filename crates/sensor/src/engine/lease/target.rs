//! One watched file: its lease, and what was seen of its opens.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use rustix::io::Errno;

use crate::{
    capture::{LeasedEntry, LeasedFiles},
    sys::lease::{Listener, release},
};

/// Pauses before a lease is asked for again while somebody has the file open. Its closing is told by inotify, a
/// moment before the kernel has done it: hence the short ones.
const PAUSES: [Duration; 8] = [
    Duration::from_micros(50),
    Duration::from_micros(200),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];
/// An open that a lease named shows in inotify within this time, unless it failed.
pub(super) const SHOWS: Duration = Duration::from_millis(200);
/// For this long after a named open, opens of the same file that no lease named are taken for more of the same.
const ECHO: Duration = Duration::from_secs(1);
/// Somebody who cannot be named is reported once in this time for each file.
const UNNAMED: Duration = Duration::from_secs(10);
/// How long a file that is opened too often is left alone.
pub(super) const REST: Duration = Duration::from_secs(30);

/// What is with the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// Held: who opens the file waits.
    Held,
    /// To be asked for at that time; so many times it was refused.
    Due(Instant, usize),
    /// Never again: inotify alone watches.
    Never,
}

/// A file that rules want to see opened.
#[derive(Debug)]
pub(super) struct Target {
    /// Path.
    pub(super) path: String,
    /// Open for as long as it is watched.
    pub(super) file: OwnedFd,
    /// Where those who answer calls see the lease.
    pub(super) entry: LeasedEntry,
    /// Who was found to have it open last: process and descriptor.
    pub(super) holder: Option<(u32, u32)>,
    /// Inotify's number.
    pub(super) watch: Option<i32>,
    /// The lease.
    pub(super) lease: Lease,
    /// What its opens may cost.
    pub(super) budget: Budget,
    /// Opens that were named and do not show in inotify yet.
    credit: u32,
    credited: Option<Instant>,
    /// A broken lease whose opener was not found; it is clear soon whether its open succeeded.
    pub(super) doubt: Option<Instant>,
    named: Option<Instant>,
    unnamed: Option<Instant>,
}

impl Target {
    /// A file without a lease.
    pub(super) fn new(path: String, file: OwnedFd, entry: LeasedEntry, now: Instant) -> Self {
        Self {
            path,
            file,
            entry,
            holder: None,
            watch: None,
            lease: Lease::Due(now, 0),
            budget: Budget::new(BURST, RATE, now),
            credit: 0,
            credited: None,
            doubt: None,
            named: None,
            unnamed: None,
        }
    }

    /// Asks for the lease.
    pub(super) fn ask(&mut self, listener: &Listener, files: &LeasedFiles, now: Instant) {
        let tries = match self.lease {
            Lease::Due(_, tries) => tries,
            Lease::Held | Lease::Never => 0,
        };
        if let Err(wait) = files.take(&self.entry) {
            self.lease = Lease::Due(now + wait, 0);
            return;
        }
        let taken = listener.take(self.file.as_fd());
        if taken.is_err() {
            files.gave_back(&self.entry);
        }
        match taken {
            Ok(()) => self.lease = Lease::Held,
            Err(error) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                self.refused(tries, now);
            }
            Err(_) => self.lease = Lease::Never,
        }
    }

    /// Lets whoever waits go on.
    pub(super) fn give_back(&self, files: &LeasedFiles) {
        release(self.file.as_fd());
        files.gave_back(&self.entry);
    }

    /// The lease was refused: somebody has the file open.
    pub(super) fn refused(&mut self, tries: usize, now: Instant) {
        let pause = PAUSES.get(tries).or(PAUSES.last()).copied().unwrap_or(REST);
        self.lease = Lease::Due(now + pause, tries + 1);
    }

    /// So many waiting opens were named.
    pub(super) fn credit(&mut self, opens: u32, now: Instant) {
        if self.credited.is_none_or(|at| now.duration_since(at) > SHOWS) {
            self.credit = 0;
        }
        self.credit += opens;
        (self.credited, self.named) = (Some(now), Some(now));
    }

    /// Inotify shows an open: whether it was named.
    pub(super) fn shows(&mut self, now: Instant) -> bool {
        let fresh = self.credited.is_some_and(|at| now.duration_since(at) <= SHOWS);
        if fresh && self.credit > 0 {
            self.credit -= 1;
            return true;
        }
        false
    }

    /// Whether an open by somebody who cannot be named is to be reported.
    pub(super) fn reports_unnamed(&mut self, now: Instant) -> bool {
        let is_echo = self.named.is_some_and(|at| now.duration_since(at) < ECHO);
        let is_repeated = self.unnamed.is_some_and(|at| now.duration_since(at) < UNNAMED);
        if !is_echo && !is_repeated {
            self.unnamed = Some(now);
        }
        !is_echo && !is_repeated
    }
}

/// Broken leases of one file: that many at once, that many a second for ever.
const BURST: f64 = 256.0;
const RATE: f64 = 2.0;

/// A bucket of permissions that fills slowly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Budget {
    /// A full one.
    pub(super) fn new(most: f64, per_second: f64, now: Instant) -> Self {
        Self { left: most, most, per_second, at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.at = now;
        self.left = (self.left + gained).min(self.most);
        let has = self.left >= 1.0;
        if has {
            self.left -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Budget, ECHO, Lease, SHOWS, Target, UNNAMED};
    use crate::capture::LeasedFiles;

    fn target(now: Instant) -> Target {
        let entry = LeasedFiles::made().enter(0, 1);
        Target::new("/x".into(), std::fs::File::open("/dev/null").unwrap().into(), entry, now)
    }

    #[test]
    fn a_named_open_is_not_counted_again_and_an_old_name_hides_nothing() {
        let now = Instant::now();
        let mut target = target(now);
        assert!(!target.shows(now));
        target.credit(2, now);
        assert!(target.shows(now) && target.shows(now) && !target.shows(now));
        target.credit(1, now);
        assert!(!target.shows(now + SHOWS + Duration::from_millis(1)));
    }

    #[test]
    fn somebody_unknown_is_reported_seldom_and_not_as_an_echo() {
        let now = Instant::now();
        let mut target = target(now);
        target.credit(1, now);
        assert!(!target.reports_unnamed(now));
        let later = now + ECHO;
        assert!(target.reports_unnamed(later) && !target.reports_unnamed(later));
        assert!(target.reports_unnamed(later + UNNAMED));
    }

    #[test]
    fn refusals_make_the_pauses_longer_and_never_end() {
        let now = Instant::now();
        let mut target = target(now);
        let mut last = Duration::ZERO;
        for tries in 0..100 {
            target.refused(tries, now);
            let Lease::Due(at, after) = target.lease else { panic!("given up") };
            assert!(at - now >= last && after == tries + 1);
            last = at - now;
        }
        assert_eq!(last, Duration::from_secs(2));
    }

    #[test]
    fn a_budget_fills_slowly() {
        let now = Instant::now();
        let mut budget = Budget::new(3.0, 2.0, now);
        let takes = |budget: &mut Budget, at| (0..10).filter(|_| budget.take(at)).count();
        assert_eq!(takes(&mut budget, now), 3);
        assert_eq!(takes(&mut budget, now + Duration::from_secs(1)), 2);
        assert_eq!(takes(&mut budget, now + Duration::from_secs(3600)), 3);
    }
}
