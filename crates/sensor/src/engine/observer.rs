//! From a decoded call to an event: who made it, on which files, with what result.

use std::{path::Path, sync::Arc};

use fargard_model::{
    Arg, Container, Event, EventType, Outcome, Process, Source, Task, Timestamp, event::ArgValue,
};

use fargard_rules::Unknown;

use super::{
    confirm::{self, FileCall},
    decode::{Decoded, connection_name},
    flags,
    origin::Origins,
    paths,
    procfs::InRoot,
    sockets::{self, Socket, Target},
    table::{Execution, Table, is_memfd},
};

const O_NONBLOCK: u64 = 0o4_000;

/// What the kernel's tables say of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Its state.
    State(u8),
    /// It is in no table, but may be soon.
    NotYet,
    /// Nothing, and that will not change.
    Nothing,
}

/// Keeps what is known of processes and files, and makes events.
#[derive(Debug)]
pub(crate) struct Observer {
    table: Table,
    origins: Origins,
    task: Arc<Task>,
    container: Arc<Container>,
}

impl Observer {
    /// An observer of the container's processes.
    pub(crate) fn new(table: Table, origins: Origins, task: Task, container: Container) -> Self {
        let mut observer =
            Self { table, origins, task: Arc::new(Task::default()), container: Arc::default() };
        observer.set_identity(task, container);
        observer
    }

    /// Later events happen in this task and container.
    pub(crate) fn set_identity(&mut self, task: Task, container: Container) {
        self.table.set_container(&container.id);
        self.task = Arc::new(task);
        self.container = Arc::new(container);
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
            task: Arc::clone(&self.task),
            container: Arc::clone(&self.container),
        };
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

    fn execute(&mut self, event: &mut Event, decoded: Decoded) {
        // A relative program is looked up from the directory the process is in.
        let relative = decoded.unresolved.first().filter(|path| !path.raw.starts_with('/'));
        let directory =
            relative.and_then(|path| path.base.clone()).filter(|_| event.kind == EventType::Execve);
        let given = event.paths.first().map(|(_, path)| path.clone()).unwrap_or_default();
        let link = decoded.unresolved.first().and_then(|path| path.base.as_deref());
        let (path, file, memfd) = self.program(&event.process, &given, link);
        let written = self.origins.was_written(&given);
        if event.outcome == Outcome::Attempt
            && !memfd
            && let Some(errno) = confirm::exec_failure(&event.process, &file, written)
        {
            event.outcome = Outcome::Confirmed(errno);
        }
        if matches!(event.outcome, Outcome::Confirmed(result) if result < 0) {
            return;
        }
        let execution = Execution {
            argv: decoded.argv.unwrap_or_default(),
            env: decoded.env,
            interpreter: confirm::interpreter_of(&file),
            upper_layer: if memfd { Some(false) } else { self.origins.is_new(&given, &path, &file) },
            memfd,
            writable: memfd || confirm::is_writable(&event.process, &file),
            path,
        };
        let mut after = self.table.executed(&event.process, &execution);
        if !given.starts_with("/proc/") && !memfd {
            after.name = paths::file_name(&given).to_owned();
            paths::cut(&mut after.name, 15);
        }
        if let Some(directory) = directory {
            after.cwd = directory;
        }
        event.process = self.table.replace(after);
        add_exec_args(event);
    }

