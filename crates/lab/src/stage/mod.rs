//! Becoming a container: runs in a process of its own, which turns into the container's first process.
//!
//! Order matters: namespaces, root file system, limits, bounding set, user, capabilities, working directory, and
//! then the program, by way of the sensor where one is wanted.

mod device;
mod filesystem;
mod privilege;
mod program;
pub(crate) mod spec;

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{WaitOptions, wait},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use spec::{Place, Process, Reply, Spec};

/// Most bytes of a [`Spec`].
const MAX_SPEC: usize = 8 << 20;
/// Exit code of a stage that failed; nobody but the lab sees it.
const FAILED: u8 = 125;

/// What was tried and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub(crate) struct StageError {
    what: String,
    source: io::Error,
}

/// Adds what was tried.
pub(crate) trait While<T> {
    fn during(self, what: &str) -> Result<T, StageError>;
}

impl<T, E: Into<io::Error>> While<T> for Result<T, E> {
    fn during(self, what: &str) -> Result<T, StageError> {
        self.map_err(|source| StageError { what: what.to_owned(), source: source.into() })
    }
}

/// Turns this process into a container's first process, as told on standard input. Call it first thing in a
/// process that has a single thread; it returns only if it failed.
#[must_use]
pub fn run() -> ExitCode {
    let Ok((spec, mut answer)) = receive() else { return ExitCode::from(FAILED) };
    let code = if matches!(spec.place, Place::Pause) { pause(&answer) } else { None };
    if let Some(code) = code {
        return code;
    }
    let Err(error) = become_container(&spec, &mut answer);
    let _ = send(&mut answer, &Reply::Failed(error.to_string()));
    ExitCode::from(FAILED)
}

/// Reads the spec from the socket on standard input and puts `/dev/null` there.
fn receive() -> io::Result<(Spec, UnixStream)> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(null)?;
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = u64::from(u32::from_be_bytes(length));
    let bytes = fargard_model::bounded::read_from(Read::by_ref(&mut socket).take(length), MAX_SPEC)?;
    Ok((serde_json::from_slice(&bytes)?, socket))
}

fn send(answer: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    answer.write_all(&line)
}

fn become_container(spec: &Spec, answer: &mut UnixStream) -> Result<std::convert::Infallible, StageError> {
    rustix::process::setsid().map(drop).or_else(ignore_leader).during("start a session")?;
    match &spec.place {
        Place::New(container) => filesystem::enter_new(container, spec.process.working_directory.as_deref())?,
        Place::Inside { pid } => enter(*pid)?,
        Place::Machine | Place::Pause => {}
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    privilege::apply(&spec.process)?;
    // The lab's end must be the container's end, whatever ended it.
    let kill = Some(rustix::process::Signal::KILL);
    rustix::process::set_parent_process_death_signal(kill).during("tie the container to the lab")?;
    if let Some(directory) = &spec.process.working_directory {
        std::env::set_current_dir(directory)
            .during(&format!("change to the working directory {directory}"))?;
    }
    let program = program::find(&spec.process)?;
    send(answer, &Reply::Ready).during("answer the lab")?;
    let name = spec.process.arguments.first().cloned().unwrap_or_default();
    match &spec.sensor {
        Some(sensor) => crate::sensor::exec(sensor, &spec.process),
        None => Err(command(&program, &spec.process).exec()),
    }
    .during(&format!("execute {name}"))
}

/// The leader of a process group cannot start a session; the stage is one only when started by hand.
fn ignore_leader(error: rustix::io::Errno) -> rustix::io::Result<()> {
    if error == rustix::io::Errno::PERM { Ok(()) } else { Err(error) }
}

/// The program as it is executed: argv\[0\] as written, the environment that of this process, which the lab has
/// made the container's.
fn command(program: &std::path::Path, process: &Process) -> Command {
    let mut command = Command::new(program);
    if let Some((name, arguments)) = process.arguments.split_first() {
        command.arg0(name).args(arguments);
    }
    command
}

/// Joins the namespaces of a running container; its pid namespace was joined by the lab.
fn enter(pid: u32) -> Result<(), StageError> {
    let kinds = [
        ("ipc", LinkNameSpaceType::InterProcessCommunication),
        ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
        ("mnt", LinkNameSpaceType::Mount),
    ];
    let mut links: Vec<(OwnedFd, LinkNameSpaceType)> = Vec::new();
    for (name, kind) in kinds {
        let path = format!("/proc/{pid}/ns/{name}");
        links.push((File::open(&path).during(&format!("open {path}"))?.into(), kind));
    }
    for (link, kind) in &links {
        move_into_link_name_space(link.as_fd(), Some(*kind)).during("join the container's namespaces")?;
    }
    std::env::set_current_dir("/").during("change to /")
}

/// Reaps what is orphaned in the task's pid namespace until the lab closes its end.
fn pause(answer: &UnixStream) -> Option<ExitCode> {
    let mut writer = answer.try_clone().ok()?;
    send(&mut writer, &Reply::Ready).ok()?;
    loop {
        let mut watched = [PollFd::new(answer, PollFlags::IN | PollFlags::HUP)];
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        match poll(&mut watched, Some(&second)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            _ => return Some(ExitCode::SUCCESS),
        }
        while matches!(wait(WaitOptions::NOHANG), Ok(Some(_))) {}
    }
}
