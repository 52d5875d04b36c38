//! Holding foreign processes: every thread of theirs is a tracee whose program executions are reported.

mod choice;
mod injection;

use std::{
    collections::HashMap,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use super::{
    super::{AttacherLink, notify::now},
    Attach, AttachMode, Hold, Notice, Refused,
    kin::Family,
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
            injected: injection::by_predecessors(link),
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
            self.link.forget_injected(pid);
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
}

fn is_stop(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}
