//! The last stopped calls on sockets: what a packet belongs to, when it can be told from them.

use std::{collections::VecDeque, net::SocketAddr};

use fargard_model::{Event, EventType};

/// Most calls that are remembered.
const MAX_CALLS: usize = 1024;
/// A packet follows its call within this time, nanoseconds.
const SOON: u64 = 5_000_000_000;

#[derive(Debug)]
struct Call {
    time: u64,
    pid: u32,
    kind: EventType,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
}

impl Call {
    /// Nothing is known of its local end that says otherwise. A socket that is not connected has no address of its own,
    /// only a port.
    fn may_be_from(&self, local: SocketAddr) -> bool {
        self.local.is_none_or(|end| end.ip().is_unspecified() && end.port() == local.port())
    }
}

/// The last calls on sockets, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct Calls(VecDeque<Call>);

impl Calls {
    /// Remembers a call, when it is one on a socket.
    pub(super) fn remember(&mut self, event: &Event) {
        let Some(fd) = &event.fd else { return };
        let matters = match event.kind {
            EventType::Connect | EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg => {
                fd.remote.is_some()
            }
            EventType::Listen => true,
            _ => false,
        };
        if !matters {
            return;
        }
        if self.0.len() >= MAX_CALLS {
            self.0.pop_front();
        }
        let (local, remote) = (fd.local, fd.remote);
        self.0.push_back(Call {
            time: event.time.0,
            pid: event.process.pid,
            kind: event.kind,
            local,
            remote,
        });
    }

    /// The process whose call a packet to there belongs to: with the same ends, or else the only one that called for
    /// that end shortly before. A call belongs to one local end.
    pub(super) fn maker(&mut self, local: SocketAddr, remote: SocketAddr, time: u64) -> Option<u32> {
        if let Some(call) =
            self.0.iter().rev().find(|call| (call.local, call.remote) == (Some(local), Some(remote)))
        {
            return Some(call.pid);
        }
        let fits = |call: &&mut Call| {
            call.remote == Some(remote) && call.may_be_from(local) && call.time.saturating_add(SOON) > time
        };
        let mut fitting = self.0.iter_mut().filter(fits);
        let call = fitting.next()?;
        if fitting.any(|other| other.pid != call.pid) {
            return None;
        }
        call.local = Some(local);
        Some(call.pid)
    }

    /// Whether a new connection is that of a call: with the same ends, or else one for that end shortly before, whoever
    /// made it. Each call is taken for one connection.
    pub(super) fn is_told(&mut self, local: SocketAddr, remote: SocketAddr, time: u64) -> bool {
        let connects = |call: &&mut Call| call.kind == EventType::Connect && call.remote == Some(remote);
        let mut open = None;
        for call in self.0.iter_mut().rev().filter(connects) {
            if call.local == Some(local) {
                return true;
            }
            if call.may_be_from(local) && call.time.saturating_add(SOON) > time {
                // The oldest: calls and packets come in the same order.
                open = Some(call);
            }
        }
        if let Some(call) = open {
            call.local = Some(local);
            return true;
        }
        false
    }

    /// Whether a process, where it is known, called `listen` for that end.
    pub(super) fn listens(&self, pid: Option<u32>, local: SocketAddr) -> bool {
        let listens = self.0.iter().filter(|call| call.kind == EventType::Listen);
        listens.into_iter().any(|call| match call.local {
            Some(end) => end == local,
            None => pid == Some(call.pid),
        })
    }

