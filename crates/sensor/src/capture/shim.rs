//! The shim: the process that becomes the command. It starts the keeper, puts the filter on itself and executes
//! the command in its own place, so that process id, parent, terminal, descriptors and exit stay the command's.

use std::{
    ffi::{CString, OsStr, OsString},
    io,
    os::{
        fd::{AsRawFd, BorrowedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{
    Backend, BackendChoice, CaptureOptions, Engine, answer_until_end,
    bpf::{NOTIFY, Program, TRACE},
    channel::{Channel, Message},
    info::{self, Feature, Note},
    keeper,
    layout::{FLIGHT_BYTES, Shared, Word},
};
use crate::{
    config::VARIABLES,
    sys::{
        inherited,
        process::{self, Fork},
        seccomp::{self, SockFilter},
        shared::{futex_wait, futex_wake},
        signals,
    },
};

/// How long the keeper may take for what it can do at once.
const KEEPER_DEADLINE: Duration = Duration::from_secs(5);
/// How often the process that passes the listener on looks whether it is still wanted.
const HELPER_LOOK: Duration = Duration::from_millis(100);
/// `PATH` where the environment has none, as the C library's `execvp` takes it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// Written instead of a descriptor: there is none to pass on.
const NO_LISTENER: u32 = u32::MAX;
/// Written by the helper: the keeper has the listener.
const HELPER_DONE: u32 = u32::MAX - 1;
/// Written by the helper: there is no keeper, and the helper answers.
const HELPER_STAYS: u32 = u32::MAX - 2;

/// Why the command could not be executed.
#[derive(Debug, thiserror::Error)]
#[error("cannot execute {program:?}: {error}")]
pub struct ExecError {
    program: OsString,
    error: io::Error,
}

impl ExecError {
    fn new(program: &OsStr, error: io::Error) -> Self {
        Self { program: program.to_owned(), error }
    }

    /// The exit code that says so, as env(1) and shells use it: 127 for a command that is not there, 126 for one
    /// that cannot be executed.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
    }
}

/// Executes a command in the place of this process, watched by an engine. The process must have one thread.
/// Whatever goes wrong with the sensor, the command is executed; why it is not watched is told to the engine.
/// The command gets this process's environment without [`crate::config::VARIABLES`].
///
/// Returns only when the command cannot be executed.
pub fn exec<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    program: &OsStr,
    args: &[OsString],
) -> ExecError {
    match Shared::new(options.ring_bytes) {
        Ok(shared) => exec_watched(engine, options, shared, None, program, args),
        Err(_) => exec_unwatched(program, args),
    }
}

/// Executes a command in the place of this process without any sensor, with the environment [`exec`] gives it.
/// The process must have one thread. Returns only when the command cannot be executed.
pub fn exec_unwatched(program: &OsStr, args: &[OsString]) -> ExecError {
    if let Err(error) = single_threaded() {
        return ExecError::new(program, error);
    }
    process::forget_variables(VARIABLES.as_bytes());
    match Command::find(program, args) {
        Ok(command) => {
            inherited::restore();
            ExecError::new(program, command.exec())
        }
        Err(error) => ExecError::new(program, error),
    }
}

/// Watches without a command: this process waits until it is told to end (SIGTERM or SIGINT) and then until no
/// process is left that was given a filter, since their calls would fail without anybody to answer them. The process
/// must have one thread. Returns only when that cannot be begun.
pub fn stay<E: Engine>(engine: &E, options: &CaptureOptions) -> io::Error {
    if let Err(error) = single_threaded() {
        return error;
    }
    let shared = match Shared::new(options.ring_bytes) {
        Ok(shared) => shared,
        Err(error) => return error,
    };
    process::forget_variables(VARIABLES.as_bytes());
    signals::Set::all().block();
    start(engine, options, shared, None);
    let ends = signals::Set::of(&[libc::SIGTERM, libc::SIGINT]);
    while ends.next().is_err() {}
    // The listeners of others, besides that of this process.
    while shared.word(Word::Listeners).load(SeqCst) > 1 {
        futex_wait(shared.helper_word(), shared.helper_word().load(SeqCst), HELPER_LOOK);
    }
    process::exit(0)
}

pub(super) fn exec_watched<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    shared: Shared,
    end_notice: Option<BorrowedFd<'_>>,
    program: &OsStr,
    args: &[OsString],
) -> ExecError {
    if let Err(error) = single_threaded() {
        return ExecError::new(program, error);
    }
    let command = match Command::find(program, args) {
        Ok(command) => command,
        Err(error) => return ExecError::new(program, error),
    };
    // Before anything is forked: the sensor's processes keep what they need of them in the engine alone.
    process::forget_variables(VARIABLES.as_bytes());
    let mask = signals::Set::all().block();
    start(engine, options, shared, end_notice);
    inherited::restore();
    mask.set_blocked();
    ExecError::new(program, command.exec())
}

