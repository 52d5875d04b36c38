//! What became of a call: the looks at `/proc` and at the file system after it.

use fargard_model::{Event, EventType, Outcome, Part, event::ArgValue};
use fargard_rules::Unknown;

use super::{
    Observer,
    connection::{Look, apply_target, in_progress},
};
use crate::engine::{
    confirm::{self, FileCall},
    sockets::{self, Socket},
};

impl Observer {
    /// Looks at what became of the call. Returns whether looking again a little later could tell more.
    pub(crate) fn confirm(&mut self, event: &mut Event) -> bool {
        // Nobody is known to have made it: there is nobody to look at.
        if event.outcome != Outcome::Attempt || event.process.pid == 0 {
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
        if matches!(event.outcome, Outcome::Confirmed(result) if result >= 0) {
            event.evidence.confirmed.insert(Part::Path);
            if event.kind.is_open() {
                event.evidence.confirmed.insert(Part::Descriptor);
            }
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
            event.evidence.confirmed.insert(Part::Descriptor);
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
