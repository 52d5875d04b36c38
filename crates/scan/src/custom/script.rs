//! Scripts of users: exit code 0 is a pass, 1 a failure, as with Prisma Cloud; everything else is an error of the script.
//!
//! A script runs inside the root file system that is checked, whose interpreter may be anybody's. So it runs as a user
//! without rights, who can gain none (`no_new_privs`), without network, with processes of its own (namespaces), a time limit and
//! limits of memory, files and output. The programs of util-linux set that up.

use std::{
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fargard_model::foreign::printable;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use super::{CustomCheck, Verdict, What};
use crate::{Finding, confined::Root};

/// Longest script in bytes; the kernel takes an argument of 128 KiB.
const MAX_SCRIPT: usize = 64 << 10;
/// Most seconds a script may have.
pub(super) const MAX_TIMEOUT: u64 = 600;
/// Bytes kept of what a script prints; it may print more.
const MAX_OUTPUT: u64 = 64 << 10;
/// Letters of it that are shown.
const MAX_SHOWN: usize = 500;
/// The user without rights; `nobody` in most distributions.
const USER: &str = "65534";
/// Where a script finds programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    text: String,
    timeout: Duration,
    /// Path of its interpreter, or a name to be found in [`PATH`], and what of the `#!` line follows.
    interpreter: String,
    options: Vec<String>,
}

impl Script {
    /// Seconds that a script has unless it says otherwise.
    pub(super) const TIMEOUT: u64 = 30;

    /// Reads the `#!` line; without one it is for `/bin/sh`.
    pub(super) fn new(text: &str, seconds: u64) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the script is empty".to_owned());
        }
        if text.len() > MAX_SCRIPT || text.contains('\0') {
            return Err(format!("a script is a text of at most {MAX_SCRIPT} bytes"));
        }
        let first = text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/bin/sh");
        let mut words = first.split_whitespace().map(str::to_owned);
        let mut interpreter = words.next().unwrap_or_else(|| "/bin/sh".to_owned());
        if interpreter.ends_with("/env") {
            interpreter = words.next().ok_or("its first line names no interpreter")?;
        }
        let mut options: Vec<String> = words.collect();
        options.push(option(&interpreter).ok_or_else(|| {
            format!("{interpreter:?} is none of the interpreters that are known: a shell, python, perl, ruby, node")
        })?);
        Ok(Self { text: text.to_owned(), timeout: Duration::from_secs(seconds), interpreter, options })
    }
}

/// The option after which an interpreter takes a program as text.
fn option(interpreter: &str) -> Option<String> {
    let name = interpreter.rsplit('/').next()?;
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    Some(
        match name {
            "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "python" => "-c",
            "perl" | "ruby" | "node" => "-e",
            _ => return None,
        }
        .to_owned(),
    )
}

/// Runs scripts in one root file system.
#[derive(Debug)]
pub struct Runner {
    path: PathBuf,
    root: Root,
}

