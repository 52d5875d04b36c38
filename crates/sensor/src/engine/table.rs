//! Who made a call: the process table.
//!
//! Nothing traps `fork` or `clone`. A process is learned at its first event: from the state of the thread that
//! the record carries, from its parent's entry (a child inherits nearly everything), and from `/proc` while it
//! lives. Executions are seen, so a process that is gone before the engine looks still has its name, arguments,
//! user and ancestors.

mod adopt;
pub(crate) mod bounds;
mod changes;

use std::{collections::HashMap, sync::Arc};

use fargard_model::{Container, Process, process::MAX_LINEAGE};

use super::{
    accounts::Accounts,
    containers::{Containers, Place},
    paths::{self, cut},
    procfs::{Procfs, Stat, Status},
    sessions, streams,
};

pub(crate) use adopt::Seen;

/// Longest short name, as the kernel keeps (`TASK_COMM_LEN` without its NUL).
const MAX_COMM: usize = 15;

/// Processes by id.
#[derive(Debug)]
pub(crate) struct Table {
    processes: HashMap<u32, Entry>,
    threads: HashMap<u32, Thread>,
    procfs: Procfs,
    accounts: Accounts,
    containers: Containers,
    container_id: String,
    wants_env: bool,
    clock: u64,
    /// Bytes of what was stored since they were last counted.
    added: usize,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    process: u32,
    start: u64,
}

#[derive(Debug)]
struct Entry {
    process: Arc<Process>,
    /// Start in ticks since boot; 0 when unknown.
    start: u64,
    used: u64,
    /// Another container than this one.
    place: Option<Place>,
}

/// An execution as the call's arguments say it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Execution {
    /// Absolute path of the program.
    pub(crate) path: String,
    /// argv as given; empty when it could not be read.
    pub(crate) argv: Vec<String>,
    /// Environment, when it was captured.
    pub(crate) env: Option<Vec<String>>,
    /// What `#!` in the file makes of it: interpreter and its argument.
    pub(crate) interpreter: Option<(String, Option<String>)>,
    /// The file did not come with the image.
    pub(crate) upper_layer: Option<bool>,
    /// The file is anonymous memory.
    pub(crate) memfd: bool,
    /// The process's user may write the file.
    pub(crate) writable: bool,
}

impl Table {
    /// An empty table over that `/proc`; `app` is the process that became the container's program.
    pub(crate) fn new(procfs: Procfs, accounts: Accounts, app: u32, wants_env: bool) -> Self {
        let containers = Containers::new(&procfs, app);
        Self {
            containers,
            processes: HashMap::new(),
            threads: HashMap::new(),
            procfs,
            accounts,
            container_id: String::new(),
            wants_env,
            clock: 0,
            added: 0,
        }
    }

    /// Where `/proc` is.
    pub(crate) fn procfs(&self) -> &Procfs {
        &self.procfs
    }

    /// The container all processes learned from now on run in.
    pub(crate) fn set_container(&mut self, id: &str) {
        id.clone_into(&mut self.container_id);
    }

    /// The task's containers as the metadata endpoint lists them.
    pub(crate) fn set_containers(&mut self, listed: Vec<Container>) {
        self.containers.set_listed(listed);
    }

    /// The container a process is in, where it is another one than this sensor's.
    pub(crate) fn other_container(&self, process: &Process) -> Option<Arc<Container>> {
        if process.container_id == self.container_id {
            return None;
        }
        self.containers.by_id(&process.container_id).cloned()
    }

    /// The process a thread belongs to, learned when it is not known yet. `stat` is the thread's state at its
    /// first event.
    pub(crate) fn process_of(&mut self, tid: u32, stat: Option<&Stat>) -> Arc<Process> {
        self.clock += 1;
        if let Some(pid) = self.known(tid, stat)
            && let Some(entry) = self.processes.get_mut(&pid)
        {
            entry.used = self.clock;
            let process = Arc::clone(&entry.process);
            return match stat.filter(|_| pid == tid) {
                Some(stat) => self.in_session(process, stat),
                None => process,
            };
        }
        let status = self.living_status(tid, stat);
        let pid = status.as_ref().map_or(tid, |status| status.tgid);
        let start = stat.map_or(0, |stat| stat.start);
        self.make_room();
        self.threads.insert(tid, Thread { process: pid, start });
        if pid == tid {
            let stat = stat.cloned().or_else(|| self.procfs.stat(pid));
            return self.learn(pid, stat.as_ref(), status.as_ref(), 0);
        }
        match self.processes.get(&pid) {
            Some(entry) => Arc::clone(&entry.process),
            None => {
                let of_process = self.procfs.stat(pid);
                self.learn(pid, of_process.as_ref().or(stat), status.as_ref(), 0)
            }
        }
    }

