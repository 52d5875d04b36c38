//! Leases that somebody is in the way of: who it is, and letting go.

use std::{
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use rustix::fs::fstat;

use super::{Sink, Watcher};
use crate::{
    engine::{
        lease::{
            opener::{self, FileId, Open, Opener},
            sighting::Opened,
            target::{Lease, REST, Target},
        },
        procfs::Procfs,
        sighting::LOOK,
    },
    sys::lease::{Told, is_broken},
};

/// An opener that is not found at once is looked for again within this time.
const HOLD: Duration = Duration::from_millis(5);
/// An opener is not kept waiting for longer than this, whatever else this machine has to do.
pub(super) const LONGEST_HOLD: Duration = Duration::from_millis(50);
const WRITING: u64 = 0o1_103;
const O_NONBLOCK: u64 = 0o4_000;
/// `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`.
const READ_ANYTHING: u64 = 1 << 1 | 1 << 2;

impl<S: Sink> Watcher<S> {
    pub(super) fn take_breaks(&mut self) {
        while let Some(told) = self.listener.next() {
            match told {
                Told::Broken(number) => {
                    if let Some(id) = self.by_descriptor.get(&number) {
                        self.broken(*id);
                    }
                }
                Told::Some => self.sweep(),
            }
        }
        if self.swept.elapsed() >= LOOK {
            self.sweep();
        }
    }

    /// Looks at every lease: a signal may have been lost, and nobody is to wait for that.
    fn sweep(&mut self) {
        self.swept = Instant::now();
        let held = self.targets.iter().filter(|(_, target)| target.lease == Lease::Held);
        let broken = held.filter(|(_, target)| is_broken(target.file.as_fd()));
        for id in broken.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.broken(id);
        }
    }

    /// Somebody wants the file: finds out who, lets go, and soon takes the lease again.
    fn broken(&mut self, id: FileId) {
        let start = Instant::now();
        let Some(target) = self.targets.get_mut(&id) else { return };
        if target.lease != Lease::Held {
            // It was let go, or given up: nobody is to wait in any case.
            return target.give_back(&self.files);
        }
        let openers = opener::find(id, start + HOLD, start + LONGEST_HOLD);
        let own = |opener: &Opener| self.procfs.status(opener.tid).is_some_and(|one| one.tgid == self.own);
        let names_somebody = !openers.is_empty();
        let number = u32::try_from(openers.len()).unwrap_or(u32::MAX);
        for opener in openers {
            let Some(open) = opener.open.filter(|open| open.flags & WRITING == 0) else { continue };
            if own(&opener) || will_be_refused(&self.procfs, opener.tid, open, target) {
                continue;
            }
            self.count += 1;
            let opened = Opened::waiting(self.count, opener, open, &self.procfs);
            self.alive &= self.sink.opened(opened);
        }
        target.give_back(&self.files);
        let now = Instant::now();
        if names_somebody {
            target.credit(number, now);
        } else {
            target.doubt = Some(now);
            self.sink.lost("lease_unattributed");
        }
        target.refused(0, now);
        if !target.budget.take(now) || !self.budget.take(now) {
            target.lease = Lease::Due(now + REST, 0);
        }
    }
}

/// An open that does not wait is held before the kernel has looked at its rights, unlike any other. Whether it will
/// surely be refused for want of them: then it is none.
fn will_be_refused(procfs: &Procfs, tid: u32, open: Open, target: &Target) -> bool {
    if open.flags & O_NONBLOCK == 0 {
        return false;
    }
    let (Some(status), Ok(file)) = (procfs.status(tid), fstat(&target.file)) else { return false };
    // An access list shows as rights of the group.
    status.cap_effective & READ_ANYTHING == 0 && status.euid != file.st_uid && file.st_mode & 0o044 == 0
}
