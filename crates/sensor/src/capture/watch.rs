//! Running a command under the sensor while staying its parent.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    pipe::{PipeFlags, pipe_with},
};

use super::{
    CaptureOptions, Engine,
    layout::Shared,
    notify::timespec,
    shim::{exec_watched, single_threaded},
};
use crate::{
    config::VARIABLES,
    sys::{
        process::{self, Fork, Status},
        signals::{self, Set},
    },
};

/// Signals that are passed on to the command when a process sends them to this one.
const FORWARDED: [i32; 9] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCONT,
];
/// The engine is looked after that often while it handles the rest.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// The keeper takes less to notice that the last watched process has ended; later, there are others.
const LIVES_ON: Duration = Duration::from_millis(200);

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchOutcome {
    /// By itself, with that status.
    Exited(u8),
    /// By that signal.
    Signaled(i32),
}

impl WatchOutcome {
    /// Ends this process the same way: returns the exit code, or does not return because the same signal ends
    /// this process.
    #[must_use]
    pub fn end_like(self) -> ExitCode {
        match self {
            Self::Exited(code) => ExitCode::from(code),
            Self::Signaled(signal) => {
                signals::end_by(signal);
                // The first process of a namespace is not ended by signals to itself.
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Runs a command watched by an engine and waits for its end. The process must have one thread.
///
/// Signals sent to this process are passed on; those of the terminal reach the command by themselves. After the
/// command's end the engine has [`CaptureOptions::drain`] for what is left, also when processes the command left
/// behind live on: those stay watched. The command's environment is that of [`super::exec`].
///
/// # Errors
/// The process has several threads, or memory, a pipe or a process cannot be made.
pub fn watch<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    program: &OsStr,
    args: &[OsString],
) -> io::Result<WatchOutcome> {
    single_threaded()?;
    // The command may run as the same user, to whom this process's environment is open.
    process::forget_variables(VARIABLES.as_bytes());
    let shared = Shared::new(options.ring_bytes)?;
    let (end, end_notice) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut awaited = FORWARDED.to_vec();
    awaited.push(libc::SIGCHLD);
    let awaited = Set::of(&awaited);
    let mask = awaited.block();
    let app = match process::fork()? {
        Fork::Child => {
            mask.set_blocked();
            let error = exec_watched(engine, options, shared, Some(end_notice.as_fd()), program, args);
            complain(&error);
            process::exit(error.exit_code())
        }
        Fork::Parent(app) => app,
    };
    drop(end_notice);
    let outcome = wait_for(app, &awaited)?;
    drain(&shared, &end, options.drain);
    mask.set_blocked();
    Ok(outcome)
}

fn complain(error: &dyn std::error::Error) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "fargard: {error}");
}

fn wait_for(app: u32, awaited: &Set) -> io::Result<WatchOutcome> {
    loop {
        match process::reap(app) {
            Some(Status::Exited(code)) => return Ok(WatchOutcome::Exited(code as u8)),
            Some(Status::Signaled(signal)) => return Ok(WatchOutcome::Signaled(signal)),
            Some(Status::Stopped(..)) | None => {}
        }
        match awaited.next() {
            Ok((libc::SIGCHLD, _)) => {}
            // The terminal's signals go to the whole foreground group, the command included.
            Ok((signal, true)) => signals::send(app, signal),
            Ok((_, false)) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until keeper and engine are gone, or the engine has handled what was captured so far.
fn drain(shared: &Shared, end: &OwnedFd, most: Duration) {
    let start = Instant::now();
    let captured = shared.committed();
    loop {
        let waited = start.elapsed();
        let Some(left) = most.checked_sub(waited) else { return };
        let counters = shared.counters();
        let handled = shared.committed().saturating_sub(counters.pending) >= captured;
        // With nobody left to watch the sensor ends by itself, and its last words are waited for.
        if handled && !counters.finished && waited > LIVES_ON {
            return;
        }
        let mut one = [PollFd::new(end, PollFlags::empty())];
        let _ = poll(&mut one, Some(&timespec(DRAIN_LOOK.min(left))));
        if !one[0].revents().is_empty() {
            return;
        }
    }
}
