//! Opens for reading, seen by leases, where a lease could get into somebody's way.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use fargard_model::bounded;
use rustix::process::{Pid, Signal, kill_process};
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
    fn start(place: tempfile::TempDir, before: &[&str], file: &str) -> Self {
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

    fn alert_of(&self, program: &str) -> Option<Value> {
        self.alerts().into_iter().find(|alert| alert["output_fields"]["proc.name"] == program)
    }

    /// Runs a command that opens the file until it is named: on a busy machine an opener is let go before it is found. Each
    /// time it prints the same. The alert.
    fn named(&mut self, program: &str, line: &str, expected: &[&str]) -> Value {
        for _ in 0..20 {
            assert_eq!(self.run(line), expected, "{line}");
            let until = Instant::now() + Duration::from_secs(3);
            while Instant::now() < until {
                if let Some(alert) = self.alert_of(program) {
                    return alert;
                }
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }
        panic!("{program} was never named: {}", self.said())
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
    let mut watched = Watched::start(place, &[], "keys/key");
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
        if program == "python3" {
            assert_eq!(watched.run(&line), expected, "{line}");
        } else {
            watched.named(program, &line, &expected);
        }
    }
    watched.is_leased("keys/key");
    let said = watched.end();
    assert!(!said.contains("lease_refused_open"), "{said}");
}

fn send(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(process.cast_signed()).unwrap(), signal).unwrap();
}

/// Waits until a thread of that name waits in a call that opens.
fn waits_in_open(name: &str) -> u32 {
    wait_for("a waiting open", || {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| {
            let read = |file: &str| {
                bounded::read_to_string(Path::new(&format!("/proc/{pid}/{file}")), 4096).unwrap_or_default()
            };
            // Sleeping in openat: 257 on x86-64, 56 on arm64.
            let call = if cfg!(target_arch = "x86_64") { "257 " } else { "56 " };
            read("comm").trim() == name && read("syscall").starts_with(call)
        })
    })
}

#[test]
fn a_killed_engine_holds_up_no_open() {
    let place = tempfile::Builder::new().prefix("leases").tempdir_in("/tmp").unwrap();
    fs::write(place.path().join("key"), "secret\n").unwrap();
    fs::write(place.path().join("open.py"), NONBLOCK).unwrap();
    let mut watched = Watched::start(place, &[], "key");
    let inside = watched.place.path().to_str().unwrap().to_owned();
    for (program, line, expected) in [
        ("cat", format!("exec cat {inside}/key"), vec!["secret", "= 0"]),
        ("python3", format!("exec python3 {inside}/open.py {inside}/key 400"), vec!["= 0"]),
    ] {
        watched.is_leased("key");
        let engine = lease_holder(&watched.at("key")).unwrap();
        // It cannot give the lease back, so that whoever opens the file waits for its end.
        send(engine, Signal::STOP);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                waits_in_open(program);
                send(engine, Signal::KILL);
            });
            assert_eq!(watched.run(&line), expected, "{program}");
        });
    }
    watched.is_leased("key");
    watched.named("head", &format!("head {inside}/key"), &["secret", "= 0"]);
    let said = watched.end();
    assert!(said.contains("engine restarts: 2"), "{said}");
}

