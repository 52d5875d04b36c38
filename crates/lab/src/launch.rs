//! Starting a stage process and following it to its end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, PipeWriter, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use fargard_sensor::sys::namespace::{UnshareFlags, unshare};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{
    options::Stage,
    stage::spec::{Reply, Spec},
};

/// Longest answer of a stage.
const MAX_REPLY: u64 = 64 << 10;

/// Which process numbers the new process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PidSpace {
    /// The machine's.
    Machine,
    /// Its own; it is PID 1.
    Own,
    /// Those of the process with this pid on the machine.
    Of(u32),
}

/// Where a process writes.
#[derive(Debug)]
pub(crate) enum Output {
    Pipes(PipeWriter, PipeWriter),
    Nowhere,
}

/// A running stage process.
#[derive(Debug)]
pub(crate) struct Launched {
    child: Child,
    handle: OwnedFd,
    replies: BufReader<io::Take<UnixStream>>,
}

/// Starts a stage. The calling thread must be made for this one start (its later children would be in the same pid
/// namespace, and it cannot make threads), and must live as long as the process, whose end is tied to it.
pub(crate) fn launch(stage: &Stage, spec: &Spec, space: PidSpace, output: Output) -> io::Result<Launched> {
    let (ours, theirs) = UnixStream::pair()?;
    match space {
        PidSpace::Machine => {}
        PidSpace::Own => unshare(UnshareFlags::NEWPID)?,
        PidSpace::Of(pid) => {
            let link = File::open(format!("/proc/{pid}/ns/pid"))?;
            move_into_link_name_space(link.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
        }
    }
    let mut command = Command::new(&stage.program);
    let environment = spec.process.environment.iter().map(|(name, value)| (name, value));
    command
        .args(&stage.arguments)
        .env_clear()
        .envs(environment)
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)));
    match output {
        Output::Pipes(stdout, stderr) => command.stdout(stdout).stderr(stderr),
        Output::Nowhere => command.stdout(Stdio::null()).stderr(Stdio::null()),
    };
    let mut child = command.spawn()?;
    let handle = match handle_of(&child) {
        Ok(handle) => handle,
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let mut launched = Launched { child, handle, replies: BufReader::new(ours.try_clone()?.take(MAX_REPLY)) };
    if let Err(error) = tell(&ours, spec) {
        launched.end();
        return Err(error);
    }
    Ok(launched)
}

/// The process cannot be reaped before its handle is taken, so the number is still its own.
fn handle_of(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("no process number"))?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

fn tell(mut socket: &UnixStream, spec: &Spec) -> io::Result<()> {
    let bytes = serde_json::to_vec(spec)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    socket.write_all(&length.to_be_bytes())?;
    socket.write_all(&bytes)
}

impl Launched {
    /// The process's number on the machine.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A handle for signals, valid after the process's end too.
    pub(crate) fn handle(&self) -> io::Result<OwnedFd> {
        self.handle.try_clone()
    }

    /// Waits until the stage is about to execute its program.
    pub(crate) fn wait_ready(&mut self) -> Result<(), String> {
        match self.reply() {
            Some(Reply::Ready) => Ok(()),
            Some(Reply::Failed(reason)) => Err(reason),
            None => Err("the container's first process ended before it was set up".to_owned()),
        }
    }

    fn reply(&mut self) -> Option<Reply> {
        let mut line = Vec::new();
        self.replies.read_until(b'\n', &mut line).ok()?;
        serde_json::from_slice(&line).ok()
    }

    /// Waits for the end; gives the exit code, or why the program was not executed.
    pub(crate) fn wait(&mut self) -> io::Result<Result<i32, String>> {
        let status = self.child.wait()?;
        // The sensor's processes may hold the other end, so its closing is not waited for.
        let _ = self.replies.get_ref().get_ref().set_nonblocking(true);
        Ok(match self.reply() {
            Some(Reply::Failed(reason)) => Err(reason),
            _ => Ok(exit_code(status)),
        })
    }

    /// Waits at most that long for the end.
    pub(crate) fn wait_within(&mut self, time: Duration) -> io::Result<Option<Result<i32, String>>> {
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(&self.handle, PollFlags::IN)];
        match poll(&mut watched, Some(&time)) {
            Ok(0) => Ok(None),
            Ok(_) => self.wait().map(Some),
            Err(error) => Err(error.into()),
        }
    }

    /// Kills and reaps.
    pub(crate) fn end(&mut self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// As a shell and ECS count: 128 + n after signal n.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
