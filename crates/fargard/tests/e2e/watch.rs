//! `fargard watch`: what is seen, and that the command notices nothing.

use std::{fs, os::unix::process::ExitStatusExt, path::PathBuf, process::Output};

use crate::support::{fargard, is_root};

fn watch(options: &[&str], command: &[&str]) -> Output {
    fargard().arg("watch").args(options).arg("--").args(command).output().expect("fargard starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file below /usr/bin that is gone at the end of the test.
struct Probe(PathBuf);

impl Probe {
    fn new(name: &str) -> Self {
        Self(PathBuf::from(format!("/usr/bin/fargard-{name}-{}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("made of ASCII")
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // An ordinary user could not make it in the first place.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_write_below_a_binary_directory_is_seen_and_the_exit_code_is_the_commands() {
    let probe = Probe::new("touch");
    let script = format!("touch {}; echo out; echo err >&2; exit 7", probe.path());
    let output = watch(&[], &["sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), "out\n");
    let printed = text(&output.stderr);
    assert!(printed.lines().any(|line| line == "err"), "{printed}");
    let line = printed
        .lines()
        .find(|line| line.contains(probe.path()) && line.contains("Write below binary dir"))
        .or_else(|| printed.lines().find(|line| line.contains(probe.path())))
        .unwrap_or_else(|| panic!("no detection names {}:\n{printed}", probe.path()));
    for part in ["touch", "parent=sh"] {
        assert!(line.contains(part), "{part} is missing in: {line}");
    }
}

#[test]
fn json_alerts_have_the_members_of_falcos() {
    let probe = Probe::new("json");
    let alerts = tempfile::NamedTempFile::new().expect("a temporary file");
    let file = alerts.path().to_str().expect("made of ASCII");
    let output = watch(&["--json", "--output", file], &["touch", probe.path()]);
    assert_eq!(text(&output.stdout), "");
    let alerts = fs::read_to_string(file).expect("the alerts");
    let alert: serde_json::Value = alerts
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .find(|alert| alert["output"].as_str().is_some_and(|output| output.contains(probe.path())))
        .unwrap_or_else(|| panic!("no alert names {}:\n{alerts}", probe.path()));
    for member in ["time", "rule", "priority", "source", "hostname", "output", "tags", "output_fields"] {
        assert!(!alert[member].is_null(), "{member} is missing in {alert}");
    }
    assert_eq!(alert["source"], "syscall");
    assert_eq!(alert["output_fields"]["proc.name"], "touch");
}

#[test]
fn a_falco_configuration_says_which_rules_count_and_what_alerts_show() {
    let probe = Probe::new("config");
    let config = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(
        config.path(),
        "json_output: true\nrules:\n- disable: {rule: '*'}\n- enable: {rule: Modify binary dirs}\n\
         append_output:\n- extra_output: stage=%static.stage\nstatic_fields: {stage: prod}\n",
    )
    .expect("written");
    let path = config.path().to_str().expect("made of ASCII");
    let script = format!("touch {0} && mv {0} {0}.new && rm {0}.new", probe.path());
    let output = watch(&["--falco-config", path], &["sh", "-c", &script]);
    let printed = text(&output.stderr);
    assert!(printed.contains("ignored: json_output"), "{printed}");
    let found: Vec<_> = printed.lines().filter(|line| line.contains(probe.path())).collect();
    assert!(!found.is_empty() && found.iter().all(|line| line.ends_with("stage=prod")), "{printed}");
    assert!(!printed.contains("Write below binary dir"), "{printed}");
    fs::write(config.path(), "rule_matching: last\n").expect("written");
    let output = watch(&["--falco-config", path], &["true"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("expected first or all"), "{}", text(&output.stderr));
}

#[test]
fn a_signal_that_ends_the_command_ends_watch_the_same_way() {
    let output = watch(&["--quiet"], &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
}

#[test]
fn the_command_sees_no_difference() {
    let commands: [&[&str]; 6] = [
        // Its descriptors, with what they lead to.
        &["ls", "/proc/self/fd"],
        &["grep", "-E", "^(Sig(Blk|Ign|Cgt)|ShdPnd|Uid|Gid|Groups|Threads)", "/proc/self/status"],
        &["cat", "/proc/self/limits", "/proc/self/oom_score_adj", "/proc/self/cgroup"],
        &["sh", "-c", "umask; pwd; env | grep -v ^_= | sort; tty"],
        // A child nobody told the command of would make the second wait something else than an error.
        &["python3", "-c", "import os\ntry: os.waitpid(-1, 0)\nexcept ChildProcessError as e: print(e)"],
        &["cat", "/proc/self/cmdline"],
    ];
    for command in commands {
        let plain = std::process::Command::new(command[0]).args(&command[1..]).output().expect("it starts");
        let watched = watch(&["--quiet"], command);
        assert_eq!(text(&watched.stdout), text(&plain.stdout), "{command:?}");
        assert_eq!(watched.status.code(), plain.status.code(), "{command:?}");
    }
}

#[test]
fn a_command_that_is_not_there_ends_as_a_shell_says_it() {
    let output = watch(&[], &["/nonexistent/command"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).contains("/nonexistent/command"), "{}", text(&output.stderr));
}

#[test]
fn an_ordinary_user_is_told_what_differs() {
    if !is_root() {
        eprintln!("skipped: needs root to become another user");
        return;
    }
    let program = env!("CARGO_BIN_EXE_fargard");
    let copy = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in("/tmp")
        .expect("a directory");
    let readable = copy.path().join("fargard");
    fs::copy(program, &readable).expect("the program can be copied");
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&readable)
        .args(["watch", "--", "sh", "-c", "chmod u+s /usr/bin/true; exit 3"])
        .current_dir("/")
        .output()
        .expect("setpriv starts");
    assert_eq!(output.status.code(), Some(3));
    let printed = text(&output.stderr);
    assert!(printed.contains("no_new_privs"), "{printed}");
    assert!(printed.contains("/usr/bin/true"), "the attempt is not reported:\n{printed}");
}

#[test]
fn a_bad_rules_file_stops_before_the_command_starts() {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(
        rules.path(),
        "- rule: Broken\n  desc: d\n  condition: evt.type = open and (\n  output: o\n  priority: INFO\n",
    )
    .expect("written");
    let file = rules.path().to_str().expect("made of ASCII");
    let output = watch(&["--rules", file], &["sh", "-c", "echo ran"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains(&format!("{file}:3:")), "{}", text(&output.stderr));
}