    /// The program's real path as the kernel would name it, where it is found, and whether it is memory only. `link`
    /// is what a path that names a descriptor led to when the call was made.
    fn program(&self, process: &Process, given: &str, link: Option<&str>) -> (String, InRoot, bool) {
        let procfs = self.table.procfs();
        if is_memfd(given) {
            return (without_deleted(given).to_owned(), InRoot::own(given), true);
        }
        let number = ["/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"]
            .iter()
            .find_map(|prefix| given.strip_prefix(prefix))
            .map(str::to_owned)
            .or_else(|| given.strip_prefix(&format!("/proc/{}/fd/", process.pid)).map(str::to_owned));
        if let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) {
            let link = link.map(str::to_owned).or_else(|| procfs.link(process.pid, &format!("fd/{number}")));
            // After the execution the descriptor may be closed, but then the program is what runs.
            let link = link.or_else(|| procfs.link(process.pid, "exe")).unwrap_or_default();
            if is_memfd(&link) {
                return (without_deleted(&link).to_owned(), InRoot::own(&link), true);
            }
            let path = without_deleted(&link).to_owned();
            let file = procfs.in_root(process.pid, &path);
            return (path, file, false);
        }
        let file = procfs.in_root(process.pid, given);
        let real = std::fs::canonicalize(given).ok().and_then(|path| path.to_str().map(str::to_owned));
        (real.unwrap_or_else(|| given.to_owned()), file, false)
    }

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

    fn confirm_file(&mut self, event: &mut Event) -> bool {
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

    /// Remembers what the call wrote, unless it is known to have failed. Where that was not looked for and matters,
    /// it is now: once for each path.
    pub(crate) fn remember(&mut self, event: &mut Event) {
        let Some(path) = written_path(event) else { return };
        if self.origins.was_written(path) {
            return;
        }
        if event.outcome == Outcome::Attempt && !surely_writes(event) {
            self.confirm_file(event);
        }
        if !matches!(event.outcome, Outcome::Confirmed(result) if result < 0)
            && let Some(path) = written_path(event)
        {
            self.origins.written(path);
        }
    }

    fn confirm_socket(&mut self, event: &mut Event) -> bool {
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

    /// The looks are over: a connection that is still being made is one in progress.
    pub(crate) fn give_up(&mut self, event: &mut Event) {
        if event.kind == EventType::Connect && self.socket_of(event) == Look::State(Socket::SYN_SENT) {
            event.outcome = in_progress();
        }
    }

    /// The event's socket is one whose calls wait.
    fn blocks(&self, event: &Event) -> bool {
        let number = event.fd.as_ref().map_or(-1, |fd| fd.num);
        let flags = self.table.procfs().descriptor_flags(event.process.pid, number);
        flags.is_some_and(|flags| flags & O_NONBLOCK == 0)
    }

    fn name_socket(&mut self, event: &mut Event) -> bool {
        self.socket_of(event) == Look::NotYet
    }

    /// Fills in what the kernel's tables say of the event's socket.
    fn socket_of(&self, event: &mut Event) -> Look {
        let Some(fd) = event.fd.as_mut() else { return Look::Nothing };
        match sockets::lookup(self.table.procfs(), event.process.pid, fd.num) {
            Some(Target::Socket(socket)) => {
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

/// A connection that is being made and not waited for.
fn in_progress() -> Outcome {
    Outcome::Confirmed(-i64::from(libc::EINPROGRESS))
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

fn apply_target(fd: &mut fargard_model::Fd, target: Target) {
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

/// An open for writing that no rights and no earlier file of that name refuse.
fn surely_writes(event: &Event) -> bool {
    const O_EXCL: u64 = 0o200;
    event.kind.is_open()
        && event.flag_bits().is_none_or(|bits| bits & O_EXCL == 0)
        && confirm::ignores_modes(&event.process)
}

/// The path a call creates or writes, if it does.
pub(crate) fn written_path(event: &Event) -> Option<&str> {
    let path = match event.kind {
        EventType::Rename
        | EventType::Renameat
        | EventType::Renameat2
        | EventType::Link
        | EventType::Linkat => event.path("newpath"),
        EventType::Symlink | EventType::Symlinkat => event.path("linkpath"),
        kind if kind.is_open() && writes(event) => event.paths.first().map(|(_, path)| path.as_str()),
        _ => None,
    };
    path.filter(|path| !path.is_empty())
}

fn writes(event: &Event) -> bool {
    const O_CREAT_OR_TRUNC: u64 = 0o1_100;
    event.is_open_write() || event.flag_bits().is_some_and(|bits| bits & O_CREAT_OR_TRUNC != 0)
}

fn add_exec_args(event: &mut Event) {
    let process = &event.process;
    let bits = u64::from(process.exe_writable)
        | u64::from(process.exe_upper_layer == Some(true)) << 1
        | u64::from(process.exe_from_memfd) << 2
        | u64::from(process.exe_upper_layer == Some(false) && !process.exe_from_memfd) << 3;
    let added = [
        ("exe", ArgValue::Text(process.exe.clone())),
        ("args", ArgValue::Text(process.args.join(" "))),
        ("comm", ArgValue::Text(process.name.clone())),
        ("flags", ArgValue::Flags(bits, flags::names(bits, &flags::EXEC).into())),
    ];
    event.args.extend(added.map(|(name, value)| Arg { name: name.into(), value }));
}

fn without_deleted(link: &str) -> &str {
    link.strip_suffix(" (deleted)").unwrap_or(link)
}
