//! Attacks on what the sensor reads: arguments changed by another thread, and a busy but honest workload beside them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says what it skipped"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use fargard_model::bounded;
use serde_json::Value;

const RACE: &str = "Argument race";

struct Ran {
    stdout: String,
    stderr: String,
    alerts: Vec<Value>,
}

impl Ran {
    fn of(&self, rule: &str) -> Vec<&Value> {
        self.alerts.iter().filter(|alert| alert["rule"] == rule).collect()
    }
}

fn watch(rules: &str, command: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yaml");
    let printed = directory.path().join("alerts.jsonl");
    fs::write(&file, rules).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"))
        .args(["run", "--stay", "--"])
        .args(command)
        .env("FARGARD_RULES", &file)
        .env("FARGARD_PRINT", "json")
        .env("FARGARD_PRINT_TO", &printed)
        .env("FARGARD_CHECKS", "off")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = bounded::read_to_string(&printed, 64 << 20).unwrap_or_default();
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        alerts: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

/// Watches a racer until one of its races was told of: on a busy machine its two threads seldom run at once.
fn watch_race(rules: &str, command: &[&str]) -> Ran {
    let mut ran = watch(rules, command);
    for _ in 0..9 {
        if !ran.of(RACE).is_empty() {
            break;
        }
        ran = watch(rules, command);
    }
    ran
}

/// Compiles a program of this directory; `None` where there is no compiler.
fn compiled(name: &str, directory: &Path) -> Option<PathBuf> {
    let program = directory.join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(format!("{name}.c"));
    let gcc = Command::new("gcc").args(["-O1", "-pthread", "-o"]).arg(&program).arg(source).status();
    let works = gcc.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: gcc cannot compile {name}.c here");
    }
    works.then_some(program)
}

fn text<'a>(alert: &'a Value, field: &str) -> &'a str {
    alert["output_fields"][field].as_str().unwrap_or_default()
}

/// "key value" lines as the racer prints them: what the kernel says of each process or descriptor.
fn truth(ran: &Ran) -> BTreeMap<i64, String> {
    let pairs = ran.stdout.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(key, value)| (key.parse().unwrap(), value.to_owned())).collect()
}

/// Of each call that was asked for, what the kernel made of it is the truth where they differ, and only there.
fn compare(ran: &Ran, key: &str, value: &str) {
    let truth = truth(ran);
    let told: BTreeMap<i64, &str> = ran
        .of(RACE)
        .into_iter()
        .map(|alert| (alert["output_fields"][key].as_i64().unwrap(), text(alert, "ecs.race.confirmed")))
        .collect();
    assert!(!told.is_empty(), "no race was told of: {truth:?} {}", ran.stderr);
    let mut raced = 0;
    // What was gone before the engine looked is not told of; what is told of is true.
    for alert in ran.of("asked") {
        let number = alert["output_fields"][key].as_i64().unwrap();
        let asked = text(alert, value);
        let Some(real) = truth.get(&number) else { continue };
        if asked != real
            && alert["output_fields"]["ecs.race.part"].is_null()
            && let Some(said) = told.get(&number)
        {
            raced += 1;
            assert_eq!(said, real, "asked {asked}: {told:?}");
        }
    }
    // On a slow machine some ended before the racer looked at them.
    let known = told.keys().filter(|number| truth.contains_key(number)).count();
    assert_eq!(raced, known, "what was as asked was told of: {told:?} {truth:?}");
}

#[test]
fn a_program_whose_path_changes_while_it_is_looked_at_is_told_of_with_both_paths() {
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    let (decoy, real) = (place.path().join("tool_a"), place.path().join("tool_b"));
    fs::copy("/bin/sleep", &decoy).unwrap();
    fs::copy("/bin/sleep", &real).unwrap();
    let rules = "- rule: asked\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and \
                 proc.exepath contains tool_\n  output: x %proc.pid %proc.exepath %ecs.race.part\n\
                 - rule: only b\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and \
                 proc.exepath endswith tool_b\n  output: x %proc.pid\n";
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let ran = watch_race(rules, &[&path(&racer), "path", &path(&decoy), &path(&real), "120"]);
    compare(&ran, "proc.pid", "proc.exepath");
    // A rule about the program that really ran fires, whichever was asked for.
    let pid = |alert: &&Value| alert["output_fields"]["proc.pid"].as_i64();
    let fired: BTreeSet<Option<i64>> = ran.of("only b").iter().map(pid).collect();
    let races = ran.of(RACE);
    let really = races.iter().filter(|alert| text(alert, "ecs.race.confirmed").ends_with("tool_b"));
    assert!(really.clone().all(|alert| fired.contains(&pid(alert))), "{fired:?} {races:?}");
}

