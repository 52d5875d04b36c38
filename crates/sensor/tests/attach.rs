//! Processes from outside that are given the filter while something happens to them or to the sensor.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says what it skipped"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fargard_model::bounded;
use rustix::process::{Pid, Signal, kill_process};

const SENSOR: &str = env!("CARGO_BIN_EXE_fargard-sensor");
const INJECTED: &str = "all its calls are watched";

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: waited too long");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn read(path: &Path) -> String {
    bounded::read_to_string(path, 1 << 20).unwrap_or_default()
}

fn send(process: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(process.cast_signed()).unwrap(), signal);
}

fn children_of(parent: u32) -> Vec<u32> {
    let text = read(Path::new(&format!("/proc/{parent}/task/{parent}/children")));
    text.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn name_of(pid: u32) -> String {
    read(Path::new(&format!("/proc/{pid}/comm"))).trim().to_owned()
}

/// A pid namespace, as a task has it, and a sidecar in it.
struct Task {
    place: tempfile::TempDir,
    first: Child,
    pause: u32,
    sidecar: Child,
}

impl Task {
    /// `None` where there are no namespaces.
    fn start(mode: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let rules = "- rule: Wrote\n  desc: d\n  priority: INFO\n  condition: evt.type in (open, openat) and \
                     evt.is_open_write=true and fd.name contains marker\n  output: WROTE %fd.name\n\
                     - rule: Ran\n  desc: d\n  priority: INFO\n  condition: evt.type in (execve, execveat)\n  \
                     output: RAN <%proc.cmdline>\n";
        fs::write(place.path().join("rules.yaml"), rules).unwrap();
        let mut first = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "1000"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let pause = wait_for("the first process", || match first.try_wait().unwrap() {
            Some(_) => Some(None),
            None => {
                children_of(first.id()).first().filter(|pid| name_of(**pid) == "sleep").map(|pid| Some(*pid))
            }
        });
        let Some(pause) = pause else {
            eprintln!("skipped: no namespaces can be had here");
            return None;
        };
        let sidecar = enter(pause, &[SENSOR, "attach"])
            .env("FARGARD_RULES", place.path().join("rules.yaml"))
            .env("FARGARD_ATTACH", mode)
            .env("FARGARD_CHECKS", "off")
            .env("FARGARD_READS", "off")
            .env("FARGARD_NETWORK", "off")
            .env("FARGARD_PRINT", "text")
            .stderr(fs::File::create(place.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        let task = Self { place, first, pause, sidecar };
        task.wait_said("watching");
        Some(task)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn said(&self) -> String {
        read(&self.at("said"))
    }

    fn wait_said(&self, part: &str) {
        wait_for(part, || self.said().contains(part).then_some(()));
    }

    fn count(&self, part: &str) -> usize {
        self.said().matches(part).count()
    }

    /// Starts a program of another container: its parent is not in the namespace.
    fn app(&self, line: &[&str]) -> Child {
        let mut command = enter(self.pause, line);
        command.current_dir(self.place.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// The sidecar's process with that name.
    fn part(&self, name: &str) -> Option<u32> {
        let mut below = children_of(self.sidecar.id());
        while let Some(pid) = below.pop() {
            if name_of(pid).starts_with(name) {
                return Some(pid);
            }
            below.extend(children_of(pid));
        }
        None
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        for child in [&mut self.first, &mut self.sidecar] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn enter(target: u32, line: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &target.to_string(), "--mount", "--pid", "--"]).args(line);
    command
}

/// Opens a file until its input ends, and says what failed. Not so often that records are lost.
const OPENS: &str = "import os, select, sys\n\
    done, errors, told = 0, set(), False\n\
    while not told:\n    \
        for _ in range(3):\n        \
            try: os.close(os.open('/dev/null', os.O_WRONLY)); done += 1\n        \
            except OSError as error: errors.add(error.strerror)\n    \
        told = bool(select.select([sys.stdin], [], [], 0.005)[0])\n\
    os.close(os.open('marker', os.O_WRONLY | os.O_CREAT))\n\
    print(done > 0, sorted(errors))\n";

/// Lets such a program end; what it says.
fn told(mut app: Child) -> String {
    drop(app.stdin.take());
    let output = app.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_sidecar_that_is_told_to_end_answers_until_its_last_process_has_ended() {
    let Some(mut task) = Task::start("inject") else { return };
    let apps = [task.app(&["/usr/bin/python3", "-c", OPENS]), task.app(&["/usr/bin/python3", "-c", OPENS])];
    wait_for("two filters", || (task.count(INJECTED) >= 2).then_some(()));
    let sidecar = children_of(task.sidecar.id())[0];
    send(sidecar, Signal::TERM);
    let [one, two] = apps;
    assert_eq!(told(one), "True []\n");
    assert!(task.sidecar.try_wait().unwrap().is_none(), "there is another");
    wait_for("what the first wrote", || (task.count("WROTE") == 1).then_some(()));
    assert_eq!(told(two), "True []\n");
    assert!(task.sidecar.wait().unwrap().success());
    wait_for("what the second wrote", || (task.count("WROTE") == 2).then_some(()));
    assert_eq!(task.count("Argument race"), 0, "{}", task.said());
}

#[test]
fn an_attacher_that_dies_between_injections_is_followed_by_one_that_makes_the_rest() {
    let Some(task) = Task::start("inject") else { return };
    let apps: Vec<Child> = (0..12).map(|_| task.app(&["/usr/bin/python3", "-c", OPENS])).collect();
    // All of them are given the filter at about the same time; the attacher dies again and again meanwhile.
    for number in 1..=3 {
        wait_for("a filter", || (task.count(INJECTED) >= number).then_some(()));
        let attacher = wait_for("an attacher", || task.part("fargard-attach"));
        send(attacher, Signal::KILL);
        wait_for("its end", || (task.part("fargard-attach") != Some(attacher)).then_some(()));
    }
    let inside = |app: &Child| children_of(app.id())[0];
    let filtered =
        |app: &Child| read(Path::new(&format!("/proc/{}/status", inside(app)))).contains("Seccomp:\t2");
    wait_for("a filter for each", || apps.iter().all(filtered).then_some(()));
    let traced =
        |app: &Child| !read(Path::new(&format!("/proc/{}/status", inside(app)))).contains("TracerPid:\t0\n");
    wait_for("no tracer", || (!apps.iter().any(traced)).then_some(()));
    for app in apps {
        assert_eq!(told(app), "True []\n");
    }
    assert!(!task.said().contains("a seccomp filter of its own"), "{}", task.said());
    wait_for("what they wrote", || (task.count("WROTE") == 12).then_some(()));
}

/// Its child of `vfork` executes nothing until it is told to.
const LENDER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    char byte;
    pid_t child = vfork();
    if (child == 0) {
        read(0, &byte, 1);
        execl("/bin/true", "true", (char *)0);
        _exit(9);
    }
    int status = -1;
    waitpid(child, &status, 0);
    int file = open("marker", O_WRONLY | O_CREAT, 0600);
    read(0, &byte, 1);
    printf("%d %d\n", status, file >= 0);
    return 0;
}
"#;

#[test]
fn a_parent_that_lends_its_memory_is_left_alone_until_it_has_it_back() {
    let Some(task) = Task::start("inject") else { return };
    fs::write(task.at("lender.c"), LENDER).unwrap();
    let program = task.at("lender");
    let gcc = Command::new("gcc").arg("-o").arg(&program).arg(task.at("lender.c")).status();
    if !gcc.is_ok_and(|status| status.success()) {
        eprintln!("skipped: gcc cannot compile here");
        return;
    }
    let mut app = task.app(&[program.to_str().unwrap()]);
    let inside = wait_for("the program", || {
        children_of(app.id()).first().copied().filter(|pid| name_of(*pid) == "lender")
    });
    let child = wait_for("its child", || children_of(inside).first().copied());
    // Both have lived for longer than it takes to be given a filter.
    let opens = task.app(&["/usr/bin/python3", "-c", OPENS]);
    task.wait_said(INJECTED);
    for pid in [inside, child] {
        assert!(read(Path::new(&format!("/proc/{pid}/status"))).contains("Seccomp:\t0"), "{}", task.said());
    }
    let input = app.stdin.as_mut().unwrap();
    std::io::Write::write_all(input, b"xx").unwrap();
    assert_eq!(told(app), "0 1\n");
    assert_eq!(told(opens), "True []\n");
    task.wait_said("RAN <true>");
}

#[test]
fn a_stopped_process_stays_stopped_and_is_watched_when_it_goes_on() {
    let Some(task) = Task::start("inject") else { return };
    let app = task.app(&["/usr/bin/python3", "-c", OPENS]);
    let inside = wait_for("the program", || children_of(app.id()).first().copied());
    wait_for("python", || name_of(inside).starts_with("python").then_some(()));
    send(inside, Signal::STOP);
    let state = || {
        let text = read(Path::new(&format!("/proc/{inside}/stat")));
        text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    wait_for("the stop", || state().filter(|state| *state == 'T' || *state == 't'));
    // Somebody else is given a filter meanwhile, so this one's time has come as well.
    let other = task.app(&["/usr/bin/python3", "-c", OPENS]);
    task.wait_said(INJECTED);
    assert_eq!(told(other), "True []\n");
    assert!(matches!(state(), Some('T' | 't')), "{:?}", state());
    // nsenter stops with its child.
    send(inside, Signal::CONT);
    send(app.id(), Signal::CONT);
    wait_for("its filter", || {
        read(Path::new(&format!("/proc/{inside}/status"))).contains("Seccomp:\t2").then_some(())
    });
    assert_eq!(told(app), "True []\n");
    wait_for("what they wrote", || (task.count("WROTE") == 2).then_some(()));
}

/// A program of 32-bit x86 as `as` and `ld` would make it: opens /dev/null for writing until its input ends, then ends with how
/// many of these opens failed.
fn program_of_32_bits() -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    let mut code: Vec<u8> = vec![0x31, 0xff]; // xor edi, edi: failures
    let again = code.len();
    let null_at = code.len() + 6;
    code.extend([0xb8, 5, 0, 0, 0, 0xbb, 0, 0, 0, 0]); // mov eax, 5 (open); mov ebx, path
    code.extend([0xb9, 1, 0, 0, 0, 0xcd, 0x80]); // mov ecx, O_WRONLY; int 0x80
    code.extend([0x85, 0xc0, 0x79, 1, 0x47]); // test eax, eax; jns +1; inc edi
    code.extend([0x89, 0xc3, 0xb8, 6, 0, 0, 0, 0xcd, 0x80]); // mov ebx, eax; mov eax, 6 (close); int 0x80
    // poll(&{0, POLLIN}, 1, 5)
    code.extend([0x6a, 1, 0x6a, 0, 0x89, 0xe3, 0xb8, 168, 0, 0, 0]); // push 1; push 0; mov ebx, esp; mov eax, 168
    code.extend([0xb9, 1, 0, 0, 0, 0xba, 5, 0, 0, 0, 0xcd, 0x80, 0x58, 0x58 + 1]); // ecx 1, edx 5, int 0x80, pop eax, pop ecx
    code.extend([0xc1, 0xe9, 16, 0x85, 0xc9]); // shr ecx, 16 (revents); test ecx, ecx
    let back = again as i32 - (code.len() as i32 + 2);
    code.extend([0x74, back as i8 as u8]); // jz again
    code.extend([0x89, 0xfb, 0xb8, 1, 0, 0, 0, 0xcd, 0x80]); // mov ebx, edi; mov eax, 1 (exit); int 0x80
    let path = BASE + HEADERS + code.len() as u32;
    code[null_at..null_at + 4].copy_from_slice(&path.to_le_bytes());
    code.extend(b"/dev/null\0");
    let length = HEADERS + code.len() as u32;
    let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for half in [2u16, 3] {
        file.extend(half.to_le_bytes()); // ET_EXEC, EM_386
    }
    for word in [1, BASE + HEADERS, 52, 0, 0] {
        file.extend(word.to_le_bytes()); // version, entry, program headers, section headers, flags
    }
    for half in [52u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, 0, BASE, BASE, length, length, 5, 4096] {
        file.extend(u32::to_le_bytes(word)); // PT_LOAD, read and execute
    }
    file.extend(code);
    file
}

#[test]
fn a_program_of_32_bits_is_left_as_it_is_and_that_is_said() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let Some(task) = Task::start("inject") else { return };
    let program = task.at("small");
    fs::write(&program, program_of_32_bits()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let plain = Command::new(&program).stdin(Stdio::null()).status();
    if !plain.is_ok_and(|status| status.code() == Some(0)) {
        eprintln!("skipped: this kernel runs no program of 32 bits");
        return;
    }
    let mut app = task.app(&[program.to_str().unwrap()]);
    task.wait_said("(small) came from outside; its executions are seen: its code is of another architecture");
    drop(app.stdin.take());
    assert_eq!(app.wait().unwrap().code(), Some(0));
}

#[test]
fn programs_that_follow_each_other_in_a_process_are_no_races() {
    let Some(task) = Task::start("lifecycle") else { return };
    for _ in 0..10 {
        let chain = "exec env sh -c 'exec env sh -c \"exec env sleep 0.01\"'";
        assert!(enter(task.pause, &["sh", "-c", chain]).status().unwrap().success());
    }
    assert!(enter(task.pause, &["sleep", "0.9"]).status().unwrap().success());
    task.wait_said("RAN <sleep 0.9>");
    assert!(task.count("RAN <env sh") > 0, "{}", task.said());
    assert_eq!(task.count("Argument race"), 0, "{}", task.said());
}

/// A health check as a container runtime makes it, but for the runtime's own process, which is there for longer.
#[test]
fn short_programs_from_outside_are_mostly_seen() {
    let Some(task) = Task::start("lifecycle") else { return };
    for (milliseconds, least) in [(30, 25), (10, 10), (3, 0)] {
        let name = |number: u32| format!("0.{milliseconds:03}{number:02}");
        for number in 10..60 {
            assert!(enter(task.pause, &["sleep", &name(number)]).status().unwrap().success());
        }
        let last = format!("0.9{milliseconds}");
        assert!(enter(task.pause, &["sleep", &last]).status().unwrap().success());
        task.wait_said(&format!("RAN <sleep {last}>"));
        let said = task.said();
        let seen = (10..60).filter(|number| said.contains(&format!("RAN <sleep {}>", name(*number)))).count();
        eprintln!("of 50 programs from outside that lived for {milliseconds} ms, {seen} were seen");
        assert!(seen >= least, "{seen} of {milliseconds} ms");
    }
}