    fn known(&self, tid: u32, stat: Option<&Stat>) -> Option<u32> {
        let thread = self.threads.get(&tid)?;
        let reused = stat.is_some_and(|stat| stat.start != thread.start && thread.start != 0);
        (!reused).then_some(thread.process)
    }

    /// `/proc/TID/status`, unless the id belongs to somebody else by now.
    fn living_status(&self, tid: u32, stat: Option<&Stat>) -> Option<Status> {
        let status = self.procfs.status(tid)?;
        match stat {
            Some(stat) => self.procfs.is_alive(tid, stat.start).then_some(status),
            None => Some(status),
        }
    }

    /// Makes an entry for a process from what there is.
    fn learn(
        &mut self,
        pid: u32,
        stat: Option<&Stat>,
        status: Option<&Status>,
        depth: usize,
    ) -> Arc<Process> {
        let stat = stat.cloned().unwrap_or_default();
        let parent = self.parent(stat.ppid, depth);
        let inherited = parent.as_deref().filter(|_| self.processes.contains_key(&stat.ppid));
        let mut process = inherited.cloned().unwrap_or_default();
        process.pid = pid;
        process.vpid = status.map_or(pid, |status| status.vpid.max(1));
        process.ppid = stat.ppid;
        process.name.clone_from(&stat.comm);
        process.pgid = stat.pgid;
        process.sid = stat.sid;
        process.tty = stat.tty;
        process.started_at = if stat.start == 0 { 0 } else { self.procfs.time_of(stat.start) };
        let place = match inherited {
            Some(_) => self.processes.get(&stat.ppid).and_then(|entry| entry.place),
            None => self.containers.place(&self.procfs, pid),
        };
        let elsewhere = place.and_then(|place| self.containers.container(place));
        process.container_id.clone_from(elsewhere.map_or(&self.container_id, |container| &container.id));
        if let Some(status) = status {
            self.apply_status(&mut process, status, place);
            // A child of a known parent still runs its parent's program; what /proc shows may already be the
            // program it executes next.
            let forked =
                parent.as_deref().is_some_and(|parent| parent.name == stat.comm && !parent.exe.is_empty());
            self.read_image(&mut process, forked);
        }
        process.sname = self.session_name(&process);
        process.parent = parent.map(bounds::nearest);
        if stat.ppid == 0 && stat.start != 0 {
            let is_entry = self.containers.is_entry(pid, place);
            process.session = Some(sessions::of_root(&process, is_entry));
        }
        sessions::correct(&mut process);
        self.store(process, stat.start, place)
    }

    /// The parent's entry, made from `/proc` when there is none; the chain ends where the namespace does.
    fn parent(&mut self, ppid: u32, depth: usize) -> Option<Arc<Process>> {
        if ppid == 0 || depth >= MAX_LINEAGE {
            return None;
        }
        let known = self.processes.get(&ppid).map(|entry| (Arc::clone(&entry.process), entry.start));
        let stat = match (known, self.procfs.stat(ppid)) {
            // The id may be another process's by now.
            (Some((parent, start)), stat)
                if stat.as_ref().is_none_or(|stat| start == 0 || stat.start == start) =>
            {
                return Some(parent);
            }
            (_, stat) => stat?,
        };
        let status = self.procfs.status(ppid);
        Some(self.learn(ppid, Some(&stat), status.as_ref(), depth + 1))
    }

    /// Program, arguments and directory of a living process.
    fn read_image(&self, process: &mut Process, only_directory: bool) {
        if let Some(cwd) = self.procfs.link(process.pid, "cwd") {
            process.cwd = cwd;
        }
        if only_directory {
            return;
        }
        if let Some(exe) = self.procfs.link(process.pid, "exe") {
            process.exe_from_memfd = is_memfd(&exe);
            process.exepath = exe.strip_suffix(" (deleted)").unwrap_or(&exe).to_owned();
            process.exe_file = streams::exe_file(&self.procfs.link_path(process.pid, "exe"));
        }
        process.stdio = streams::of(&self.procfs, process.pid);
        if let Some(argv) = self.procfs.cmdline(process.pid) {
            set_arguments(process, argv);
        }
        if self.wants_env
            && let Some(env) = self.procfs.environ(process.pid)
        {
            process.env = env;
        }
    }

