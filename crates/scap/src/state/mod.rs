//! What is known of threads, descriptors, users and containers at each moment of a capture: first from its lists,
//! then from its events.

mod accounts;
mod budget;
mod files;
mod threads;

use std::sync::Arc;

use fargard_model::{Container, Process, StdStream};

pub(crate) use self::{
    accounts::{Accounts, User, container_id},
    budget::{Budget, Full},
    files::{Files, TableId},
    threads::{NewThread, ThreadId, Threads},
};

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) threads: Threads,
    pub(crate) files: Files,
    pub(crate) accounts: Accounts,
    pub(crate) budget: Budget,
}

impl State {
    /// Adds a thread, in the place of one of the same id.
    pub(crate) fn add_thread(&mut self, new: NewThread) -> Result<ThreadId, Full> {
        let (id, replaced) = self.threads.insert(new, &mut self.budget)?;
        if let Some(files) = replaced {
            self.files.release(files, &mut self.budget);
        }
        Ok(id)
    }

    /// Takes a thread out; `reaper` gets its children.
    pub(crate) fn remove_thread(&mut self, tid: i64, reaper: Option<i64>) {
        if let Some(files) = self.threads.remove(tid, reaper, &mut self.budget) {
            self.files.release(files, &mut self.budget);
        }
    }

    /// Fills in what is known of a process's user and group.
    pub(crate) fn name_owner(&self, process: &mut Process) {
        match self.accounts.user(process.euid) {
            Some(user) => {
                process.user.clone_from(&user.name);
                process.home.clone_from(&user.home);
                process.shell.clone_from(&user.shell);
            }
            None => {
                [&mut process.user, &mut process.home, &mut process.shell]
                    .into_iter()
                    .for_each(String::clear);
            }
        }
        self.accounts.group(process.gid).clone_into(&mut process.group);
    }

    /// The container a thread runs in.
    pub(crate) fn container_of(&mut self, thread: ThreadId) -> Result<Arc<Container>, Full> {
        let now = self.accounts.containers_change();
        let Some(found) = self.threads.get_mut(thread) else { return Ok(Arc::default()) };
        if let Some((change, container)) = &found.container
            && *change == now
        {
            return Ok(Arc::clone(container));
        }
        let container = self.accounts.container(&found.process().container_id, &mut self.budget)?;
        found.container = Some((now, Arc::clone(&container)));
        Ok(container)
    }

    /// Name of a session's leader; empty when it is gone.
    pub(crate) fn session(&mut self, sid: u32) -> String {
        let leader = self.threads.find(i64::from(sid)).and_then(|id| self.threads.get(id));
        leader.map(|leader| leader.process().name.clone()).unwrap_or_default()
    }

    /// Standard input, output and error of a thread as they are now.
    pub(crate) fn stdio(&self, thread: ThreadId) -> Vec<StdStream> {
        let Some(files) = self.files_of(thread) else { return Vec::new() };
        let stream = |number| match self.files.get(files, number) {
            Some(fd) => StdStream { typechar: fd.typechar, name: fd.name },
            None => StdStream::default(),
        };
        (0..3).map(stream).collect()
    }

    /// Where the thread's descriptors are.
    pub(crate) fn files_of(&self, thread: ThreadId) -> Option<TableId> {
        self.threads.get(thread).map(|thread| thread.files)
    }
}
