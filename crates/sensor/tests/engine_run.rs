//! Real commands under the whole sensor: capture, process table, rules, checks, spool.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use fargard_model::{Batch, CheckStatus, EventType, Outcome, Record, bounded};
use serde_json::Value;

struct Ran {
    output: Output,
    alerts: Vec<Value>,
    _directory: tempfile::TempDir,
}

fn run(rules: &str, variables: &[(&str, &Path)], command: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let output = sensor(&directory, rules, variables, command).output().unwrap();
    ran(output, directory)
}

/// As [`run`], and the command's input ends when something was printed: a command that reads it lives as long as
/// the engine needs to look at it, however slow the machine is.
fn run_until_printed(rules: &str, variables: &[(&str, &Path)], command: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let mut sensor = sensor(&directory, rules, variables, command);
    sensor.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = sensor.spawn().unwrap();
    wait_for(|| directory.path().join(ALERTS).metadata().ok().filter(|file| file.len() > 0));
    drop(child.stdin.take());
    ran(child.wait_with_output().unwrap(), directory)
}

const ALERTS: &str = "alerts.jsonl";

fn sensor(
    directory: &tempfile::TempDir,
    rules: &str,
    variables: &[(&str, &Path)],
    command: &[&str],
) -> Command {
    let file = directory.path().join("rules.yaml");
    fs::write(&file, rules).unwrap();
    let mut sensor = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"));
    sensor.args(["run", "--stay", "--"]).args(command).env("FARGARD_RULES", &file);
    sensor.env("FARGARD_PRINT", "json").env("FARGARD_PRINT_TO", directory.path().join(ALERTS));
    sensor.envs(variables.iter().copied());
    sensor
}

fn ran(output: Output, directory: tempfile::TempDir) -> Ran {
    let text = bounded::read_to_string(&directory.path().join(ALERTS), 1 << 20).unwrap_or_default();
    let alerts = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Ran { output, alerts, _directory: directory }
}

fn field<'a>(alert: &'a Value, name: &str) -> &'a Value {
    &alert["output_fields"][name]
}

fn stderr(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.output.stderr).into_owned()
}

#[test]
fn a_short_lived_process_is_named_with_its_parent_its_file_and_its_arguments() {
    let place = tempfile::tempdir().unwrap();
    let probe = place.path().join("probe");
    let rules = format!(
        "- rule: Write to probe\n  desc: d\n  priority: ERROR\n  condition: evt.type in (open, openat) and \
         evt.is_open_write=true and fd.typechar='f' and fd.num>=0 and fd.name={}\n  \
         output: x %fd.name %proc.cmdline %proc.pname %proc.exepath %user.name %proc.ppid %evt.arg.flags\n",
        probe.display()
    );
    let script = format!("touch {}; echo out; echo err >&2; exit 7", probe.display());
    let ran = run(&rules, &[], &["sh", "-c", &script]);
    assert_eq!(ran.output.status.code(), Some(7), "{}", stderr(&ran));
    assert_eq!(ran.output.stdout, b"out\n");
    assert!(stderr(&ran).contains("err\n"));
    assert_eq!(ran.alerts.len(), 1, "{:?} {}", ran.alerts, stderr(&ran));
    let alert = &ran.alerts[0];
    assert_eq!(alert["rule"], "Write to probe");
    assert_eq!(field(alert, "proc.cmdline"), &format!("touch {}", probe.display()));
    assert_eq!(field(alert, "proc.pname"), "sh");
    assert_eq!(field(alert, "fd.name"), probe.to_str().unwrap());
    assert!(field(alert, "proc.exepath").as_str().unwrap().ends_with("/touch"));
}

#[test]
fn calls_that_failed_for_sure_match_no_rule_about_what_was_written() {
    let place = tempfile::tempdir().unwrap();
    let rules = "- rule: W\n  desc: d\n  priority: ERROR\n  condition: evt.type in (open, openat) and \
                 evt.is_open_write=true and fd.num>=0 and fd.name contains no_such_place\n  output: x\n";
    let script = format!("echo x > {}/no_such_place/file; true", place.path().display());
    let ran = run(rules, &[], &["sh", "-c", &script]);
    assert_eq!(ran.output.status.code(), Some(0));
    assert!(ran.alerts.is_empty(), "{:?}", ran.alerts);
}