/// Forking with more threads would leave locks behind that nobody opens.
pub(super) fn single_threaded() -> io::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads == 1 {
        return Ok(());
    }
    Err(io::Error::other(format!("the process has {threads} threads; it must have one to become a command")))
}

/// Starts the keeper and puts the filter on this process.
fn start<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    shared: Shared,
    end_notice: Option<BorrowedFd<'_>>,
) {
    let Ok((mine, theirs)) = Channel::pair() else { return };
    let app = std::process::id();
    match process::fork_hidden() {
        Ok(Fork::Child) => process::exit(keeper::run(engine, options, shared, theirs, app, end_notice)),
        Ok(Fork::Parent(keeper)) => {
            drop(theirs);
            process::allow_tracer(keeper);
            Shim { options, shared, keeper: mine }.set_up();
        }
        // No process can be made: the command runs unwatched, and there is nobody to tell.
        Err(_) => {}
    }
}

struct Shim<'a> {
    options: &'a CaptureOptions,
    shared: Shared,
    keeper: Channel,
}

impl Shim<'_> {
    fn set_up(&self) {
        let outcome = self.program().and_then(|program| self.install(&program));
        if let Err(reason) = outcome {
            info::choose(&self.shared, Backend::None, &reason);
            let _ = self.keeper.send(Message::None, None);
            let _ = self.keeper.receive_plain(Some(KEEPER_DEADLINE));
        }
    }

    /// Waits for the engine to say which calls it needs.
    fn program(&self) -> Result<Program, String> {
        let deadline = self.options.start_deadline;
        match self.keeper.receive_plain(Some(deadline)) {
            Some(Message::Ready) => {}
            Some(_) => return Err(format!("the engine could not start: {}", self.shared.text())),
            None => {
                return Err(format!(
                    "the engine was not ready within {} ms, so the command started without it",
                    deadline.as_millis()
                ));
            }
        }
        let program = Program::decode(&self.shared.program());
        if program.0.is_empty() {
            return Err("no rule or check needs a system call to be seen".to_owned());
        }
        Ok(program)
    }

    fn install(&self, program: &Program) -> Result<(), String> {
        let refused = match self.options.backend {
            BackendChoice::None => return Err("capturing is turned off".to_owned()),
            BackendChoice::Trace => "asked for".to_owned(),
            BackendChoice::Auto | BackendChoice::Notify => match self.notify(program) {
                Ok(()) => return Ok(()),
                Err(reason) => format!("no user notification: {reason}"),
            },
        };
        if self.options.backend == BackendChoice::Notify {
            return Err(refused);
        }
        self.trace(program, &refused).map_err(|reason| format!("{refused}; no tracing: {reason}"))
    }

    /// The notify backend.
    fn notify(&self, program: &Program) -> Result<(), String> {
        if !seccomp::knows_action(NOTIFY) || !seccomp::knows_listener() {
            return Err("the kernel does not know it, or a seccomp profile hides it".to_owned());
        }
        if !seccomp::sizes_fit(FLIGHT_BYTES) {
            return Err("the kernel's structures are larger than this build knows".to_owned());
        }
        let wait_killable = !self.options.interruptible && seccomp::knows_wait_killable();
        let helper = self.helper().map_err(|error| format!("no helper process: {error}"))?;
        let filter = instructions(program);
        if self.note_needed_privileges()
            && let Err(error) = seccomp::set_no_new_privs()
        {
            self.release_helper(helper, NO_LISTENER);
            return Err(error.to_string());
        }
        let installed = seccomp::install_with_listener(&filter, wait_killable);
        let listener = match installed {
            Ok(listener) => listener,
            Err(error) => {
                self.release_helper(helper, NO_LISTENER);
                return Err(error.to_string());
            }
        };
        if wait_killable {
            info::add_feature(&self.shared, Feature::WaitKillable);
        } else {
            info::add_note(&self.shared, Note::Interruptible);
        }
        info::choose(&self.shared, Backend::Notify, "user notification is available");
        self.release_helper(helper, listener.as_raw_fd().unsigned_abs());
        Ok(())
    }

    /// A process with the same descriptors but without the filter. It gives the listener to the keeper, which this
    /// process cannot: its calls wait for the keeper by then. Where the keeper is gone, it answers them itself.
    fn helper(&self) -> io::Result<u32> {
        let word = self.shared.helper_word();
        word.store(0, SeqCst);
        let parent = std::process::id();
        match process::fork_with_descriptors()? {
            Fork::Parent(pid) => Ok(pid),
            Fork::Child => {
                while word.load(SeqCst) == 0 && std::os::unix::process::parent_id() == parent {
                    futex_wait(word, 0, HELPER_LOOK);
                }
                let number = word.load(SeqCst);
                if number != 0 && number != NO_LISTENER {
                    self.hand_over(process::borrow_descriptor(number));
                }
                process::exit(0)
            }
        }
    }

    /// The helper's work.
    fn hand_over(&self, listener: BorrowedFd<'_>) {
        let sent = self.keeper.send(Message::Listener, Some(listener)).is_ok();
        let taken = sent && self.keeper.receive_plain(Some(KEEPER_DEADLINE)) == Some(Message::Go);
        // Before the shim goes on: it closes the listener.
        let copy = if taken { None } else { listener.try_clone_to_owned().ok() };
        let word = self.shared.helper_word();
        word.store(if copy.is_some() { HELPER_STAYS } else { HELPER_DONE }, SeqCst);
        futex_wake(word);
        if let Some(copy) = copy {
            let _ = answer_until_end(copy);
        }
    }

    /// Tells the helper the listener's number and waits until it has done its work.
    fn release_helper(&self, helper: u32, number: u32) {
        let word = self.shared.helper_word();
        word.store(number, SeqCst);
        futex_wake(word);
        while number != NO_LISTENER && word.load(SeqCst) == number {
            futex_wait(word, number, HELPER_LOOK);
            if process::reap(helper).is_some() {
                return;
            }
        }
        if word.load(SeqCst) != HELPER_STAYS {
            let _ = process::wait(Some(helper));
        }
    }

    /// The trace backend.
    fn trace(&self, program: &Program, why: &str) -> Result<(), String> {
        if !seccomp::knows_action(TRACE) {
            return Err("the kernel does not know seccomp's TRACE action".to_owned());
        }
        self.shared.set_text(why);
        // The engine reads the notes as soon as tracing has begun, so they come first.
        let give_up = self.note_needed_privileges();
        self.keeper.send(Message::Trace, None).map_err(|error| error.to_string())?;
        if self.keeper.receive_plain(Some(KEEPER_DEADLINE)) != Some(Message::Go) {
            info::remove_note(&self.shared, Note::NoNewPrivs);
            return Err("the keeper may not trace this process (ptrace is refused)".to_owned());
        }
        let filter = instructions(&program.with_action(TRACE));
        if give_up {
            seccomp::set_no_new_privs().map_err(|error| error.to_string())?;
        }
        seccomp::install_plain(&filter).map_err(|error| error.to_string())
    }

    /// Whether the filter is refused unless this process and its children give up rights by setuid programs.
    fn note_needed_privileges(&self) -> bool {
        let needed = seccomp::needs_no_new_privs();
        if needed {
            info::add_note(&self.shared, Note::NoNewPrivs);
        }
        needed
    }
}

