//! Running a program twice and comparing what it shows.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use fargard_model::bounded;
use tempfile::TempDir;

const SENSOR: &str = env!("CARGO_BIN_EXE_fargard-sensor");

/// A directory with what is compiled for a test.
pub(crate) struct Stage(TempDir);

impl Stage {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Compiles one of the programs beside this file; `None`, said visibly, where that is not possible.
    pub(crate) fn compile(&self, compiler: &[&str], source: &str) -> Option<String> {
        let program = self.path("program");
        let made = Command::new(compiler[0])
            .args(&compiler[1..])
            .arg(&program)
            .arg(source_of(source))
            .envs([("GOCACHE", self.path("cache")), ("GOFLAGS", "-p=2".to_owned())])
            .stdin(Stdio::null())
            .output();
        match made {
            Ok(output) if output.status.success() => Some(program),
            Ok(output) => {
                eprintln!("skipped: {source}: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                eprintln!("skipped: {source}: {}: {error}", compiler[0]);
                None
            }
        }
    }

    pub(crate) fn c(&self, source: &str) -> Option<String> {
        self.compile(&["gcc", "-O1", "-pthread", "-o"], source)
    }

    /// The words that run a command with every class of calls stopped; the counters go to [`Stage::counters`].
    pub(crate) fn watched(&self, command: &[&str]) -> Vec<String> {
        self.watched_by("auto", command)
    }

    pub(crate) fn watched_by(&self, backend: &str, command: &[&str]) -> Vec<String> {
        let calls = self.path("calls");
        let mut line: Vec<String> =
            [SENSOR, "record", "--backend", backend, "--out", &calls, "--"].map(str::to_owned).to_vec();
        line.extend(command.iter().map(|word| (*word).to_owned()));
        line
    }

    /// The last line of the record: `# seen=.. consumed=..`.
    pub(crate) fn counters(&self) -> String {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let text = bounded::read(Path::new(&self.path("calls")), 64 << 20).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            if let Some(line) = text.lines().rfind(|line| line.starts_with("# seen=")) {
                return line.to_owned();
            }
            assert!(std::time::Instant::now() < until, "the sensor never ended");
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// Runs a command plainly and watched; both must show and give the same. Returns what they showed.
    pub(crate) fn same(&self, command: &[&str]) -> String {
        let expected = run(command);
        let line = self.watched(command);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let seen = run(&line);
        let shown = (text(&seen.stdout), text(&seen.stderr), seen.status);
        assert_eq!(shown, (text(&expected.stdout), text(&expected.stderr), expected.status), "{command:?}");
        let counters = self.counters();
        assert!(!counters.starts_with("# seen=0 "), "nothing was watched: {counters}");
        shown.0
    }
}

/// Where a program's source is.
pub(crate) fn source_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transparency").join(name)
}

pub(crate) fn run(line: &[&str]) -> Output {
    Command::new(line[0]).args(&line[1..]).stdin(Stdio::null()).output().unwrap()
}

/// Output as text, process ids taken out where programs show them.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut parts = text.split("process ");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str("process ");
        clean.push_str(part.trim_start_matches(|char: char| char.is_ascii_digit()));
    }
    clean
}

/// Whether programs are installed; says visibly when not.
pub(crate) fn installed(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs
        .iter()
        .filter(|program| {
            let look = format!("command -v {program}");
            !run(&["sh", "-c", &look]).status.success()
        })
        .collect();
    if !missing.is_empty() {
        eprintln!("skipped: not installed: {missing:?}");
    }
    missing.is_empty()
}