#[test]
fn an_execution_that_was_not_found_leaves_the_process_what_it_was() {
    let rules = "- rule: E\n  desc: d\n  priority: INFO\n  condition: evt.type=execve\n  \
                 output: x %proc.name %evt.res %proc.aname[2]\n";
    let ran = run(rules, &[], &["env", "-i", "PATH=/nowhere:/bin", "sh", "-c", "true; /bin/true"]);
    let seen: Vec<(&str, &str)> = ran
        .alerts
        .iter()
        .map(|alert| {
            (field(alert, "proc.name").as_str().unwrap(), field(alert, "evt.res").as_str().unwrap_or("-"))
        })
        .collect();
    assert!(seen.contains(&("env", "ENOENT")), "{seen:?}");
    assert!(seen.iter().any(|(name, result)| *name == "true" && *result != "ENOENT"), "{seen:?}");
}

#[test]
fn a_connection_has_both_ends_and_its_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = format!(
        "- rule: C\n  desc: d\n  priority: NOTICE\n  condition: evt.type=connect and fd.sport={port} and \
         evt.rawres >= 0\n  output: x %fd.name %fd.l4proto %fd.lip %fd.rport %proc.name\n"
    );
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read line");
    let ran = run_until_printed(&rules, &[], &["bash", "-c", &script]);
    assert_eq!(ran.alerts.len(), 1, "{:?} {}", ran.alerts, stderr(&ran));
    let alert = &ran.alerts[0];
    assert!(field(alert, "fd.name").as_str().unwrap().ends_with(&format!("->127.0.0.1:{port}")));
    assert_eq!(field(alert, "fd.l4proto"), "tcp");
    assert_eq!(field(alert, "fd.lip"), "127.0.0.1");
    assert_eq!(field(alert, "proc.name"), "bash");
}

#[test]
fn a_program_written_at_run_time_is_known_as_such() {
    let place = tempfile::tempdir().unwrap();
    let tool = place.path().join("tool");
    let rules = "- rule: Drift\n  desc: d\n  priority: CRITICAL\n  condition: evt.type=execve and \
                 proc.is_exe_upper_layer=true\n  output: x %proc.exepath\n";
    let script = format!("cp /bin/true {0} && {0}; /bin/true", tool.display());
    let ran = run(rules, &[], &["sh", "-c", &script]);
    assert_eq!(ran.alerts.len(), 1, "{:?}", ran.alerts);
    assert_eq!(field(&ran.alerts[0], "proc.exepath"), tool.to_str().unwrap());
}

#[test]
fn everything_is_in_the_spool_when_no_server_took_it() {
    let place = tempfile::tempdir().unwrap();
    let spool = tempfile::tempdir().unwrap();
    let miner = place.path().join("xmrig");
    // That an execution succeeded is known only of a process that still lives when it is looked at.
    let rules = "- rule: Run\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and evt.rawres=0 and \
                 proc.name=xmrig\n  output: x\n";
    let script = format!("cp /bin/sleep {0}; {0} 1000 & read line; kill $!", miner.display());
    let ran = run_until_printed(rules, &[("FARGARD_SPOOL_DIR", spool.path())], &["sh", "-c", &script]);
    assert!(ran.output.status.success(), "{}", stderr(&ran));
    let records = spooled(spool.path());
    let detections: Vec<_> = records.iter().filter(|record| matches!(record, Record::Detection(_))).collect();
    assert_eq!(detections.len(), 1);
    assert!(records.iter().any(|record| matches!(record, Record::Heartbeat(heartbeat) if heartbeat.last)));
    assert!(records.iter().any(|record| matches!(record, Record::CheckResult(result)
        if result.check == 426 && result.status == CheckStatus::Failed
            && result.subjects == [miner.to_str().unwrap()])));
    assert!(records.iter().any(|record| matches!(record, Record::Event(event)
        if event.kind == EventType::Execve && event.process.exepath == miner.to_str().unwrap()
            && event.outcome == Outcome::Confirmed(0))));
}

#[test]
fn a_finding_in_a_quiet_container_does_not_wait_for_the_next_call() {
    let place = tempfile::tempdir().unwrap();
    let miner = place.path().join("xmrig");
    let rules = "- rule: R\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and proc.name=none\n  \
                 output: x\n";
    // After the copy nothing is called that the sensor looks at, until the finding is there.
    let script = format!("cp /bin/sleep {}; read line; exit 3", miner.display());
    let ran = run_until_printed(rules, &[], &["sh", "-c", &script]);
    assert_eq!(ran.output.status.code(), Some(3));
    assert!(ran.alerts[0]["output"].as_str().unwrap().contains("xmrig"), "{:?}", ran.alerts);
}

/// The engine among the descendants of a process.
fn engine_of(ancestor: u32) -> Option<u32> {
    let stat = |pid: u32| {
        let text = bounded::read_to_string(Path::new(&format!("/proc/{pid}/stat")), 4096).ok()?;
        let (before, after) = text.rsplit_once(')')?;
        let ppid: u32 = after.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((before.split_once('(')?.1.to_owned(), ppid))
    };
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let lineage = std::iter::successors(Some(*pid), |pid| stat(*pid).map(|(_, ppid)| ppid));
        stat(*pid).is_some_and(|(name, _)| name.starts_with("fargard-engine"))
            && lineage.take(8).any(|pid| pid == ancestor)
    })
}

