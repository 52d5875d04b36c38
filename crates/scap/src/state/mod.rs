//! What is known of threads, descriptors, users and containers at each moment of a capture: first from its lists,
//! then from its events.

mod accounts;
mod budget;
mod files;
mod threads;

use fargard_model::Process;

pub(crate) use self::{
    accounts::{Accounts, container_id},
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

    /// Fills in the names of a process's user and group.
    pub(crate) fn name_owner(&self, process: &mut Process) {
        let (user, group) = (self.accounts.user(process.euid), self.accounts.group(process.gid));
        if process.user != user {
            user.clone_into(&mut process.user);
        }
        if process.group != group {
            group.clone_into(&mut process.group);
        }
    }

    /// Name of a session's leader; empty when it is gone.
    pub(crate) fn session(&mut self, sid: u32) -> String {
        let leader = self.threads.find(i64::from(sid)).and_then(|id| self.threads.get(id));
        leader.map(|leader| leader.process().name.clone()).unwrap_or_default()
    }

    /// Where the thread's descriptors are.
    pub(crate) fn files_of(&self, thread: ThreadId) -> Option<TableId> {
        self.threads.get(thread).map(|thread| thread.files)
    }
}