#[test]
fn without_rights_over_leases_only_own_files_have_them() {
    let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
    if !Command::new(user[0])
        .args(&user[1..])
        .args([SENSOR, "--version"])
        .output()
        .is_ok_and(|run| run.status.success())
    {
        eprintln!("skipped: setpriv cannot run the sensor as another user here");
        return;
    }
    let place = tempfile::Builder::new().prefix("leases").tempdir_in("/tmp").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for (name, mode) in [("own", 0o600), ("others", 0o644), ("closed", 0o600)] {
        fs::write(place.path().join(name), "secret\n").unwrap();
        fs::set_permissions(place.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::chown(place.path().join("own"), Some(54321), Some(54321)).unwrap();
    let mut watched =
        Watched::start(place, &user, "own or fd.name endswith /others or fd.name endswith /closed");
    watched.is_leased("own");
    let inside = watched.place.path().to_str().unwrap().to_owned();
    let alert = watched.named("cat", &format!("cat {inside}/own"), &["secret", "= 0"]);
    assert_eq!(alert["output_fields"]["user.uid"], 54321);
    assert_eq!(watched.run(&format!("head {inside}/others")), ["secret", "= 0"]);
    assert_eq!(watched.run(&format!("tail {inside}/closed 2>&1"))[1], "= 1");
    // Of a file that is only watched, whoever keeps it open is named.
    watched.run(&format!("exec 9< {inside}/others; exec sleep 0.3"));
    assert_eq!((lease_holder(&watched.at("others")), lease_holder(&watched.at("closed"))), (None, None));
    let said = watched.end();
    assert!(said.contains("are only watched") && said.contains("lease_missed"), "{said}");
    assert!(
        said.contains("files that rules are about cannot be watched: the sensor may not open them"),
        "{said}"
    );
    let programs: Vec<Value> =
        watched.alerts().into_iter().map(|alert| alert["output_fields"]["proc.name"].clone()).collect();
    assert!(!programs.iter().any(|name| name == "head" || name == "tail"), "{programs:?}");
}

/// Mounts the machine's root as the lower layer of an overlay without an upper one, so that it cannot be written, and
/// runs what follows in it, in namespaces of its own. Arguments: where to mount, what stays writable.
const READ_ONLY: &str = "set -e; root=$1/root; mkdir -p $root $1/empty; \
    mount -t overlay overlay -o lowerdir=$1/empty:/ $root; mount -t proc proc $root/proc; \
    mount --rbind /dev $root/dev; mount --bind $2 $root$2; shift 2; exec chroot $root \"$@\"";

#[test]
fn files_of_a_read_only_image_are_leased_and_a_session_from_outside_is_named() {
    let mount = tempfile::Builder::new().prefix("leases").tempdir_in("/dev/shm").unwrap();
    let place = tempfile::Builder::new().prefix("leases").tempdir_in("/tmp").unwrap();
    let image = tempfile::Builder::new().prefix("image").tempdir_in("/tmp").unwrap();
    fs::write(image.path().join("key"), "secret\n").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let key = image.path().join("key").to_str().unwrap().to_owned();
    let (mount, writable) =
        (mount.path().to_str().unwrap().to_owned(), place.path().to_str().unwrap().to_owned());
    let before = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        READ_ONLY,
        "sh",
        &mount,
        &writable,
    ];
    let works = Command::new(before[0]).args(&before[1..]).args(["sh", "-c", "! touch /file"]).output();
    if !works.is_ok_and(|run| run.status.success()) {
        eprintln!("skipped: no overlay or no namespaces can be had here");
        return;
    }
    let condition = format!("nothing or fd.name={key}");
    let mut watched = Watched::start(place, &before, &condition);
    let leased = |watched: &mut Watched| {
        let inode = watched.run(&format!("stat -c ':%i ' {key}"))[0].clone();
        wait_for("a lease", || {
            let locks = bounded::read_to_string(Path::new("/proc/locks"), 1 << 20).unwrap();
            locks.lines().any(|line| line.contains("ACTIVE    WRITE") && line.contains(&inode)).then_some(())
        });
    };
    leased(&mut watched);
    assert_eq!(watched.run(&format!("touch {key} 2>/dev/null")), ["= 1"], "it is read-only");
    let cat = watched.named("cat", &format!("cat {key}"), &["secret", "= 0"]);
    assert!(cat["output_fields"]["proc.cmdline"].as_str().unwrap().ends_with(&key), "{cat}");
    leased(&mut watched);
    // The parent of what comes from outside is not in the container.
    let inside = children_of(children_of(watched.child.id())[0])[0];
    let target = inside.to_string();
    wait_for("a named session", || {
        let session = Command::new("nsenter")
            .args(["--target", &target, "--mount", "--pid", "--root", "--wd=/", "head", &key])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&session.stdout), "secret\n", "{session:?}");
        std::thread::park_timeout(Duration::from_millis(300));
        watched.alert_of("head")
    });
    watched.end();
}

fn children_of(parent: u32) -> Vec<u32> {
    let task = format!("/proc/{parent}/task/{parent}/children");
    let text = bounded::read_to_string(Path::new(&task), 4096).unwrap();
    text.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}