#[test]
fn arguments_that_change_while_they_are_looked_at_are_told_of() {
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    let rules = "- rule: asked\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and \
                 proc.exe=racer\n  output: x %proc.pid %proc.cmdline %ecs.race.part\n";
    let sleep = fs::canonicalize("/bin/sleep").unwrap();
    let ran = watch_race(rules, &[racer.to_str().unwrap(), "argv", sleep.to_str().unwrap(), "120"]);
    let truth = truth(&ran);
    let told = ran.of(RACE);
    assert!(!told.is_empty(), "{truth:?} {}", ran.stderr);
    for alert in told {
        let pid = alert["output_fields"]["proc.pid"].as_i64().unwrap();
        let (asked, confirmed) = (text(alert, "ecs.race.asked"), text(alert, "ecs.race.confirmed"));
        assert_ne!(asked, confirmed);
        if let Some(real) = truth.get(&pid) {
            assert_eq!(confirmed, real);
        }
    }
}

#[test]
fn a_connection_whose_port_changes_while_it_is_looked_at_is_told_of_with_both_ports() {
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    // Two ports that differ in their low byte only.
    let (one, other) = loop {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        if let Ok(other) = TcpListener::bind(("127.0.0.1", port ^ 1)) {
            break (one, other);
        }
    };
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    // Connections that nobody takes fill the queue: then the next one waits.
    for listener in [&one, &other] {
        let listener = listener.try_clone().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(std::mem::forget));
    }
    let rules = "- rule: asked\n  desc: d\n  priority: INFO\n  condition: evt.type=connect and \
                 fd.sip=127.0.0.1\n  output: x %fd.num %fd.rport %fd.sport %ecs.race.part\n";
    let (a, b) = (port(&one).to_string(), port(&other).to_string());
    let ran = watch_race(rules, &[racer.to_str().unwrap(), "port", &a, &b, "250"]);
    let truth = truth(&ran);
    let told = ran.of(RACE);
    let has_raced = |alert: &&Value| {
        let real = alert["output_fields"]["fd.num"].as_i64().and_then(|number| truth.get(&number));
        real.is_some_and(|real| {
            alert["output_fields"]["fd.rport"].as_i64().map(|port| port.to_string()).as_ref() != Some(real)
        })
    };
    if told.is_empty() && !ran.of("asked").iter().any(has_raced) {
        eprintln!("skipped: in ten runs the racer's threads never met");
        return;
    }
    assert!(!told.is_empty(), "{truth:?} {}", ran.stderr);
    for alert in told {
        let (asked, confirmed) = (text(alert, "ecs.race.asked"), text(alert, "ecs.race.confirmed"));
        let expected = [format!("127.0.0.1:{a}"), format!("127.0.0.1:{b}")];
        assert!(asked != confirmed && expected.iter().any(|end| end == asked), "{asked} {confirmed}");
        let number = alert["output_fields"]["fd.num"].as_i64();
        if let Some(real) = number.and_then(|number| truth.get(&number)) {
            assert!(confirmed.ends_with(&format!(":{real}")), "{confirmed} {real}");
        }
    }
}

/// Starts the sensor with a command whose input ends when the alerts' file holds what is waited for.
fn flood(rules: &str, variables: &[(&str, &str)], command: &[&str], until: &str) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yaml");
    let printed = directory.path().join("alerts.jsonl");
    fs::write(&file, rules).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"))
        .args(["run", "--stay", "--"])
        .args(command)
        .env("FARGARD_RULES", &file)
        .env("FARGARD_PRINT", "json")
        .env("FARGARD_PRINT_TO", &printed)
        .env("FARGARD_CHECKS", "off")
        .env("FARGARD_READS", "trap")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = || bounded::read_to_string(&printed, 64 << 20).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(60);
    while !text().contains(until) && Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = text();
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        alerts: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

