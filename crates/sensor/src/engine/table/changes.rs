//! What changes of a process while it runs: its user, group and capabilities, its session.

use std::sync::Arc;

use fargard_model::Process;

use super::Table;
use crate::engine::{
    containers::Place,
    procfs::{Stat, Status},
};

impl Table {
    pub(super) fn apply_status(&mut self, process: &mut Process, status: &Status, place: Option<Place>) {
        process.vpid = status.vpid.max(1);
        process.cap_effective = status.cap_effective;
        process.cap_permitted = status.cap_permitted;
        process.cap_inheritable = Some(status.cap_inheritable);
        process.vpgid = status.vpgid;
        if process.user.is_empty() || process.uid != status.uid || process.gid != status.gid {
            let other = place.and_then(|place| self.containers.accounts(place));
            let accounts = other.unwrap_or(&mut self.accounts);
            process.user = accounts.user(status.uid);
            process.group = accounts.group(status.gid);
            (process.home, process.shell) = accounts.home_and_shell(status.uid);
        }
        process.uid = status.uid;
        process.euid = status.euid;
        process.gid = status.gid;
    }

    /// User, group and capabilities as they are now, for a process that lives.
    pub(crate) fn refresh_credentials(&mut self, process: &Arc<Process>) -> Arc<Process> {
        let start = self.processes.get(&process.pid).map_or(0, |entry| entry.start);
        let Some(status) = self.procfs.status(process.pid) else { return Arc::clone(process) };
        if !self.procfs.is_alive(process.pid, start) {
            return Arc::clone(process);
        }
        self.with_credentials(process, &status)
    }

    /// The process with the user, group and capabilities it has by now.
    pub(crate) fn with_credentials(&mut self, process: &Arc<Process>, status: &Status) -> Arc<Process> {
        let mut after = (**process).clone();
        let place = self.processes.get(&process.pid).and_then(|entry| entry.place);
        self.apply_status(&mut after, status, place);
        if after == **process { Arc::clone(process) } else { self.replace(after) }
    }

    /// A process may have moved to another session, group or terminal since it was learned.
    pub(super) fn in_session(&mut self, process: Arc<Process>, stat: &Stat) -> Arc<Process> {
        if (process.pgid, process.sid, process.tty) == (stat.pgid, stat.sid, stat.tty) {
            return process;
        }
        let mut after = (*process).clone();
        (after.pgid, after.sid, after.tty) = (stat.pgid, stat.sid, stat.tty);
        after.sname = self.session_name(&after);
        self.replace(after)
    }

    pub(super) fn session_name(&self, process: &Process) -> String {
        if process.sid == process.pid || process.sid == 0 {
            return process.name.clone();
        }
        match self.processes.get(&process.sid) {
            Some(entry) => entry.process.name.clone(),
            None => self.procfs.stat(process.sid).map(|stat| stat.comm).unwrap_or_default(),
        }
    }
}