/// Waits for something that another process does.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited too long");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_engine_is_replaced_and_the_next_one_knows_who_is_who() {
    let place = tempfile::tempdir().unwrap();
    let (rules, alerts) = (place.path().join("rules.yaml"), place.path().join("alerts"));
    let rule = "- rule: T\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and proc.name=touch\n  \
                output: x %proc.args %proc.aname[1] %proc.pcmdline\n";
    fs::write(&rules, rule).unwrap();
    // It goes on until the next engine has shown that it is there: one that comes after the end finds nobody.
    let script = "cd $0; until test -e go; do touch tick; sleep 0.05; done; touch second; exit 4";
    let child = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"))
        .args(["run", "--stay", "--", "sh", "-c", script])
        .arg(place.path())
        .env("FARGARD_RULES", &rules)
        .env("FARGARD_PRINT", "json")
        .env("FARGARD_PRINT_TO", &alerts)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = || {
        let text = bounded::read_to_string(&alerts, 1 << 20).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    wait_for(|| (!lines().is_empty()).then_some(()));
    let first = wait_for(|| engine_of(child.id()));
    let engine = rustix::process::Pid::from_raw(first.try_into().unwrap()).unwrap();
    rustix::process::kill_process(engine, rustix::process::Signal::KILL).unwrap();
    wait_for(|| engine_of(child.id()).filter(|next| *next != first));
    let before = lines().len();
    wait_for(|| (lines().len() > before).then_some(()));
    fs::write(place.path().join("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    let last = lines().pop().unwrap();
    assert_eq!(field(&last, "proc.args"), "second", "{said}");
    assert_eq!(field(&last, "proc.aname[1]"), "sh");
    assert!(field(&last, "proc.pcmdline").as_str().unwrap().starts_with("sh -c cd $0;"));
    assert!(said.contains("engine restarts: 1"), "{said}");
}

fn spooled(directory: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    for producer in fs::read_dir(directory).unwrap() {
        for file in fs::read_dir(producer.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "zst") {
                let lines = zstd::decode_all(&bounded::read(&path, 1 << 20).unwrap()[..]).unwrap();
                records.extend(Batch::from_lines(&lines).unwrap().records);
            }
        }
    }
    records
}

#[test]
fn a_container_starts_even_when_its_rules_are_broken() {
    let ran = run("- rule: [", &[], &["sh", "-c", "exit 3"]);
    assert_eq!(ran.output.status.code(), Some(3));
    assert!(stderr(&ran).contains("rules.yaml:1:"), "{}", stderr(&ran));
}

#[test]
fn the_command_and_the_sensors_processes_do_not_show_the_sensors_variables() {
    let token = Path::new("hush-hush");
    let rules = "- rule: R\n  desc: d\n  priority: INFO\n  condition: evt.type=execve\n  output: x\n";
    let script = "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep hush; true";
    let variables = [("FARGARD_TOKEN", token), ("KEPT", Path::new("a  b"))];
    for rules in [rules, "- rule: ["] {
        let ran = run(rules, &variables, &["sh", "-c", script]);
        let shown = String::from_utf8_lossy(&ran.output.stdout).into_owned();
        assert!(shown.lines().any(|line| line == "KEPT=a  b"), "{shown} {}", stderr(&ran));
        assert!(!shown.contains("FARGARD_") && !shown.contains("hush"), "{shown}");
    }
}

#[test]
fn a_command_runs_without_the_sensors_variables_whatever_they_say() {
    for (value, stay) in [("auto", false), ("none", false), ("nonsense", false), ("nonsense", true)] {
        let mut sensor = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"));
        sensor.arg("run").args(stay.then_some("--stay")).args(["--", "env"]);
        let output = sensor.env_clear().env("A", "1").env("FARGARD_TOKEN", "t").env("B", "2");
        let output = output.env("PATH", "/usr/bin:/bin").env("FARGARD_BACKEND", value).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "A=1\nB=2\nPATH=/usr/bin:/bin\n", "{value}");
    }
}

