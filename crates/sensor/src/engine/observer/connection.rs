//! What the kernel's tables say of the socket a call is about.

use std::{collections::VecDeque, net::SocketAddr};

use fargard_model::{Difference, Event, EventType, Outcome, Part};

use super::Observer;
use crate::engine::{
    decode::connection_name,
    sockets::{self, Asked, Socket, Target},
    suspects,
};

const O_NONBLOCK: u64 = 0o4_000;

/// What the kernel's tables say of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its state.
    State(u8),
    /// It is in no table, but may be soon.
    NotYet,
    /// Nothing, and that will not change.
    Nothing,
}

impl Observer {
    pub(super) fn confirm_socket(&mut self, event: &mut Event) -> bool {
        let state = match self.socket_of(event) {
            Look::State(state) => state,
            look => return look == Look::NotYet,
        };
        event.outcome = match (event.kind, state) {
            (EventType::Connect, Socket::ESTABLISHED) | (EventType::Listen, Socket::LISTEN) => {
                Outcome::Confirmed(0)
            }
            // A caller that waits for the answer gets another result than one that does not.
            (EventType::Connect, Socket::SYN_SENT) if !self.blocks(event) => in_progress(),
            _ => Outcome::Attempt,
        };
        event.outcome == Outcome::Attempt
    }

    /// The event's socket is one whose calls wait.
    pub(super) fn blocks(&self, event: &Event) -> bool {
        let number = event.fd.as_ref().map_or(-1, |fd| fd.num);
        let flags = self.table.procfs().descriptor_flags(event.process.pid, number);
        flags.is_some_and(|flags| flags & O_NONBLOCK == 0)
    }

    pub(super) fn name_socket(&mut self, event: &mut Event) -> bool {
        self.socket_of(event) == Look::NotYet
    }

    /// A connection of which the kernel's tables did not show the other end that was asked for.
    pub(crate) fn is_doubted_connection(&self, event: &Event) -> bool {
        !event.evidence.confirmed.contains(Part::Address)
            && event.fd.as_ref().is_some_and(|fd| fd.remote.is_some() && fd.num >= 0)
            && !matches!(event.outcome, Outcome::Confirmed(result) if result < 0 && event.outcome != in_progress())
    }

    /// Looks where a connection in doubt leads. `earlier` are addresses that calls asked for before: a call that
    /// fails leaves its socket connected to where it was.
    pub(crate) fn look_at_connection(&self, event: &Event, earlier: &VecDeque<SocketAddr>) -> suspects::Look {
        let procfs = self.table.procfs();
        let pid = event.process.pid;
        let Some((fd, asked)) = event.fd.as_ref().and_then(|fd| Some((fd, fd.remote?))) else {
            return suspects::Look::Nothing;
        };
        let start = self.table.start_of(pid);
        if !procfs.is_alive(pid, start) {
            return suspects::Look::Nothing;
        }
        // The thread has not had a CPU since: the socket is as it was before the call.
        if procfs.stat(event.tid).is_some_and(|stat| matches!(stat.state, 'R' | 'D')) {
            return suspects::Look::NotYet;
        }
        let Some(Target::Socket(socket)) = sockets::lookup(procfs, pid, fd.num) else {
            return suspects::Look::Nothing;
        };
        let Some(remote) = socket.remote else { return suspects::Look::Nothing };
        let is_here = asked.ip().is_unspecified() && asked.port() == remote.port();
        let accepted = socket.local.is_some_and(|local| sockets::listens(procfs, pid, local.port()));
        if remote == asked || is_here || accepted || earlier.contains(&remote) {
            return suspects::Look::Nothing;
        }
        let mut event = event.clone();
        if let Some(fd) = &mut event.fd {
            (fd.remote, fd.local) = (Some(remote), socket.local);
            apply_socket(fd, &socket);
        }
        event.evidence.confirmed.insert(Part::Address);
        event.evidence.differences =
            vec![Difference { part: Part::Address, asked: asked.to_string(), confirmed: remote.to_string() }];
        suspects::Look::Other(Box::new(event), true)
    }

    /// Fills in what the kernel's tables say of the event's socket.
    pub(super) fn socket_of(&self, event: &mut Event) -> Look {
        let Some(fd) = event.fd.as_mut() else { return Look::Nothing };
        let asked = Asked { entered: event.time, remote: fd.remote };
        match sockets::lookup_asked(self.table.procfs(), event.process.pid, fd.num, asked) {
            // The number is another socket's by now.
            Some(Target::Socket(socket))
                if event.kind == EventType::Connect && leads_elsewhere(fd, &socket) =>
            {
                Look::Nothing
            }
            Some(Target::Socket(socket)) => {
                let (asked, shown) = match event.kind {
                    EventType::Bind => (fd.local, socket.local),
                    _ => (fd.remote, socket.remote),
                };
                if asked.is_some() && asked == shown {
                    event.evidence.confirmed.insert(Part::Address);
                }
                apply_socket(fd, &socket);
                if event.kind == EventType::Listen || event.kind == EventType::Bind {
                    fd.client = None;
                }
                Look::State(socket.state)
            }
            // A socket enters the tables with its first address: a moment after the call was entered.
            Some(Target::OtherSocket) if matches!(fd.typechar, Some('4' | '6')) => Look::NotYet,
            _ => Look::Nothing,
        }
    }
}

/// A connection that is being made and not waited for.
pub(super) fn in_progress() -> Outcome {
    Outcome::Confirmed(-i64::from(libc::EINPROGRESS))
}

/// The socket is connected to another end than the call asks for; `0.0.0.0` is this machine.
fn leads_elsewhere(fd: &fargard_model::Fd, socket: &Socket) -> bool {
    match (fd.remote, socket.remote) {
        (Some(asked), Some(found)) => asked != found && !asked.ip().is_unspecified(),
        _ => false,
    }
}

fn apply_socket(fd: &mut fargard_model::Fd, socket: &Socket) {
    fd.l4proto = Some(socket.protocol.to_owned());
    fd.local = socket.local.or(fd.local);
    fd.remote = fd.remote.or(socket.remote);
    let end = fd.remote.or(fd.local);
    fd.typechar = end.map(|end| if end.is_ipv4() { '4' } else { '6' }).or(fd.typechar);
    match (fd.local, fd.remote) {
        (local, Some(remote)) => fd.name = connection_name(local, remote),
        (Some(local), None) => fd.name = local.to_string(),
        (None, None) => {}
    }
}

pub(super) fn apply_target(fd: &mut fargard_model::Fd, target: Target) {
    match target {
        Target::Socket(socket) => {
            apply_socket(fd, &socket);
            fd.client = fd.remote.is_some().then_some(true);
        }
        Target::OtherSocket => fd.typechar = Some('u'),
        Target::Link(link) if link.starts_with("pipe:") => fd.typechar = Some('p'),
        Target::Link(link) if link.starts_with('/') => {
            fd.typechar = Some('f');
            fd.name = link;
        }
        Target::Link(_) => fd.typechar = Some('o'),
    }
}
