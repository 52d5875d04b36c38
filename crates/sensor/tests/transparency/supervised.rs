//! Programs that supervise others: debuggers, and init processes as a container's first.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::programs::{Stage, installed, run};

#[test]
fn a_debugger_inside_works() {
    if !installed(&["gdb"]) {
        return;
    }
    let stage = Stage::new();
    let Some(program) = stage.c("processes.c") else { return };
    let commands = ["-ex", "break main", "-ex", "run", "-ex", "catch syscall openat", "-ex", "continue"];
    let mut line = vec!["gdb", "-nx", "-q", "-batch"];
    line.extend(commands);
    line.extend(["-ex", "backtrace 1", "-ex", "kill", "--args", &program]);
    let shown = stage.same(&line);
    assert!(shown.contains("Breakpoint 1, ") && shown.contains("killed]"), "{shown}");
}

#[test]
fn strace_inside_sees_the_same_calls() {
    if !installed(&["strace"]) {
        return;
    }
    let stage = Stage::new();
    // Not as the entry itself: strace waits for children of every kind, and would wait for the keeper too.
    let script =
        "strace -qq -e trace=openat,exit_group -o /dev/stdout dash -c 'echo x > /dev/null; exit 3'; exit $?";
    let shown = stage.same(&["sh", "-c", script]);
    assert!(shown.contains("openat(AT_FDCWD, \"/dev/null\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = "), "{shown}");
}

/// A service directory whose only service ends the supervisor.
fn service(stage: &Stage) -> String {
    let directory = stage.path("services");
    let scripts = [
        ("once/run", "#!/bin/sh\necho service runs\ns6-svscanctl -t ..\nexec sleep 100\n"),
        (".s6-svscan/finish", "#!/bin/sh\necho finished; exit 0\n"),
    ];
    for (name, text) in scripts {
        let path = Path::new(&directory).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

/// Runs a command as the first process of a new pid namespace; `None` where that is not possible.
fn as_first(stage: &Stage, command: &[&str], watched: bool) -> Option<(String, Option<i32>)> {
    let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let mut probe = namespace.to_vec();
    probe.push("true");
    if !run(&probe).status.success() {
        eprintln!("skipped: no pid namespace can be made here");
        return None;
    }
    let line = if watched {
        stage.watched(command)
    } else {
        command.iter().map(|word| (*word).to_owned()).collect()
    };
    let mut all = namespace.to_vec();
    all.extend(line.iter().map(String::as_str));
    let output = run(&all);
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()))
}

#[test]
fn s6_supervises_as_the_first_process() {
    if !installed(&["s6-svscan", "unshare"]) {
        return;
    }
    let stage = Stage::new();
    let directory = service(&stage);
    let Some(expected) = as_first(&stage, &["s6-svscan", &directory], false) else { return };
    fs::remove_dir_all(&directory).unwrap();
    service(&stage);
    let seen = as_first(&stage, &["s6-svscan", &directory], true);
    assert_eq!(seen, Some(expected.clone()));
    assert!(expected.0.contains("service runs\n") && expected.0.contains("finished\n"), "{expected:?}");
}

#[test]
fn tini_passes_signals_and_reaps_as_the_first_process() {
    if !installed(&["tini", "unshare"]) {
        return;
    }
    let stage = Stage::new();
    let script = "(sleep 0.05 &); trap 'echo told; exit 14' TERM; kill -TERM 1; while :; do sleep 0.01; done";
    let command = ["tini", "--", "sh", "-c", script];
    let Some(expected) = as_first(&stage, &command, false) else { return };
    assert_eq!(expected, ("told\n".to_owned(), Some(14)));
    assert_eq!(as_first(&stage, &command, true), Some(expected));
}
