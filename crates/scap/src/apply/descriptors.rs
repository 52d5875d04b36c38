//! Descriptors: how they begin, what they refer to, how they end.

use fargard_model::{EventType, Fd};

use super::Change;
use crate::{
    address::{Address, Tuple},
    bytes::{signed, text},
    flags::{FCNTL_DUPFD, FCNTL_DUPFD_CLOEXEC, O_DIRECTORY, upper_layer},
    lists::directory,
    path,
    schema::Form,
    state::{Full, ThreadId},
};

/// `AT_FDCWD`.
pub(crate) const WORKING_DIRECTORY: i64 = -100;
const EINPROGRESS: i64 = 115;

impl Change<'_, '_> {
    /// The descriptor that an event's result is; one without number when the call failed.
    pub(super) fn create_descriptor(&mut self, thread: ThreadId) -> Result<Fd, Full> {
        let event = self.kind.event;
        if matches!(event, EventType::Pipe | EventType::Pipe2 | EventType::Socketpair) {
            return self.create_pair(thread);
        }
        let number = self.result().filter(|result| *result >= 0);
        let mut fd = if matches!(event, EventType::Dup | EventType::Dup2 | EventType::Dup3) {
            self.duplicate(thread, "oldfd")
        } else {
            self.opened(thread)
        };
        fd.num = number.unwrap_or(-1);
        if number.is_none() {
            fd.typechar = None;
        }
        if number.is_some() {
            self.store(thread, &fd)?;
        }
        Ok(fd)
    }

    fn store(&mut self, thread: ThreadId, fd: &Fd) -> Result<(), Full> {
        let Some(files) = self.state.files_of(thread) else { return Ok(()) };
        self.state.files.set(files, fd, &mut self.state.budget)
    }

    fn opened(&mut self, thread: ThreadId) -> Fd {
        let mut fd = Fd::default();
        match self.kind.event {
            EventType::Open
            | EventType::Openat
            | EventType::Openat2
            | EventType::Creat
            | EventType::OpenByHandleAt => {
                if let Some(position) = self
                    .kind
                    .params
                    .iter()
                    .position(|param| matches!(param.form, Form::Path | Form::Relative))
                {
                    fd.nameraw = text(self.raw.params.get(position)).into_owned();
                    fd.name = self.resolve(thread, position, &fd.nameraw);
                }
                let flags = self.uint("flags").unwrap_or(0);
                fd.typechar = Some(if flags & O_DIRECTORY != 0 { 'd' } else { 'f' });
                fd.upper_layer = upper_layer(flags);
                fd.dev = self.uint("dev").and_then(|dev| u32::try_from(dev).ok());
                fd.ino = self.uint("ino");
            }
            EventType::Socket => {
                fd.typechar = self.uint("domain").map(family_char);
                fd.l4proto = self.protocol();
            }
            EventType::Accept | EventType::Accept4 => {
                if let Some(tuple) = Tuple::read(self.bytes("tuple")) {
                    connect(&mut fd, &tuple, false);
                    fd.l4proto = fd.local.map(|_| "tcp".to_owned());
                }
            }
            EventType::MemfdCreate => {
                fd.typechar = Some('m');
                fd.name = text(self.bytes("name")).into_owned();
                fd.nameraw.clone_from(&fd.name);
            }
            event => fd.typechar = other_char(event),
        }
        fd
    }

    /// The path in that parameter against the directory it is relative to.
    pub(crate) fn resolve(&mut self, thread: ThreadId, position: usize, raw: &str) -> String {
        if raw.starts_with('/') {
            return path::resolve("/", raw);
        }
        let relative = self.kind.params.get(position).is_some_and(|param| param.form == Form::Relative);
        let from = if relative && position > 0 { signed(self.raw.params.get(position - 1)) } else { None };
        match from {
            None | Some(WORKING_DIRECTORY) => {
                let cwd = self.state.threads.get(thread).map_or("/", |thread| thread.process().cwd.as_str());
                path::resolve(if cwd.is_empty() { path::UNKNOWN } else { cwd }, raw)
            }
            Some(number) => {
                let files = self.state.files_of(thread);
                let base = files.and_then(|files| self.state.files.name(files, number));
                let known = base.filter(|name| name.starts_with('/'));
                path::resolve(known.unwrap_or(path::UNKNOWN), raw)
            }
        }
    }

    fn protocol(&self) -> Option<String> {
        const STREAM: u64 = 1;
        const DATAGRAM: u64 = 2;
        const RAW: u64 = 3;
        const ICMP: u64 = 1;
        // AF_INET and AF_INET6 alone.
        if !matches!(self.uint("domain"), Some(2 | 10)) {
            return None;
        }
        // The flags SOCK_CLOEXEC and SOCK_NONBLOCK are in the same number.
        let name = match self.uint("type")? & 0xf {
            STREAM => "tcp",
            DATAGRAM if self.uint("proto") == Some(ICMP) => "icmp",
            DATAGRAM => "udp",
            RAW => "raw",
            _ => return None,
        };
        Some(name.to_owned())
    }

    fn create_pair(&mut self, thread: ThreadId) -> Result<Fd, Full> {
        let typechar = Some(if self.kind.event == EventType::Socketpair { 'u' } else { 'p' });
        let mut last = Fd { num: -1, ..Fd::default() };
        if self.succeeded() {
            for name in ["fd2", "fd1"] {
                last = Fd { num: self.int(name).unwrap_or(-1), typechar, ..Fd::default() };
                self.store(thread, &last)?;
            }
        }
        Ok(last)
    }

