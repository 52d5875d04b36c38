//! Holding foreign processes: every thread of theirs is a tracee whose program executions are reported.

use std::{
    collections::HashMap,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use super::{
    super::{AttacherLink, NotServed, notify::now},
    Attach, AttachMode, Hold, Notice, Refused, Scope,
    kin::{Family, Kin},
    look::{self, Status},
    scan::Scanner,
    write,
};
use crate::sys::{
    process::{self, Status as Change},
    ptrace,
};

/// A process that has lived for so long is worth more than a look at its executions.
const SETTLED: Duration = Duration::from_secs(1);
/// Longest time between two tries at a process that cannot be held.
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// After so many tries it is told that a process cannot be held.
const TRIES: u32 = 5;
/// Most processes that are tried again.
const MAX_WAITING: usize = 1024;
/// So often a filter's installation is tried on a process that is busy each time.
const INJECTIONS: u32 = 20;
/// Rounds over a process's threads: each finds those made during the one before.
const ROUNDS: usize = 8;

/// What is to be done when a tracee stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Run,
    Inject,
    Release,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    since: Instant,
    want: Want,
    settled: bool,
    injections: u32,
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Instant,
    tries: u32,
}

pub(super) struct Follower<'a> {
    attach: Attach,
    link: &'a AttacherLink,
    family: Family,
    /// This container's mount namespace.
    here: Option<u64>,
    program: Option<(u64, u64)>,
    /// Start of this process, in ticks.
    began: u64,
    /// Filters a process of this container has without ours.
    filters: u64,
    threads: HashMap<u32, Thread>,
    waiting: HashMap<u32, Retry>,
    /// Processes that were given the filter.
    injected: Vec<u32>,
    unserved: Option<OwnedFd>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(attach: Attach, link: &'a AttacherLink) -> Self {
        let pid = std::process::id();
        Self {
            attach,
            link,
            family: Family::of(link.app(), look::parent),
            here: look::mount_namespace(pid),
            program: look::program(pid),
            began: look::start(pid).unwrap_or(0),
            filters: Status::own().filters,
            threads: HashMap::new(),
            waiting: HashMap::new(),
            injected: Vec::new(),
            unserved: None,
        }
    }

    /// A listener that nobody serves is left.
    pub(super) fn unserved(&self) -> bool {
        self.unserved.is_some()
    }

    pub(super) fn into_unserved(self) -> Option<OwnedFd> {
        self.unserved
    }

    /// Looks for new processes and at those that were found; the time until the next look.
    pub(super) fn look(&mut self, scanner: &mut Scanner) -> Duration {
        let changes = scanner.look();
        for pid in changes.gone {
            self.family.forget(pid);
            self.waiting.remove(&pid);
            self.injected.retain(|one| *one != pid);
        }
        for pid in changes.new {
            if self.is_meant(pid) && !self.threads.contains_key(&pid) && !self.is_covered(pid) {
                self.hold(pid, 0);
            }
        }
        self.try_again();
        self.settle_all();
        scanner.pause()
    }

    /// A process that came from outside, and is no sensor's.
    fn is_meant(&mut self, pid: u32) -> bool {
        if self.link.is_sensor(pid) {
            return false;
        }
        match self.family.kin(pid, look::parent) {
            Some(Kin::Foreign) => !self.is_sensor_of_another(pid),
            Some(Kin::Orphan) => {
                self.attach.scope == Scope::Task && pid != 1 && look::mount_namespace(pid) != self.here
            }
            Some(Kin::Own) | None => false,
        }
    }

    /// Keeper and engine of another container's sensor: they run this program and have a parent in the namespace.
    fn is_sensor_of_another(&self, pid: u32) -> bool {
        self.program.is_some()
            && look::program(pid) == self.program
            && look::parent(pid).is_some_and(|parent| parent != 0)
    }

    /// Whether the process has the app's filter from an ancestor that was given it.
    fn is_covered(&self, pid: u32) -> bool {
        if self.injected.is_empty() {
            return false;
        }
        let mut at = pid;
        for _ in 0..64 {
            match look::parent(at) {
                Some(parent) if self.injected.contains(&parent) => {
                    return Status::of(pid).is_some_and(|status| status.filters > self.filters);
                }
                Some(parent) if parent > 1 => at = parent,
                _ => return false,
            }
        }
        false
    }

    /// Whether what runs there is none of this sensor's business: another container, with a sensor of its own.
    fn is_elsewhere(&self, pid: u32) -> bool {
        self.attach.scope == Scope::Container
            && self.family.is_shared()
            && look::mount_namespace(pid) != self.here
    }

    /// Takes hold of all threads of a process.
    fn hold(&mut self, pid: u32, tries: u32) {
        match ptrace::seize_life(pid) {
            Ok(()) => self.note_thread(pid),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return,
            Err(_) => return self.refused(pid, tries),
        }
        self.waiting.remove(&pid);
        for _ in 0..ROUNDS {
            let new: Vec<u32> =
                look::threads(pid).into_iter().filter(|tid| !self.threads.contains_key(tid)).collect();
            if new.is_empty() {
                break;
            }
            for tid in new {
                // It may have ended, or be a tracee already, as the child of one.
                if ptrace::seize_life(tid).is_ok() {
                    self.note_thread(tid);
                }
            }
        }
        self.show(pid);
    }

    fn note_thread(&mut self, tid: u32) {
        let thread = Thread { since: Instant::now(), want: Want::Run, settled: false, injections: 0 };
        self.threads.entry(tid).or_insert(thread);
    }

    /// It cannot be held now: a container runtime's process on its way into the container may not be, and may later.
    fn refused(&mut self, pid: u32, tries: u32) {
        if tries == TRIES && !self.is_elsewhere(pid) {
            self.show(pid);
            self.tell(pid, Hold::Seen, Some(Refused::Ptrace));
        }
        if self.waiting.len() < MAX_WAITING || self.waiting.contains_key(&pid) {
            let pause = Duration::from_millis(20 << tries.min(6)).min(LONGEST_RETRY);
            self.waiting.insert(pid, Retry { at: Instant::now() + pause, tries: tries.saturating_add(1) });
        }
    }

    fn try_again(&mut self) {
        let now = Instant::now();
        let due: Vec<(u32, u32)> = self
            .waiting
            .iter()
            .filter(|(_, retry)| retry.at <= now)
            .map(|(pid, retry)| (*pid, retry.tries))
            .collect();
        for (pid, tries) in due {
            self.waiting.remove(&pid);
            self.hold(pid, tries);
        }
    }

    /// Records the program of a process that began after this one did: its execution was not seen.
    fn show(&self, pid: u32) {
        if look::start(pid).is_some_and(|start| start >= self.began) && look::is_at_home(pid) {
            self.record(pid);
        }
    }

    fn record(&self, pid: u32) {
        if let Some(record) = write::execution(pid, self.link.wants_environment()) {
            // An error is the end of the link, which is seen next.
            let _ = self.link.add_record(&record);
        }
    }

    fn tell(&self, pid: u32, hold: Hold, refused: Option<Refused>) {
        let _ = self.link.add_record(&Notice { pid, hold, refused }.record(now()));
    }

    /// Handles what happened to tracees.
    pub(super) fn handle_changes(&mut self) {
        while let Some((tid, change)) = process::next_change() {
            match change {
                Change::Exited(_) | Change::Signaled(_) => {
                    self.threads.remove(&tid);
                }
                Change::Stopped(signal, event) => self.stopped(tid, signal, event),
            }
        }
    }

    fn stopped(&mut self, tid: u32, signal: i32, event: i32) {
        self.note_thread(tid);
        let want = self.threads.get(&tid).map_or(Want::Run, |thread| thread.want);
        // A failing request means that the thread was killed meanwhile: its end is reported next.
        let _ = match event {
            ptrace::EVENT_EXEC => self.executed(tid),
            ptrace::EVENT_STOP if is_stop(signal) => ptrace::listen(tid),
            ptrace::EVENT_STOP if want == Want::Release => self.let_go(tid),
            ptrace::EVENT_STOP if want == Want::Inject => self.inject(tid),
            ptrace::EVENT_STOP => ptrace::proceed(tid, 0),
            0 if signal != ptrace::CALL_STOP => ptrace::proceed(tid, signal),
            _ => ptrace::proceed(tid, 0),
        };
    }

    fn executed(&mut self, tid: u32) -> std::io::Result<()> {
        if self.is_elsewhere(tid) {
            return self.let_go(tid);
        }
        self.record(tid);
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.since = Instant::now();
            thread.settled = false;
        }
        ptrace::proceed(tid, 0)
    }

    /// Lets a stopped thread go as if it had never been stopped.
    fn let_go(&mut self, tid: u32) -> std::io::Result<()> {
        self.threads.remove(&tid);
        #[cfg(target_arch = "x86_64")]
        super::inject::undo_interruption(tid);
        ptrace::detach(tid, 0)
    }

    /// Decides about the processes that have lived for a while.
    fn settle_all(&mut self) {
        let old: Vec<u32> = self
            .threads
            .iter()
            .filter(|(_, thread)| !thread.settled && thread.since.elapsed() >= SETTLED)
            .map(|(tid, _)| *tid)
            .collect();
        for tid in old {
            self.settle(tid);
        }
    }

    fn settle(&mut self, tid: u32) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        thread.settled = true;
        let Some(status) = Status::of(tid) else {
            // Another thread executed a program, and this one is gone without a word.
            self.threads.remove(&tid);
            return;
        };
        if status.process != tid {
            return;
        }
        if self.is_elsewhere(tid) {
            return self.release(tid);
        }
        match self.attach.mode {
            AttachMode::Inject => self.begin_injection(tid, &status),
            AttachMode::Lifecycle if status.parent == 0 => self.tell(tid, Hold::Lifecycle, None),
            _ => {}
        }
    }

    fn begin_injection(&mut self, pid: u32, status: &Status) {
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

    fn interrupt(&mut self, tid: u32, want: Want) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.want = want;
            // An error means that it is gone.
            let _ = ptrace::interrupt(tid);
        }
    }

    /// Ends the tracing of a process.
    fn release(&mut self, pid: u32) {
        for tid in look::threads(pid) {
            self.interrupt(tid, Want::Release);
        }
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
    fn inject(&mut self, pid: u32) -> std::io::Result<()> {
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
        use super::inject::{Filter, Takes, install};
        struct Hand<'a>(&'a AttacherLink, Option<OwnedFd>);
        impl Takes for Hand<'_> {
            fn take(&mut self, listener: OwnedFd) {
                if let Err(NotServed(listener)) = self.0.add_listener(listener) {
                    self.1 = Some(listener);
                }
                self.0.injecting(0);
            }
        }
        let status = Status::of(pid).ok_or(Refused::Gone)?;
        let program = self.link.filter();
        let filter = Filter { program: &program, wait_killable: self.link.wait_killable() };
        let mut hand = Hand(self.link, None);
        self.link.injecting(pid);
        let result = install(pid, pid, status.needs_no_new_privs(), filter, &mut hand);
        self.link.injecting(0);
        self.unserved = hand.1;
        result
    }

    /// Takes the listener that a predecessor, which died, left in the process it gave a filter.
    pub(super) fn adopt(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if let Some(listener) = super::inject::stranded_listener(self.link.was_injecting()) {
            match self.link.add_listener(listener) {
                Ok(()) => self.injected.push(self.link.was_injecting()),
                Err(NotServed(listener)) => self.unserved = Some(listener),
            }
        }
        self.link.injecting(0);
    }
}

fn is_stop(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}
