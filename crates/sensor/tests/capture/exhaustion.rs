//! Processes and memory that run out in the container.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{
    attacks::BOMB,
    support::{self, Run, children, kill, wait_until},
};

/// A control group with one limit; it is removed at the end.
struct Group(PathBuf);

impl Group {
    /// `None` where there are none, or not for this user. The pairs are the places and files of version 1 and 2.
    fn limited(name: &str, places: [(&str, &str); 2], limit: u64) -> Option<Self> {
        let made = places.iter().find_map(|(parent, file)| {
            let group = Self(Path::new(parent).join(format!("fargard-{name}-{}", std::process::id())));
            fs::create_dir(&group.0).ok()?;
            let limited = fs::write(group.0.join(file), limit.to_string());
            limited.is_ok().then_some(group)
        });
        if made.is_none() {
            eprintln!("skipped: no control group can be made here");
        }
        made
    }

    fn of_processes(most: u64) -> Option<Self> {
        let places = [("/sys/fs/cgroup/pids", "pids.max"), ("/sys/fs/cgroup", "pids.max")];
        Self::limited("pids", places, most)
    }

    fn of_memory(name: &str, mebibytes: u64) -> Option<Self> {
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        Self::limited(name, places, mebibytes << 20)
    }

    fn processes(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }

    /// A command that enters the group and becomes what follows.
    fn enter(&self) -> [String; 4] {
        let script = format!("echo $$ > {}; exec \"$@\"", self.processes().display());
        ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]
    }

    fn run(&self) -> Run {
        let enter = self.enter();
        let words: Vec<&str> = enter.iter().map(String::as_str).collect();
        Run::new().by(&words).backend("notify")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let empty = || fs::remove_dir(&self.0).is_ok().then_some(());
        if !std::thread::panicking() {
            wait_until("an empty group", empty);
        }
    }
}

#[test]
fn without_a_process_to_be_had_either_of_the_sensors_may_die() {
    for keeper_too in [false, true] {
        // The engine has some threads, which count.
        let Some(group) = Group::of_processes(40) else { return };
        let run = group.run();
        let mut command = run.command(&["python3", "-c", BOMB]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keeper, engine) = run.sensor(child.id());
        let mut lines = support::lines_of(child.stdout.take().unwrap());
        assert_eq!(lines.next().unwrap(), "full");
        kill(if keeper_too { keeper } else { engine });
        // Calls go on: they are answered, and seen by whoever is left.
        let before = run.written();
        if keeper_too {
            wait_until("answered calls", || (run.written() > before + 10_000).then_some(()));
        }
        drop(child.stdin.take());
        assert_eq!(lines.next().unwrap(), "refused True");
        assert!(child.wait().unwrap().success());
        let counters = run.counters();
        assert!(counters.exact(), "{counters:?}");
        assert_eq!(counters.get("engine_restarts") >= 1, !keeper_too, "{counters:?}");
    }
}

#[test]
fn an_engine_for_which_memory_runs_out_is_replaced_and_no_call_fails() {
    let Some(group) = Group::of_memory("engine", 256) else { return };
    let run = Run::new().backend("notify");
    let mut command = run.workload("opens 5000 until-told");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (keeper, engine) = run.sensor(child.id());
    fs::write(group.processes(), engine.to_string()).unwrap();
    // Less than it needs for its next page.
    for (file, limit) in [("memory.limit_in_bytes", "4096"), ("memory.max", "4096")] {
        let _ = fs::write(group.0.join(file), limit);
    }
    wait_until("another engine", || {
        children(keeper, "fargard-engine").into_iter().find(|other| *other != engine)
    });
    let killed = ["memory.oom_control", "memory.events"].iter().any(|file| {
        let text = fargard_model::bounded::read_to_string(&group.0.join(file), 4096);
        text.is_ok_and(|text| text.lines().any(|line| line == "oom_kill 1"))
    });
    assert!(killed, "it was killed for want of memory");
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("done: ") && text.contains(" failed: 0\n"), "{text}");
    let counters = run.counters();
    assert!(counters.exact() && counters.get("engine_restarts") >= 1, "{counters:?}");
}

/// Takes more memory than there is, four times, and opens a file all the while.
const EATER: &str = r#"
import os, subprocess, sys
failed = killed = done = 0
for round in range(4):
    eater = subprocess.Popen([sys.executable, "-c", "x = [bytearray(b'x' * (1 << 20)) for i in range(4096)]"])
    while eater.poll() is None:
        try:
            os.close(os.open("/dev/null", os.O_WRONLY))
            done += 1
        except OSError:
            failed += 1
    killed += eater.returncode == -9
print("killed", killed, "failed", failed, flush=True)
"#;

#[test]
fn memory_that_runs_out_in_the_container_ends_who_takes_it() {
    let Some(group) = Group::of_memory("container", 160) else { return };
    let run = group.run();
    let mut command = run.command(&["python3", "-c", EATER]);
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text, "killed 4 failed 0\n", "{output:?}");
    let counters = run.counters();
    println!("{counters:?}");
    assert!(counters.exact() && counters.get("seen") > 100, "{counters:?}");
}