/// The kernel's words for a command that is not there.
fn not_found() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

fn instructions(program: &Program) -> Vec<SockFilter> {
    let convert = |one: &super::bpf::Instruction| SockFilter {
        code: one.code,
        jt: one.if_true,
        jf: one.if_false,
        k: one.k,
    };
    program.0.iter().map(convert).collect()
}

/// A command as `execvp` finds it.
struct Command {
    candidates: Vec<CString>,
    argv: Vec<CString>,
}

impl Command {
    fn find(program: &OsStr, args: &[OsString]) -> io::Result<Self> {
        let mut argv = vec![CString::new(program.as_bytes())?];
        for arg in args {
            argv.push(CString::new(arg.clone().into_vec())?);
        }
        if program.is_empty() {
            return Err(not_found());
        }
        if program.as_bytes().contains(&b'/') {
            return Ok(Self { candidates: vec![CString::new(program.as_bytes())?], argv });
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        let mut candidates = Vec::new();
        for directory in std::env::split_paths(&path) {
            // An empty element is the working directory.
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            let candidate = directory.join(program);
            // Looked up beforehand: the search itself is nothing to be captured.
            if accessat(CWD, &candidate, Access::EXISTS, AtFlags::empty()).is_ok() {
                candidates.push(CString::new(candidate.into_os_string().into_vec())?);
            }
        }
        if candidates.is_empty() {
            return Err(not_found());
        }
        Ok(Self { candidates, argv })
    }

    /// Becomes the command; the error of the last candidate, or `EACCES` of any.
    fn exec(mut self) -> io::Error {
        let mut result = not_found();
        for index in 0..self.candidates.len() {
            let error = process::exec(&self.candidates[index], &self.argv);
            match error.raw_os_error() {
                Some(libc::ENOEXEC) => return self.exec_script(index),
                Some(libc::EACCES) => result = error,
                Some(libc::ENOENT | libc::ENOTDIR) if result.kind() == io::ErrorKind::NotFound => {
                    result = error;
                }
                Some(libc::ENOENT | libc::ENOTDIR) => {}
                _ => return error,
            }
        }
        result
    }

    /// A text without `#!` is for the shell, as `execvp` has it.
    fn exec_script(&mut self, index: usize) -> io::Error {
        let mut argv = vec![c"/bin/sh".to_owned(), self.candidates.swap_remove(index)];
        argv.extend(self.argv.drain(..).skip(1));
        process::exec(c"/bin/sh", &argv)
    }
}
