//! Giving processes the filter, and what one attacher leaves to the next.

use std::os::fd::OwnedFd;

use super::{Follower, Want};
use crate::{
    capture::{
        AttacherLink, NotServed,
        attach::{
            Hold, Refused,
            look::{self, Status},
        },
    },
    sys::ptrace,
};

/// So often a filter's installation is tried on a process that is busy each time.
const INJECTIONS: u32 = 20;

/// The processes that live on of those that predecessors gave the filter.
pub(super) fn by_predecessors(link: &AttacherLink) -> Vec<u32> {
    let (live, gone): (Vec<_>, Vec<_>) =
        link.injected().into_iter().partition(|(pid, start)| look::start(*pid) == Some(*start));
    gone.into_iter().for_each(|(pid, _)| link.forget_injected(pid));
    live.into_iter().map(|(pid, _)| pid).collect()
}

/// Tells successors of a process that has the filter now.
fn note(link: &AttacherLink, pid: u32) {
    if let Some(start) = look::start(pid) {
        link.note_injected(pid, start);
    }
}

impl Follower<'_> {
    pub(super) fn begin_injection(&mut self, pid: u32, status: &Status) {
        if status.filters > self.filters {
            if self.is_covered(pid) {
                return self.release(pid);
            }
            return self.tell(pid, Hold::Lifecycle, Some(Refused::Filtered));
        }
        if self.link.room() == 0 {
            return self.tell(pid, Hold::Lifecycle, Some(Refused::Full));
        }
        // A child of vfork runs in its parent's memory.
        if Status::of(status.parent).is_some_and(|parent| parent.uninterruptible) {
            return self.inject_later(pid, Refused::Lent);
        }
        self.interrupt(pid, Want::Inject);
    }

    fn inject_later(&mut self, pid: u32, why: Refused) {
        let Some(thread) = self.threads.get_mut(&pid) else { return };
        thread.injections += 1;
        if thread.injections >= INJECTIONS {
            return self.tell(pid, Hold::Lifecycle, Some(why));
        }
        thread.settled = false;
    }

    /// Gives a stopped process the filter.
    pub(super) fn inject(&mut self, pid: u32) -> std::io::Result<()> {
        if let Some(thread) = self.threads.get_mut(&pid) {
            thread.want = Want::Run;
        }
        match self.install(pid) {
            Ok(()) => {
                self.injected.push(pid);
                self.tell(pid, Hold::Injected, None);
                for tid in look::threads(pid).into_iter().filter(|tid| *tid != pid) {
                    self.interrupt(tid, Want::Release);
                }
                self.threads.remove(&pid);
                ptrace::detach(pid, 0)
            }
            Err(why @ (Refused::Disturbed | Refused::Lent)) => {
                self.inject_later(pid, why);
                ptrace::proceed(pid, 0)
            }
            Err(why) => {
                self.tell(pid, Hold::Lifecycle, Some(why));
                ptrace::proceed(pid, 0)
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn install(&mut self, _: u32) -> Result<(), Refused> {
        Err(Refused::Architecture)
    }

    #[cfg(target_arch = "x86_64")]
    fn install(&mut self, pid: u32) -> Result<(), Refused> {
        use crate::capture::attach::inject::{Filter, Takes, install};
        struct Hand<'a> {
            link: &'a AttacherLink,
            pid: u32,
            unserved: Option<OwnedFd>,
        }
        impl Takes for Hand<'_> {
            fn take(&mut self, listener: OwnedFd) {
                match self.link.add_listener(listener) {
                    Ok(()) => note(self.link, self.pid),
                    Err(NotServed(listener)) => self.unserved = Some(listener),
                }
                self.link.injecting(0);
            }
        }
        let status = Status::of(pid).ok_or(Refused::Gone)?;
        let program = self.link.filter();
        let filter = Filter { program: &program, wait_killable: self.link.wait_killable() };
        let mut hand = Hand { link: self.link, pid, unserved: None };
        self.link.injecting(pid);
        let result = install(pid, pid, status.needs_no_new_privs(), filter, &mut hand);
        self.link.injecting(0);
        self.unserved = hand.unserved;
        result
    }

    /// Takes the listener that a predecessor, which died, left in the process it gave a filter.
    pub(in crate::capture::attach) fn adopt(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if let Some(listener) = crate::capture::attach::inject::stranded_listener(self.link.was_injecting()) {
            match self.link.add_listener(listener) {
                Ok(()) => {
                    self.injected.push(self.link.was_injecting());
                    note(self.link, self.link.was_injecting());
                }
                Err(NotServed(listener)) => self.unserved = Some(listener),
            }
        }
        self.link.injecting(0);
    }
}
