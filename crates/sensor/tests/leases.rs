//! Opens for reading, seen by leases, where a lease could get into somebody's way.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and says what it skipped"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use fargard_model::bounded;
use serde_json::Value;

const SENSOR: &str = env!("CARGO_BIN_EXE_fargard-sensor");
/// Runs each line it is told, and says when it is done.
const SHELL: &str = "while read -r line; do sh -c \"$line\"; echo \"= $?\"; done";

/// Looks again and again until there is something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: waited too long");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// A shell under the sensor, and files that a rule wants to see read.
struct Watched {
    place: tempfile::TempDir,
    alerts: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    output: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watched {
    /// The words of `before` start the sensor.
    fn start(before: &[&str], file: &str) -> Self {
        let place = tempfile::Builder::new().prefix("leases").tempdir_in("/tmp").unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self::start_in(place, before, file)
    }

    fn start_in(place: tempfile::TempDir, before: &[&str], file: &str) -> Self {
        let at = |name: &str| place.path().join(name);
        let rule = format!(
            "- rule: Read\n  desc: d\n  priority: INFO\n  condition: evt.type in (open, openat, openat2) and \
             evt.is_open_read=true and fd.name={file}\n  output: x %proc.cmdline %proc.name %user.uid\n\
             - rule: Run\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and proc.name=nobody\n  \
             output: x\n",
            file = at(file).display()
        );
        fs::write(at("rules.yaml"), rule).unwrap();
        let said = fs::File::create(at("said")).unwrap();
        let mut line: Vec<&str> = before.to_vec();
        line.extend([SENSOR, "run", "--stay", "--", "sh", "-c", SHELL]);
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .env("FARGARD_RULES", at("rules.yaml"))
            .env("FARGARD_PRINT", "json")
            .env("FARGARD_PRINT_TO", at("alerts"))
            .env("FARGARD_CHECKS", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let alerts = at("alerts");
        let watched = Self { place, alerts, child, input, output };
        wait_for("the sensor's first words", || watched.said().contains("files").then_some(()));
        watched
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn said(&self) -> String {
        bounded::read_to_string(&self.at("said"), 1 << 20).unwrap_or_default()
    }

    /// Runs a shell command inside: what it printed, and its exit code last.
    fn run(&mut self, line: &str) -> Vec<String> {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut printed = Vec::new();
        for line in self.output.by_ref() {
            let line = line.unwrap();
            let is_last = line.starts_with("= ");
            printed.push(line);
            if is_last {
                break;
            }
        }
        printed
    }

    fn alerts(&self) -> Vec<Value> {
        let text = bounded::read_to_string(&self.alerts, 1 << 20).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The alert whose program has that name.
    fn alert_of(&self, program: &str) -> Value {
        wait_for(program, || {
            self.alerts().into_iter().find(|alert| alert["output_fields"]["proc.name"] == program)
        })
    }

    /// Waits until the kernel lists a lease on the file.
    fn is_leased(&self, name: &str) {
        wait_for("a lease", || lease_holder(&self.at(name)));
    }

    /// Ends the shell; what the sensor said.
    fn end(&mut self) -> String {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
        self.said()
    }
}

/// Who has a write lease on the file.
fn lease_holder(path: &Path) -> Option<u32> {
    let inode = format!(":{} ", fs::metadata(path).unwrap().ino());
    let locks = bounded::read_to_string(Path::new("/proc/locks"), 1 << 20).unwrap();
    let line = locks.lines().find(|line| line.contains("ACTIVE    WRITE") && line.contains(&inode))?;
    line.split_ascii_whitespace().nth(4)?.parse().ok()
}

const NONBLOCK: &str = "import os, sys\n\
    for flags in sys.argv[2:]:\n    \
        try:\n        \
            os.close(os.open(sys.argv[1], os.O_NONBLOCK | int(flags, 8)))\n    \
        except OSError as error: print(error.strerror)\n";

#[test]
fn opens_that_do_not_wait_get_the_leased_file_and_are_named() {
    let place = tempfile::Builder::new().prefix("leases").tempdir_in("/tmp").unwrap();
    fs::create_dir(place.path().join("keys")).unwrap();
    fs::write(place.path().join("keys/key"), "secret\n").unwrap();
    fs::write(place.path().join("open.py"), NONBLOCK).unwrap();
    std::os::unix::fs::symlink("keys/key", place.path().join("link")).unwrap();
    let mut watched = Watched::start_in(place, &[], "keys/key");
    let inside = watched.place.path().to_str().unwrap().to_owned();
    for (program, line, expected) in [
        ("tar", format!("cd {inside}; tar cf - keys | tar tf - keys/key"), vec!["keys/key", "= 0"]),
        ("grep", format!("cd {inside}; grep -r secret keys"), vec!["keys/key:secret", "= 0"]),
        ("file", format!("file -b {inside}/keys/key"), vec!["ASCII text", "= 0"]),
        // Reading, with O_NOCTTY; reading and writing, not for writing alone: that is no open for reading.
        ("python3", format!("python3 {inside}/open.py {inside}/link 400 2 401"), vec!["= 0"]),
        (
            "python3",
            format!("cd {inside}; for i in 1 2 3 4 5 6 7 8 9; do python3 open.py keys/key 400 & done; wait"),
            vec!["= 0"],
        ),
    ] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {program} here");
            continue;
        }
        watched.is_leased("keys/key");
        assert_eq!(watched.run(&line), expected, "{line}");
        if program != "python3" {
            watched.alert_of(program);
        }
    }
    watched.is_leased("keys/key");
    let said = watched.end();
    assert!(!said.contains("lease_refused_open"), "{said}");
    let pythons = watched
        .alerts()
        .iter()
        .filter(|alert| {
            alert["output_fields"]["proc.name"].as_str().is_some_and(|name| name.starts_with("python"))
        })
        .count();
    assert!(pythons >= 2, "{:?}", watched.alerts());
}
