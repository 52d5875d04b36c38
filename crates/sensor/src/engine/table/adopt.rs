//! Processes that a watcher saw: they may be gone when the engine hears of them.

use std::sync::Arc;

use fargard_model::Process;

use super::{Table, Thread, is_memfd, set_arguments};
use crate::engine::procfs::{Procfs, Stat, Status};

/// A process as it was while one of its threads waited in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The process.
    pub(crate) pid: u32,
    /// The thread's start in ticks since boot.
    pub(crate) thread_start: u64,
    /// State of the process.
    pub(crate) stat: Stat,
    /// User and capabilities of the thread.
    pub(crate) status: Status,
    /// Link to its program.
    pub(crate) exe: Option<String>,
    /// argv.
    pub(crate) argv: Option<Vec<String>>,
    /// Its directory.
    pub(crate) cwd: Option<String>,
}

impl Seen {
    /// The process of a thread, as it is now.
    pub(crate) fn look(procfs: &Procfs, tid: u32) -> Option<Self> {
        let status = procfs.status(tid)?;
        let pid = status.tgid;
        let stat = procfs.stat(pid)?;
        let thread_start = if pid == tid { stat.start } else { procfs.stat(tid)?.start };
        let (exe, argv, cwd) = (procfs.link(pid, "exe"), procfs.cmdline(pid), procfs.link(pid, "cwd"));
        Some(Self { pid, thread_start, stat, status, exe, argv, cwd })
    }
}

impl Table {
    /// Enters a process as a watcher saw it, unless it is known to be what it was then.
    pub(crate) fn adopt(&mut self, tid: u32, seen: &Seen) {
        let known = self.processes.get(&seen.pid).filter(|entry| entry.start == seen.stat.start);
        let known = known.map(|entry| Arc::clone(&entry.process));
        let process = match known {
            Some(process) if process.name == seen.stat.comm => process,
            // It executed something since, and that was not seen.
            Some(process) => self.enter(&process, seen),
            None => {
                self.make_room();
                let learned = self.learn(seen.pid, Some(&seen.stat), Some(&seen.status), 0);
                self.enter(&learned, seen)
            }
        };
        self.threads.insert(tid, Thread { process: process.pid, start: seen.thread_start });
    }

    fn enter(&mut self, process: &Process, seen: &Seen) -> Arc<Process> {
        let mut after = process.clone();
        after.name.clone_from(&seen.stat.comm);
        if let Some(exe) = &seen.exe {
            after.exe_from_memfd = is_memfd(exe);
            exe.strip_suffix(" (deleted)").unwrap_or(exe).clone_into(&mut after.exepath);
        }
        if let Some(argv) = &seen.argv {
            set_arguments(&mut after, argv.clone());
        }
        if let Some(cwd) = &seen.cwd {
            after.cwd.clone_from(cwd);
        }
        let place = self.processes.get(&seen.pid).and_then(|entry| entry.place);
        self.apply_status(&mut after, &seen.status, place);
        self.store(after, seen.stat.start, place)
    }
}
