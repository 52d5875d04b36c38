//! What became of a call: the looks at `/proc` and at the file system after it.

use std::path::Path;

use fargard_model::{Event, EventType, Outcome, Process, event::ArgValue};
use fargard_rules::Unknown;

use super::{
    Observer,
    connection::{Look, apply_target, in_progress},
    without_deleted,
};
use crate::engine::{
    confirm::{self, FileCall},
    sockets::{self, Socket},
    table::is_memfd,
};

impl Observer {
    /// Looks at what became of the call. Returns whether looking again a little later could tell more.
    pub(crate) fn confirm(&mut self, event: &mut Event) -> bool {
        if event.outcome != Outcome::Attempt {
            return false;
        }
        match event.kind {
            kind if kind.is_exec() => self.confirm_exec(event),
            EventType::Connect | EventType::Listen | EventType::Bind => self.confirm_socket(event),
            EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg => self.name_socket(event),
            EventType::Accept | EventType::Accept4 => self.name_socket(event),
            EventType::Dup2 | EventType::Dup3 => self.confirm_dup(event),
            EventType::Setuid
            | EventType::Setgid
            | EventType::Setreuid
            | EventType::Setregid
            | EventType::Setresuid
            | EventType::Setresgid => {
                event.process = self.table.refresh_credentials(&event.process);
                false
            }
            EventType::Fchmod | EventType::Fchown => self.name_descriptor(event),
            _ => self.confirm_file(event),
        }
    }

    /// Whether the thread may still be in the call: it waits for a CPU, a device or the other end of a connection.
    pub(crate) fn may_be_in_call(&self, event: &mut Event) -> bool {
        match self.table.procfs().stat(event.tid).map(|stat| stat.state) {
            Some('R' | 'D') => true,
            Some('S') if event.kind == EventType::Connect => {
                self.socket_of(event) == Look::State(Socket::SYN_SENT) && self.blocks(event)
            }
            _ => false,
        }
    }

    fn confirm_exec(&mut self, event: &mut Event) -> bool {
        let pid = event.process.pid;
        let procfs = self.table.procfs();
        let start = self.table.start_of(pid);
        let Some(stat) = procfs.stat(pid).filter(|stat| start == 0 || stat.start == start) else {
            return false;
        };
        let Some(exe) = procfs.link(pid, "exe") else { return false };
        let runs = without_deleted(&exe) == event.process.exepath
            || (event.process.exe_from_memfd && is_memfd(&exe))
            || std::fs::canonicalize(&event.process.exepath).is_ok_and(|path| path == Path::new(&exe));
        // Shell and command may be the same program, as in images with busybox: then the name tells them apart.
        let named = stat.comm == event.process.name
            || procfs.cmdline(pid).is_some_and(|argv| runs_as(&event.process, &argv));
        if !runs || !named {
            return true;
        }
        event.outcome = Outcome::Confirmed(0);
        let mut after = (*event.process).clone();
        without_deleted(&exe).clone_into(&mut after.exepath);
        after.name = stat.comm;
        if let Some(cwd) = self.table.procfs().link(pid, "cwd") {
            after.cwd = cwd;
        }
        if after != *event.process {
            event.process = self.table.replace(after);
        }
        event.process = self.table.refresh_credentials(&event.process);
        false
    }

    pub(super) fn confirm_file(&mut self, event: &mut Event) -> bool {
        let first = event.paths.first().map(|(_, path)| path.clone()).unwrap_or_default();
        let call = FileCall {
            kind: event.kind,
            time: event.time.0,
            flags: event.flag_bits().unwrap_or(0),
            mode: match event.arg("mode") {
                Some(ArgValue::Flags(bits, _)) => *bits,
                _ => 0,
            },
            paths: &event.paths,
            process: &event.process,
            seen_written: self.origins.was_written(&first),
        };
        event.outcome = confirm::file_outcome(&call, self.table.procfs());
        if let (Outcome::Confirmed(number), Some(fd)) = (event.outcome, &mut event.fd)
            && event.kind.is_open()
        {
            fd.num = number.max(-1);
        }
        false
    }

    /// The looks are over: a connection that is still being made is one in progress.
    pub(crate) fn give_up(&mut self, event: &mut Event) {
        if event.kind == EventType::Connect && self.socket_of(event) == Look::State(Socket::SYN_SENT) {
            event.outcome = in_progress();
        }
    }

    /// After `dup2(old, new)` the new number refers to what the old one did.
    fn confirm_dup(&mut self, event: &mut Event) -> bool {
        let number = |name: &str| match event.arg(name) {
            Some(ArgValue::Int(number)) => *number,
            _ => -1,
        };
        let (old, new) = (number("oldfd"), number("newfd"));
        let procfs = self.table.procfs();
        let pid = event.process.pid;
        let after = sockets::lookup(procfs, pid, new);
        let before = sockets::lookup(procfs, pid, old);
        let same = after.is_some() && after == before;
        let Some(target) = before.or(after) else { return false };
        let fd = event.fd.get_or_insert_default();
        fd.num = new;
        apply_target(fd, target);
        if same {
            event.outcome = Outcome::Confirmed(new);
        }
        !same
    }

    fn name_descriptor(&mut self, event: &mut Event) -> bool {
        let Some(fd) = event.fd.as_mut() else { return false };
        if let Some(target) = sockets::lookup(self.table.procfs(), event.process.pid, fd.num) {
            apply_target(fd, target);
        }
        false
    }
}

/// Whether these are the arguments the process was executed with, as far as its first two tell.
fn runs_as(process: &Process, argv: &[String]) -> bool {
    argv.first() == Some(&process.exe) && argv.get(1) == process.args.first()
}

/// What a look after the call may tell of it; `None` where the look also brings what is known of the process up to
/// date, so that it is always taken.
pub(crate) fn missing(kind: EventType) -> Option<Unknown> {
    match kind {
        EventType::Execve
        | EventType::Execveat
        | EventType::Setuid
        | EventType::Setgid
        | EventType::Setreuid
        | EventType::Setregid
        | EventType::Setresuid
        | EventType::Setresgid => None,
        EventType::Connect
        | EventType::Listen
        | EventType::Bind
        | EventType::Sendto
        | EventType::Sendmsg
        | EventType::Sendmmsg
        | EventType::Accept
        | EventType::Accept4
        | EventType::Dup2
        | EventType::Dup3
        | EventType::Fchmod
        | EventType::Fchown => Some(Unknown::Descriptor),
        _ => Some(Unknown::Result),
    }
}