    fn store(&mut self, process: Process, start: u64, place: Option<Place>) -> Arc<Process> {
        self.added += bounds::weight(&process);
        let process = Arc::new(process);
        let entry = Entry { process: Arc::clone(&process), start, used: self.clock, place };
        self.processes.insert(process.pid, entry);
        process
    }

    /// The process as it is when an execution succeeds; not in the table until [`Table::replace`].
    pub(crate) fn executed(&mut self, process: &Process, execution: &Execution) -> Process {
        let mut after = process.clone();
        let name = paths::file_name(&execution.path);
        after.name = name.to_owned();
        cut(&mut after.name, MAX_COMM);
        after.exepath.clone_from(&execution.path);
        let mut argv = execution.argv.clone();
        if argv.is_empty() {
            argv.push(execution.path.clone());
        }
        if let Some((interpreter, option)) = &execution.interpreter {
            // The kernel puts the interpreter, its one argument and the script's path before the rest.
            after.exepath.clone_from(interpreter);
            let mut rewritten = vec![interpreter.clone()];
            rewritten.extend(option.clone());
            rewritten.push(execution.path.clone());
            rewritten.extend(argv.into_iter().skip(1));
            argv = rewritten;
        }
        set_arguments(&mut after, argv);
        if let Some(env) = &execution.env
            && self.wants_env
        {
            after.env.clone_from(env);
        }
        after.exe_upper_layer = execution.upper_layer;
        after.exe_from_memfd = execution.memfd;
        after.exe_writable = execution.writable;
        after.exe_file = match execution.memfd {
            true => None,
            false => streams::exe_file(&self.procfs.in_root(process.pid, &after.exepath)),
        };
        after.stdio = streams::of(&self.procfs, process.pid);
        after.sname = self.session_name(&after);
        sessions::correct(&mut after);
        after
    }

    /// The process's new state: every later event has it.
    pub(crate) fn replace(&mut self, process: Process) -> Arc<Process> {
        let before = self.processes.get(&process.pid);
        let (start, place) = before.map_or((0, None), |entry| (entry.start, entry.place));
        self.store(process, start, place)
    }

    /// The process's directory as it is now, or as last known.
    pub(crate) fn cwd(&self, process: &Process) -> String {
        self.procfs.link(process.pid, "cwd").unwrap_or_else(|| process.cwd.clone())
    }

    /// Whether an event of the process's first thread was handled.
    pub(crate) fn made_calls(&self, pid: u32) -> bool {
        self.threads.contains_key(&pid)
    }

    /// Where a process of another container is, and that container's program.
    pub(crate) fn elsewhere(&mut self, pid: u32) -> Option<(Place, u32)> {
        let place = match self.processes.get(&pid).map(|entry| entry.place) {
            Some(None) => return None,
            Some(Some(place)) if self.containers.entry(place).is_some() => place,
            _ => self.containers.place(&self.procfs, pid)?,
        };
        Some((place, self.containers.entry(place)?))
    }

    /// The other container at that place, whose program that is.
    pub(crate) fn container_at(&mut self, place: Place, entry: u32) -> Option<Arc<Container>> {
        // It is looked at anew when the task's containers have become known since.
        self.containers.place(&self.procfs, entry);
        self.containers.container(place).cloned()
    }

    /// Start of a process in ticks since boot; 0 when unknown.
    pub(crate) fn start_of(&self, pid: u32) -> u64 {
        self.processes.get(&pid).map_or(0, |entry| entry.start)
    }
}

/// The link of `/proc/PID/exe` names anonymous memory.
pub(crate) fn is_memfd(exe: &str) -> bool {
    exe.starts_with("/memfd:") || exe.starts_with("memfd:")
}

fn set_arguments(process: &mut Process, argv: Vec<String>) {
    let mut argv = argv.into_iter();
    process.exe = argv.next().unwrap_or_default();
    process.args = argv.collect();
}

#[cfg(test)]
mod tests;