impl Runner {
    /// A runner for the root file system at `path`.
    ///
    /// # Errors
    /// Scripts cannot be run here at all: why. Then every script is [`Verdict::NotRun`].
    pub fn new(path: &Path) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("scripts are run as root only, who can take every right from them".to_owned());
        }
        let root = Root::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tried = command(Path::new("/"), Duration::from_secs(5)).arg("true").output();
        match tried {
            Ok(output) if output.status.success() => Ok(Self { path: path.to_owned(), root }),
            Ok(output) => {
                let said = shown(&output.stderr);
                Err(format!("scripts cannot be shut in here: {said}"))
            }
            Err(error) => Err(format!(
                "scripts cannot be shut in here: prlimit, setpriv and unshare are needed: {error}"
            )),
        }
    }

    /// Runs a check's script.
    #[must_use]
    pub fn run(&self, check: &CustomCheck) -> Verdict {
        let What::Script(script) = &check.what else {
            return Verdict::NotRun("it has no script".to_owned());
        };
        let Some(interpreter) = self.interpreter(&script.interpreter) else {
            return Verdict::NotRun(format!("{} is not in it", script.interpreter));
        };
        let mut command = command(&self.path, script.timeout);
        command.arg(interpreter).args(&script.options).arg(&script.text);
        match finish(&mut command, script.timeout) {
            Err(error) => Verdict::Error(format!("the script cannot be run: {error}")),
            Ok(End::Late) => {
                Verdict::Error(format!("the script had not ended after {} s", script.timeout.as_secs()))
            }
            Ok(End::Exit(0, _)) => Verdict::Pass,
            Ok(End::Exit(1, output)) => {
                let reason =
                    if output.is_empty() { "it ended with 1 and said nothing".to_owned() } else { output };
                let severity = check.severity;
                Verdict::Fail(vec![Finding {
                    subject: "the script".to_owned(),
                    class: "script",
                    reason,
                    severity,
                }])
            }
            Ok(End::Exit(code, output)) => {
                Verdict::Error(format!("the script ended with {code}, which is neither 0 nor 1: {output}"))
            }
            Ok(End::Signal(signal)) => Verdict::Error(format!("the script was ended by signal {signal}")),
        }
    }

    /// The interpreter's path, if the root file system has it.
    fn interpreter(&self, name: &str) -> Option<String> {
        let is_there = |path: &str| self.root.open_file(path.as_bytes()).is_ok_and(|opened| opened.is_some());
        if name.starts_with('/') {
            return is_there(name).then(|| name.to_owned());
        }
        PATH.split(':').map(|directory| format!("{directory}/{name}")).find(|path| is_there(path))
    }
}

/// The programs that take everything away before the interpreter begins.
fn command(root: &Path, timeout: Duration) -> Command {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--cpu={}", timeout.as_secs() + 1))
        .args(["--fsize=1048576", "--core=0", "--nofile=256", "--nproc=512", "--as=2147483648", "--"])
        .args(["setpriv", "--no-new-privs", "--clear-groups", "--"])
        .args(["unshare", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--root"])
        .arg(root)
        .args(["--wd", "/", "--setgid", USER, "--setuid", USER, "--"])
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/")
        .env("LANG", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

enum End {
    Exit(i32, String),
    Signal(i32),
    Late,
}

/// Runs to the end or to the deadline, whichever comes first.
fn finish(command: &mut Command, timeout: Duration) -> io::Result<End> {
    let mut child = command.spawn()?;
    let readers = [child.stdout.take().map(keep), child.stderr.take().map(keep)];
    let in_time = wait(&child, timeout);
    if !matches!(in_time, Ok(true))
        && let Some(group) = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0))
    {
        // The namespace's first process dies with the one that made it, and all others with that.
        kill_process_group(group, Signal::KILL)?;
    }
    let status = child.wait()?;
    let output: Vec<String> = readers
        .into_iter()
        .flatten()
        .filter_map(|reader| reader.join().ok())
        .filter(|text| !text.is_empty())
        .collect();
    let output = output.join("; ");
    Ok(match (in_time?, status.code(), status.signal()) {
        (false, _, _) => End::Late,
        (true, Some(code), _) => End::Exit(code, output),
        (true, None, signal) => End::Signal(signal.unwrap_or(0)),
    })
}

/// Whether a process ended in time.
fn wait(child: &Child, timeout: Duration) -> io::Result<bool> {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)).ok_or(io::ErrorKind::InvalidInput)?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads to the end and keeps the beginning.
fn keep(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let read = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept);
        // What nobody reads would block the script.
        if read.is_ok() {
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        shown(&kept)
    })
}

/// The first line that says something, or several short ones.
fn shown(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(5).collect();
    let joined: String = lines.join(" / ").chars().take(MAX_SHOWN).collect();
    printable(joined.as_bytes())
}
