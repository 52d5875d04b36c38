//! Running `fargard-sensor record` and looking at what it wrote.

pub(crate) mod workload;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const SENSOR: &str = env!("CARGO_BIN_EXE_fargard-sensor");
const DEADLINE: Duration = Duration::from_secs(60);

/// One start of the sensor and what it writes.
pub(crate) struct Run {
    directory: tempfile::TempDir,
    output: Option<String>,
    options: Vec<String>,
    before: Vec<String>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, output: None, options: Vec::new(), before: Vec::new() }
    }

    fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    pub(crate) fn backend(self, name: &str) -> Self {
        self.with(&["--backend", name])
    }

    pub(crate) fn ring(self, bytes: usize) -> Self {
        self.with(&["--ring", &bytes.to_string()])
    }

    /// As on a kernel that cannot keep signals from interrupting stopped calls.
    pub(crate) fn interruptible(self) -> Self {
        self.with(&["--interruptible"])
    }

    pub(crate) fn stay(self, stay: bool) -> Self {
        if stay { self.with(&["--stay"]) } else { self }
    }

    pub(crate) fn output(mut self, path: &str) -> Self {
        self.output = Some(path.to_owned());
        self
    }

    pub(crate) fn by(mut self, user: &[&str]) -> Self {
        self.before = user.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn writable_for_all(self) -> Self {
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        self
    }

    fn calls(&self) -> PathBuf {
        self.directory.path().join("calls")
    }

    pub(crate) fn command(&self, command: &[&str]) -> Command {
        let mut line: Vec<String> = self.before.clone();
        line.extend([SENSOR.to_owned(), "record".to_owned()]);
        line.extend(self.options.clone());
        let output = self.output.clone().unwrap_or_else(|| self.calls().to_str().unwrap().to_owned());
        line.extend(["--out".to_owned(), output, "--".to_owned()]);
        line.extend(command.iter().map(|word| (*word).to_owned()));
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        plain(&line)
    }

    /// This test program in its other role.
    pub(crate) fn workload(&self, what: &str) -> Command {
        let this = std::env::current_exe().unwrap();
        let mut command = self.command(&[this.to_str().unwrap(), "as_workload", "--exact", "--nocapture"]);
        command.env(workload::VARIABLE, what);
        command
    }

    /// Process ids of keeper and engine.
    pub(crate) fn sensor(&self, app: u32) -> (u32, u32) {
        wait_until("keeper and engine", || {
            let keeper = *children(app, "fargard-keeper").first()?;
            let engine = *children(keeper, "fargard-engine").first()?;
            // The engine writes its first line when everything is set up.
            (!self.lines().is_empty()).then_some((keeper, engine))
        })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = fs::File::open(self.calls()).map(|mut file| {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            text
        });
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn last_bytes(&self, count: u64) -> String {
        let Ok(mut file) = fs::File::open(self.calls()) else { return String::new() };
        let length = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(length.saturating_sub(count))).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        fs::metadata(self.calls()).map_or(0, |metadata| metadata.len())
    }

    /// Until some hundred calls were captured.
    pub(crate) fn wait_for_calls(&self) {
        wait_until("calls", || (self.lines().len() > 500).then_some(()));
    }

    /// The counters written when the engine was done.
    pub(crate) fn counters(&self) -> Counters {
        wait_until("counters", || {
            let end = self.last_bytes(4096);
            let line = end.lines().rfind(|line| line.starts_with("# seen="))?;
            let pairs = line.trim_start_matches("# ").split(' ').map(|pair| pair.split_once('=').unwrap());
            Some(Counters(pairs.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()))
        })
    }
}

/// What the sensor counted.
#[derive(Debug)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn exact(&self) -> bool {
        self.get("pending") == 0 && self.get("seen") == self.get("consumed") + self.get("lost")
    }
}

/// A command without the sensor.
pub(crate) fn plain(line: &[&str]) -> Command {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdin(Stdio::null());
    command
}

/// Looks again and again until there is something.
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {DEADLINE:?}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Living children of a process with that name.
pub(crate) fn children(parent: u32, name: &str) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let mut stat = String::new();
        let file = fs::File::open(format!("/proc/{pid}/stat"));
        if file.and_then(|mut file| file.read_to_string(&mut stat)).is_err() {
            return false;
        }
        let Some((before, after)) = stat.rsplit_once(") ") else { return false };
        let mut fields = after.split(' ');
        let alive = fields.next() != Some("Z");
        alive && before.ends_with(&format!("({name}")) && fields.next() == Some(&parent.to_string())
    })
    .collect()
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

pub(crate) fn kill(process: u32) {
    let _ = kill_process(pid(process), Signal::KILL);
}

pub(crate) fn stop(process: u32) {
    kill_process(pid(process), Signal::STOP).unwrap();
    wait_until("a stopped process", || {
        let stat = fs::File::open(format!("/proc/{process}/stat")).ok().map(|mut file| {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            text
        })?;
        stat.contains(") T ").then_some(())
    });
}

pub(crate) fn resume(process: u32) {
    kill_process(pid(process), Signal::CONT).unwrap();
}

pub(crate) fn signal(process: u32, number: i32) {
    kill_process(pid(process), Signal::from_named_raw(number).unwrap()).unwrap();
}

pub(crate) fn lines_of(from: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(from).lines().map(Result::unwrap)
}

/// How to become the user nobody; `None` when that is not possible here.
pub(crate) fn as_nobody() -> Option<[&'static str; 4]> {
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let works =
        plain(&user).arg(SENSOR).arg("--version").output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: setpriv cannot run the sensor as another user here");
    }
    works.then_some(user)
}

/// A static program for one purpose.
pub(crate) struct Compiled {
    _directory: tempfile::TempDir,
    path: String,
}

impl Compiled {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// Compiles one of those programs; `None` where there is no compiler.
pub(crate) fn compiled(source: &str) -> Option<Compiled> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(source);
    let gcc = Command::new("gcc").arg("-static").arg("-o").arg(&path).arg(source).status();
    if !gcc.is_ok_and(|status| status.success()) {
        eprintln!("skipped: gcc cannot make a static program here");
        return None;
    }
    Some(Compiled { path: path.to_str().unwrap().to_owned(), _directory: directory })
}