    fn duplicate(&self, thread: ThreadId, from: &str) -> Fd {
        let number = self.int(from).unwrap_or(-1);
        let files = self.state.files_of(thread);
        files.and_then(|files| self.state.files.get(files, number)).unwrap_or_default()
    }

    /// The descriptor an event works on, as it is after the event.
    pub(super) fn use_descriptor(&mut self, thread: ThreadId, position: usize) -> Result<Fd, Full> {
        let number = signed(self.raw.params.get(position)).unwrap_or(-1);
        let files = self.state.files_of(thread);
        let unknown = || Fd { num: number, ..Fd::default() };
        if self.kind.event == EventType::Close
            && self.succeeded()
            && let Some(files) = files
        {
            let closed = self.state.files.close(files, number, &mut self.state.budget)?;
            return Ok(closed.unwrap_or_else(unknown));
        }
        let known = files.and_then(|files| self.state.files.get(files, number));
        match self.kind.event {
            EventType::Fchdir if self.succeeded() => {
                if let Some(path) = known.as_ref().map(|fd| directory(&fd.name)) {
                    self.state
                        .threads
                        .update(thread, &mut self.state.budget, |process| process.cwd = path)?;
                }
            }
            EventType::Fcntl => self.duplicate_by_fcntl(thread)?,
            EventType::Connect => return self.connect(thread, known.unwrap_or_else(unknown)),
            EventType::Bind if self.succeeded() => {
                return self.bind(thread, known.unwrap_or_else(unknown));
            }
            EventType::Sendto
            | EventType::Sendmsg
            | EventType::Sendmmsg
            | EventType::Recvfrom
            | EventType::Recvmsg
            | EventType::Recvmmsg => return self.exchange(thread, known.unwrap_or_else(unknown)),
            _ => {}
        }
        Ok(known.unwrap_or_else(unknown))
    }

    fn duplicate_by_fcntl(&mut self, thread: ThreadId) -> Result<(), Full> {
        let command = self.uint("cmd").and_then(|cmd| u32::try_from(cmd).ok());
        let Some(number) = self.result().filter(|number| *number >= 0) else { return Ok(()) };
        if !matches!(command, Some(FCNTL_DUPFD | FCNTL_DUPFD_CLOEXEC)) {
            return Ok(());
        }
        let fd = Fd { num: number, ..self.duplicate(thread, "fd") };
        self.store(thread, &fd)
    }

    fn connect(&mut self, thread: ThreadId, known: Fd) -> Result<Fd, Full> {
        let Some(tuple) = Tuple::read(self.bytes("tuple")) else { return Ok(known) };
        let mut fd = known;
        connect(&mut fd, &tuple, true);
        if self.result().is_some_and(|result| result >= 0 || result == -EINPROGRESS) {
            self.store(thread, &fd)?;
        }
        Ok(fd)
    }

    fn bind(&mut self, thread: ThreadId, known: Fd) -> Result<Fd, Full> {
        let Some(address) = Address::read(self.bytes("addr")) else { return Ok(known) };
        let mut fd = Fd { name: address.name(), ..known };
        if let Address::Ip(end) = address {
            fd.local = Some(end);
        }
        self.store(thread, &fd)?;
        Ok(fd)
    }

    /// A message to or from an address, on a socket that has no other end of its own.
    fn exchange(&mut self, thread: ThreadId, known: Fd) -> Result<Fd, Full> {
        let Some(tuple) = Tuple::read(self.bytes("tuple")) else { return Ok(known) };
        let receives =
            matches!(self.kind.event, EventType::Recvfrom | EventType::Recvmsg | EventType::Recvmmsg);
        if known.name == tuple.name() {
            return Ok(known);
        }
        let client = known.client.unwrap_or(!receives);
        let mut fd = known;
        connect(&mut fd, &tuple, client);
        self.store(thread, &fd)?;
        Ok(fd)
    }
}

/// The tuple's first address is who asked.
fn connect(fd: &mut Fd, tuple: &Tuple, client: bool) {
    fd.name = tuple.name();
    fd.client = Some(client);
    match tuple {
        Tuple::Ip(source, destination) => {
            let (source, destination) = (*source, *destination);
            fd.typechar = Some(if source.is_ipv4() { '4' } else { '6' });
            let (local, remote) = if client { (source, destination) } else { (destination, source) };
            (fd.local, fd.remote) = (Some(local), Some(remote));
        }
        Tuple::Unix(_) => {
            fd.typechar = Some('u');
            fd.client = None;
        }
    }
}

fn family_char(family: u64) -> char {
    match family {
        1 => 'u',
        2 => '4',
        10 => '6',
        16 => 'n',
        _ => 'o',
    }
}

fn other_char(event: EventType) -> Option<char> {
    Some(match event {
        EventType::Eventfd | EventType::Eventfd2 => 'e',
        EventType::Signalfd | EventType::Signalfd4 => 's',
        EventType::EpollCreate | EventType::EpollCreate1 => 'l',
        EventType::InotifyInit | EventType::InotifyInit1 => 'i',
        EventType::TimerfdCreate => 't',
        EventType::Bpf => 'b',
        EventType::Userfaultfd => 'u',
        EventType::IoUringSetup => 'r',
        EventType::PidfdOpen => 'P',
        _ => return None,
    })
}