    /// Processes that made calls on sockets, the latest first.
    pub(super) fn makers(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = Vec::new();
        for call in self.0.iter().rev() {
            if pids.len() < 8 && !pids.contains(&call.pid) {
                pids.push(call.pid);
            }
        }
        pids
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fargard_model::{
        Container, Event, EventType, Evidence, Fd, Outcome, Process, Source, Task, Timestamp,
    };

    use super::{Calls, SOON};

    fn call(kind: EventType, pid: u32, local: Option<&str>, remote: Option<&str>) -> Event {
        let end = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Event {
            num: 1,
            time: Timestamp(100),
            source: Source::Syscall,
            kind,
            tid: pid,
            process: Arc::new(Process { pid, ..Process::default() }),
            args: Vec::new(),
            paths: Vec::new(),
            fd: Some(Fd { local: end(local), remote: end(remote), ..Fd::default() }),
            outcome: Outcome::Attempt,
            evidence: Evidence::default(),
            task: Arc::new(Task::default()),
            container: Arc::new(Container::default()),
        }
    }

    #[test]
    fn packets_belong_to_calls() {
        let mut calls = Calls::default();
        let (to, one, two) = ("10.0.0.2:53", "10.0.0.1:1".parse().unwrap(), "10.0.0.1:2".parse().unwrap());
        let remote = to.parse().unwrap();
        assert_eq!(calls.maker(one, remote, 101), None);
        calls.remember(&call(EventType::Connect, 7, None, Some(to)));
        assert_eq!(calls.maker(one, remote, 101 + SOON), None, "long ago");
        assert_eq!(calls.maker(one, remote, 101), Some(7));
        assert_eq!(calls.maker(two, remote, 101), None, "one call is one connection");
        assert_eq!(calls.maker(one, remote, 101 + SOON), Some(7), "sent again");
        calls.remember(&call(EventType::Sendto, 6, Some("0.0.0.0:3"), Some(to)));
        assert_eq!(calls.maker(two, remote, 101), None, "another port");
        assert_eq!(calls.maker("10.0.0.1:3".parse().unwrap(), remote, 101), Some(6));
        calls.remember(&call(EventType::Connect, 8, None, Some(to)));
        calls.remember(&call(EventType::Sendto, 9, None, Some(to)));
        assert_eq!(calls.maker(two, remote, 101), None, "either may have sent it");
        calls.remember(&call(EventType::Connect, 10, Some("10.0.0.1:2"), Some(to)));
        assert_eq!(calls.maker(two, remote, 101), Some(10));
        assert_eq!(calls.makers(), [10, 9, 8, 6, 7]);
    }

    #[test]
    fn listeners_are_known_by_their_end_or_their_process() {
        let mut calls = Calls::default();
        calls.remember(&call(EventType::Listen, 7, Some("0.0.0.0:80"), None));
        calls.remember(&call(EventType::Listen, 8, None, None));
        let end = |text: &str| text.parse().unwrap();
        assert!(calls.listens(None, end("0.0.0.0:80")) && calls.listens(Some(8), end("0.0.0.0:81")));
        assert!(!calls.listens(Some(7), end("0.0.0.0:81")) && !calls.listens(None, end("0.0.0.0:81")));
    }

    #[test]
    fn a_connection_is_told_when_any_call_for_its_end_is_not_yet_taken() {
        let mut calls = Calls::default();
        let to = "10.0.0.2:80";
        let remote = to.parse().unwrap();
        let local = |port: u16| std::net::SocketAddr::from(([10, 0, 0, 1], port));
        assert!(!calls.is_told(local(1), remote, 101));
        // Two workers connect to the same server: who of them made which connection does not matter.
        calls.remember(&call(EventType::Connect, 7, None, Some(to)));
        calls.remember(&call(EventType::Connect, 8, None, Some(to)));
        assert!(!calls.is_told(local(1), remote, 101 + SOON), "long ago");
        assert!(calls.is_told(local(1), remote, 101) && calls.is_told(local(2), remote, 101));
        assert!(!calls.is_told(local(3), remote, 101), "one call is one connection");
        assert!(calls.is_told(local(2), remote, 101 + SOON), "its first packet is sent again");
        calls.remember(&call(EventType::Connect, 7, Some("10.0.0.1:4"), Some(to)));
        assert!(!calls.is_told(local(3), remote, 101) && calls.is_told(local(4), remote, 101));
        calls.remember(&call(EventType::Sendto, 7, None, Some(to)));
        assert!(!calls.is_told(local(3), remote, 101), "that is no connection");
    }
}