#[test]
fn a_command_that_is_not_there_is_said_in_the_systems_words() {
    for command in ["/no/such/command", "no-such-command"] {
        let mut sensor = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"));
        let output = sensor.args(["run", "--", command]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = format!("cannot execute {command:?}: No such file or directory (os error 2)\n");
        assert!(said.ends_with(&expected), "{said}");
        assert_eq!(output.status.code(), Some(127));
    }
}

#[test]
fn changed_rules_files_are_taken_up_while_the_command_runs() {
    let (place, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, condition: &str| {
        format!(
            "- rule: {name}\n  desc: d\n  priority: INFO\n  condition: {condition}\n  output: x %fd.name\n"
        )
    };
    let of = |file: &str| {
        format!(
            "evt.type in (open, openat) and evt.is_open_write=true and fd.name={}",
            place.path().join(file).display()
        )
    };
    let script = format!("cd {}; while read file; do touch $file; done; exit 4", place.path().display());
    let mut sensor = sensor(
        &place,
        &write("One", &of("a")),
        // Leases would see what the filter does not.
        &[("FARGARD_SPOOL_DIR", spool.path()), ("FARGARD_READS", Path::new("trap"))],
        &["sh", "-c", &script],
    );
    let said = place.path().join("stderr");
    let stderr = fs::File::create(&said).unwrap();
    let mut child = sensor.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let alerts = |rule: &str| {
        let text = bounded::read_to_string(&place.path().join(ALERTS), 1 << 20).unwrap_or_default();
        text.matches(&format!("\"rule\":\"{rule}\"")).count()
    };
    let mut touch_until_alert = |file: &str, rule: &str| {
        let before = alerts(rule);
        input.write_all(format!("{file}\n").as_bytes()).unwrap();
        wait_for(|| (alerts(rule) > before).then_some(()));
    };
    let wait_said = |part: &str| {
        wait_for(|| bounded::read_to_string(&said, 1 << 20).ok().filter(|text| text.contains(part)))
    };
    let rules = place.path().join("rules.yaml");
    touch_until_alert("a", "One");
    let reads = "evt.type=openat and evt.is_open_write=false and fd.name=/etc/passwd";
    fs::write(&rules, [write("Two", &of("b")), write("Reads", reads)].concat()).unwrap();
    wait_said("rules reloaded: 2, before 1");
    // An open for reading that creates the file is stopped as one for writing is.
    let unseen = "loaded, but sees only some of its calls until the task restarts: rule 'Reads' needs openat for reading";
    wait_said(unseen);
    touch_until_alert("b", "Two");
    fs::write(&rules, "- rule: Broken\n  condition: evt.type=openat\n").unwrap();
    wait_said("the changed rules files are not used, the rules before stay");
    touch_until_alert("b", "Two");
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!((alerts("One"), alerts("Two"), alerts("Reads")), (1, 2, 0));
    let last = spooled(spool.path()).into_iter().find_map(|record| match record {
        Record::Heartbeat(heartbeat) if heartbeat.last => Some(heartbeat),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!((last.rules, last.detections), (2, 3));
    assert!(last.notes.iter().any(|note| note == unseen), "{:?}", last.notes);
    assert!(
        last.notes.iter().any(|note| note.contains("not used") && note.contains("'output'")),
        "{:?}",
        last.notes
    );
}

/// The engine of a sensor, by the chain of its parents.
fn engine_below(ancestor: u32) -> Option<u32> {
    let stat = |pid: u32| bounded::read_to_string(Path::new(&format!("/proc/{pid}/stat")), 4096).ok();
    let parent =
        |pid: u32| -> Option<u32> { stat(pid)?.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok() };
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| stat(*pid).is_some_and(|text| text.contains("(fargard-engine) S"))).find(|pid| {
        let chain = std::iter::successors(Some(*pid), |pid| parent(*pid).filter(|parent| *parent > 1));
        chain.take(8).any(|one| one == ancestor)
    })
}

#[test]
fn an_engine_started_again_with_broken_rules_files_uses_the_built_in_rules_until_they_are_mended() {
    let place = tempfile::tempdir().unwrap();
    let rule = "- rule: One\n  desc: d\n  priority: INFO\n  condition: evt.type=execve\n  output: x\n";
    let said = place.path().join("stderr");
    let mut sensor = sensor(&place, rule, &[], &["sh", "-c", "read line; exit 4"]);
    let stderr = fs::File::create(&said).unwrap();
    let mut child = sensor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    let wait_said = |part: &str| {
        wait_for(|| bounded::read_to_string(&said, 1 << 20).ok().filter(|text| text.contains(part)))
    };
    wait_for(|| place.path().join(ALERTS).metadata().ok().filter(|file| file.len() > 0));
    let rules = place.path().join("rules.yaml");
    fs::write(&rules, "- rule: Broken\n").unwrap();
    wait_said("the changed rules files are not used");
    let engine = wait_for(|| engine_below(child.id()));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(engine.cast_signed()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    wait_said("the built-in rules are loaded until it can");
    fs::write(&rules, rule).unwrap();
    wait_said("rules reloaded: 1, before ");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}