#[test]
fn over_its_cpu_budget_the_sensor_says_what_it_gives_up_and_still_sees_executions() {
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    let rules = "- rule: read\n  desc: d\n  priority: INFO\n  condition: evt.type in (open, openat) and \
                 fd.name=/dev/null and evt.rawres=77777\n  output: x\n\
                 - rule: last\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and \
                 proc.args=last\n  output: x\n";
    let script = format!("{} flood 100000; /bin/echo last", racer.display());
    let ran = flood(rules, &[("FARGARD_CPU", "1")], &["sh", "-c", &script], "Sensor degraded");
    let degraded = ran.of("Sensor degraded");
    assert_eq!(degraded.len(), 1, "{:?} {}", ran.alerts, ran.stderr);
    assert!(degraded[0]["output"].as_str().unwrap().contains("CPU budget of 1 %"), "{degraded:?}");
    assert!(ran.stderr.contains("cpu_looks "), "{}", ran.stderr);
    assert_eq!(ran.of("last").len(), 1, "{:?} {}", ran.alerts, ran.stderr);
}

#[test]
fn a_rule_that_matches_everything_makes_a_burst_of_detections_and_counts_the_others() {
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    let rule = |name: &str, more: &str| {
        format!(
            "- rule: {name}\n  desc: d\n  priority: INFO\n  condition: evt.type in (open, openat) and \
             fd.name=/dev/null and evt.is_open_read=true and proc.name=racer\n  output: x\n{more}"
        )
    };
    let rules = rule("all", "") + &rule("own", "  limit: {count: 3, within: 1h}\n");
    let ran = flood(&rules, &[], &[racer.to_str().unwrap(), "flood", "20000"], "correlation.folded");
    let (all, own) = (ran.of("all"), ran.of("own"));
    assert!((1_000..1_400).contains(&all.len()), "{} {}", all.len(), ran.stderr);
    let folded = |alerts: &[&Value]| -> u64 {
        alerts.iter().map(|alert| alert["output_fields"]["correlation.folded"].as_u64().unwrap_or(0)).sum()
    };
    // Whatever was not lost in the ring is told of, one way or the other; the rules agree on how much that was.
    assert_eq!(own.len(), 4, "{own:?}");
    assert_eq!(all.len() as u64 + folded(&all), own.len() as u64 + folded(&own));
}

/// The highest resident memory of the engine below a process so far, in KiB.
fn peak_of_engine(ancestor: u32) -> Option<u64> {
    let status = |pid: &str| {
        bounded::read_to_string(Path::new(&format!("/proc/{pid}/status")), 16 << 10).unwrap_or_default()
    };
    let line = |status: &str, name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        found.trim().trim_end_matches(" kB").to_owned()
    };
    let pids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for pid in pids {
        let own = status(&pid);
        if !line(&own, "Name:").starts_with("fargard-engine") {
            continue;
        }
        let lineage = std::iter::successors(Some(pid), |pid| Some(line(&status(pid), "PPid:")));
        if lineage.take(6).any(|pid| pid == ancestor.to_string()) {
            return line(&own, "VmHWM:").parse().ok();
        }
    }
    None
}

