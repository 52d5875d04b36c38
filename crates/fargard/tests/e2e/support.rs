//! Starting the real program and waiting for what it prints, with a deadline instead of a clock.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// Nothing here takes longer unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The `fargard` that was built for these tests.
pub(crate) fn fargard() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fargard"))
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/fargard has two ancestors")
        .to_owned()
}

/// Test material that lives beside the repository; `None`, said visibly, when it is not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("FARGARD_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let full = root.join(path);
    if !full.exists() {
        eprintln!("skipped: no {}", full.display());
        return None;
    }
    Some(full)
}

/// Whether this test runs as root; namespaces and overlay mounts need it.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program that runs, and every line of its output so far.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts it with standard output and error read line by line.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        break;
                    }
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// The first line, already printed or to come, that holds all these parts.
    pub(crate) fn wait_for(&mut self, parts: &[&str]) -> String {
        let matches = |line: &str| parts.iter().all(|part| line.contains(part));
        if let Some(line) = self.seen.iter().find(|line| matches(line)) {
            return line.clone();
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if matches(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no line with {parts:?} in time; seen:\n{}", self.seen.join("\n"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without a line with {parts:?}; seen:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to exactly this process.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process is ours");
    }

    /// Ends exactly this process without a warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Waits for the end: exit status and everything printed.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("does not end; seen:\n{}", self.seen.join("\n")),
            }
        }
        let status = self.child.wait().expect("the child is ours");
        (status, std::mem::take(&mut self.seen).join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; a child that has ended already is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
