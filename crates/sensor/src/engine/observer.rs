//! From a decoded call to an event: who made it, on which files, with what result.

mod arguments;
mod connection;
mod execution;
mod look;
mod program;
mod written;

use std::sync::Arc;

use fargard_model::{Container, Event, Outcome, Source, Task, Timestamp};

pub(crate) use self::{look::missing, program::Asked, written::written_path};
use super::{
    containers::Place,
    decode::Decoded,
    origin::Origins,
    procfs::Procfs,
    table::{Seen, Table},
};

/// Keeps what is known of processes and files, and makes events.
#[derive(Debug)]
pub(crate) struct Observer {
    table: Table,
    origins: Origins,
    /// What the execution that is being handled asked for.
    asked: Option<Asked>,
    task: Arc<Task>,
    container: Arc<Container>,
}

impl Observer {
    /// An observer of the container's processes.
    pub(crate) fn new(table: Table, origins: Origins, task: Task, container: Container) -> Self {
        let mut observer =
            Self { table, origins, asked: None, task: Arc::new(Task::default()), container: Arc::default() };
        observer.set_identity(task, container);
        observer
    }

    /// Where `/proc` is.
    pub(crate) fn procfs(&self) -> &Procfs {
        self.table.procfs()
    }

    /// Start of a process in ticks since boot; 0 when unknown.
    pub(crate) fn start_of(&self, pid: u32) -> u64 {
        self.table.start_of(pid)
    }

    /// Whether calls of the process were stopped.
    pub(crate) fn watches(&self, pid: u32) -> bool {
        self.table.made_calls(pid)
    }

    /// Where a process of another container is, and that container's program.
    pub(crate) fn elsewhere(&mut self, pid: u32) -> Option<(Place, u32)> {
        self.table.elsewhere(pid)
    }

    /// The other container at that place, whose program that is.
    pub(crate) fn container_at(&mut self, place: Place, entry: u32) -> Option<Arc<Container>> {
        self.table.container_at(place, entry)
    }

    /// Later events happen in this task and container.
    pub(crate) fn set_identity(&mut self, task: Task, container: Container) {
        self.table.set_container(&container.id);
        self.task = Arc::new(task);
        self.container = Arc::new(container);
    }

    /// The task's containers as the metadata endpoint lists them.
    pub(crate) fn set_containers(&mut self, listed: Vec<Container>) {
        self.table.set_containers(listed);
    }

    /// Whether an event happened in the sensor's own container.
    pub(crate) fn is_own(&self, event: &Event) -> bool {
        Arc::ptr_eq(&event.container, &self.container)
    }

    /// Enters a process as a watcher saw it.
    pub(crate) fn adopt(&mut self, tid: u32, seen: &Seen) {
        self.table.adopt(tid, seen);
    }

    /// The event of a call, with what is known at once. Its outcome may still be open: see [`Observer::confirm`].
    pub(crate) fn observe(&mut self, mut decoded: Decoded) -> Event {
        let mut process = self.table.process_of(decoded.tid, decoded.stat.as_ref());
        if let Some(status) = &decoded.status {
            process = self.table.with_credentials(&process, status);
        }
        let needs_cwd =
            decoded.unresolved.iter().any(|path| !path.raw.starts_with('/') && path.base.is_none());
        let cwd = if needs_cwd { self.table.cwd(&process) } else { String::new() };
        let mut event = Event {
            num: decoded.num,
            time: Timestamp(decoded.time),
            source: Source::Syscall,
            kind: decoded.kind,
            tid: decoded.tid,
            process,
            args: std::mem::take(&mut decoded.args),
            paths: decoded.resolve(&cwd),
            fd: decoded.fd.take(),
            outcome: decoded.result.map_or(Outcome::Attempt, Outcome::Confirmed),
            evidence: fargard_model::Evidence::default(),
            task: Arc::clone(&self.task),
            container: Arc::clone(&self.container),
        };
        if let Some(other) = self.table.other_container(&event.process) {
            event.container = other;
        }
        if event.kind.is_exec() {
            self.execute(&mut event, decoded);
        }
        if event.kind.is_open()
            && let (Some(fd), Some((_, path))) = (&mut event.fd, event.paths.first())
        {
            fd.name.clone_from(path);
        }
        event
    }
}

fn without_deleted(link: &str) -> &str {
    link.strip_suffix(" (deleted)").unwrap_or(link)
}