/// Bytes that an attacker makes the engine keep stay bounded; its program and libraries are in the figure as well.
#[test]
fn memory_is_bounded_under_floods_of_processes_and_of_opens() {
    const MOST_KIB: u64 = 48 << 10;
    let place = tempfile::tempdir().unwrap();
    let Some(racer) = compiled("racer", place.path()) else { return };
    let long = "x".repeat(3_500);
    let script = format!(
        "for i in $(seq 3000); do /bin/true $i{long}; done; echo > {}; exec {} flood 100000",
        place.path().join("done").display(),
        racer.display()
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"))
        .args(["run", "--stay", "--", "bash", "-c", &script])
        .env("FARGARD_SPOOL_DIR", place.path().join("spool"))
        .env("FARGARD_SERVER", "http://127.0.0.1:9")
        .env("FARGARD_TOKEN", "t")
        .env("FARGARD_DRAIN_SECONDS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    while !place.path().join("done").exists() && Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let mut peak = 0;
    for _ in 0..100 {
        peak = peak.max(peak_of_engine(child.id()).unwrap_or(0));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    eprintln!("the engine took at most {peak} KiB");
    assert!((1..MOST_KIB).contains(&peak), "{peak} KiB");
}

#[test]
fn honest_programs_that_do_odd_things_are_not_taken_for_races() {
    let script = r##"
        set -u
        cd "$1"
        cat > program.c <<'C'
#include <stdio.h>
int main(void) { return puts("x") < 0; }
C
        gcc -o program program.c && ./program && mv program moved && ./moved &
        printf '#!/bin/sh\nsleep 0.05\n' > script; printf '#!/usr/bin/env -S bash -e\nsleep 0.02\n' > other
        chmod +x script other
        ln -s script link; ln -s /bin/sleep napper
        for round in 1 2 3 4 5 6 7 8 9 10; do
            PATH=/nowhere:/none:/tmp:$PATH env true
            ./script & ./link & ./other & ./napper 0.05 &
            sh -c 'exec env exec sh -c "exec env sleep 0.02"' 2>/dev/null
            sh -c 'exec sh -c "exec sh -c \"exec sleep 0.02\""'
            ./missing 2>/dev/null; ./program.c 2>/dev/null
            cp /bin/sleep "gone$round"; "./gone$round" 0.1 & sleep 0.01; rm "gone$round"
            cp /bin/sleep "old$round"; "./old$round" 0.1 & mv "old$round" "new$round"
            mkdir "d$round"; cp /bin/sleep "d$round/s"; "./d$round/s" 0.1 & mv "d$round" "e$round"
            ln -sfn /bin/sleep flip; ./flip 0.05 & ln -sfn /bin/true flip
            perl -e '$0 = "some other title that is long"; select undef, undef, undef, 0.05' &
            /proc/self/exe -c true 2>/dev/null; bash -c 'exec -a other /proc/self/exe -c "sleep 0.02"'
            if command -v busybox > /dev/null; then busybox sh -c 'busybox sleep 0.02; ls / > /dev/null'; fi
            chroot / /bin/sleep 0.02 2>/dev/null
        done
        python3 - <<'P'
import ctypes, os, socket, subprocess, sys, threading, time
def run():
    for _ in range(10):
        subprocess.run(["/bin/sleep", "0.01"])
threads = [threading.Thread(target=run) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
if os.fork() == 0:
    fd = os.memfd_create("quiet")
    os.write(fd, open("/bin/sleep", "rb").read())
    os.execve(fd, ["sleep", "0.1"], {})
os.wait()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in [("127.0.0.1", 9), ("127.0.0.2", 9), ("255.255.255.255", 9), ("127.0.0.3", 7)]:
    for _ in range(5):
        try: s.connect(address)
        except OSError: pass
l = socket.create_server(("127.0.0.1", 0)); port = l.getsockname()[1]
for n in range(60):
    c = socket.socket()
    try: c.connect(("127.0.0.1", 1))
    except OSError: pass
    c.close()
    d = socket.socket(); d.connect(("0.0.0.0", port)); a, _ = l.accept(); d.close(); a.close()
    six = socket.socket(socket.AF_INET6)
    try: six.connect(("::ffff:127.0.0.1", port)); x, _ = l.accept(); x.close()
    except OSError: pass
    six.close()
    e = socket.socket(); e.setblocking(False); e.connect_ex(("127.0.0.1", port)); e.connect_ex(("127.0.0.1", port))
    time.sleep(0.002); e.close(); y, _ = l.accept(); y.close()
P
        wait
        echo done
    "##;
    let rules = "- rule: E\n  desc: d\n  priority: INFO\n  condition: evt.type in (execve, execveat) and \
                 proc.name=nobody-has-this-name\n  output: x\n\
                 - rule: C\n  desc: d\n  priority: INFO\n  condition: evt.type=connect and fd.sport=1 and \
                 evt.rawres=77\n  output: x\n";
    let place = tempfile::tempdir().unwrap();
    let ran = watch(rules, &["bash", "-c", script, "quiet", place.path().to_str().unwrap()]);
    assert!(ran.stdout.contains("done"), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.alerts.is_empty(), "{:#?}", ran.alerts);
}
