//! Real commands under the sensor: what they do, see and leave behind is what they would without it, whatever
//! happens to the sensor's own processes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and speaks on the terminal"
)]

mod attacks;
mod exhaustion;
mod kills;
#[path = "../support/mod.rs"]
mod support;

use std::{fs, os::unix::process::ExitStatusExt, process::Stdio};

use support::{Run, as_nobody, kill, plain, stop, workload};

const BACKENDS: [&str; 2] = ["notify", "trace"];

#[test]
fn exit_codes_and_signals_are_the_commands() {
    for backend in BACKENDS {
        for stay in [false, true] {
            let run = Run::new().backend(backend).stay(stay);
            assert_eq!(run.command(&["sh", "-c", "exit 7"]).status().unwrap().code(), Some(7));
            let run = Run::new().backend(backend).stay(stay);
            let status = run.command(&["sh", "-c", "kill -TERM $$"]).status().unwrap();
            assert_eq!(status.signal(), Some(libc::SIGTERM), "{backend} {stay}");
        }
    }
}

#[test]
fn a_command_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    fs::write(&text, "no program").unwrap();
    for stay in [false, true] {
        let code = |program: &str| Run::new().stay(stay).command(&[program]).output().unwrap().status.code();
        assert_eq!(code("no-such-command-anywhere"), Some(127));
        assert_eq!(code("/no/such/command"), Some(127));
        assert_eq!(code(text.to_str().unwrap()), Some(126));
    }
}

#[test]
fn the_command_sees_its_own_descriptors_signals_and_environment() {
    let script = "ls /proc/self/fd; grep -E 'Sig[BI]|ShdPnd|NoNewPrivs' /proc/self/status; env | sort | grep -v ^_=; \
                  umask; ulimit -a; pwd; test -e /proc/$$/fd/0";
    let expected = plain(&["sh", "-c", script]).stdin(Stdio::null()).output().unwrap();
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let seen = run.command(&["sh", "-c", script]).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&seen.stdout), text(&expected.stdout), "{backend}");
        assert_eq!(seen.status, expected.status);
    }
}

#[test]
fn closed_standard_descriptors_stay_closed() {
    let run = Run::new();
    let inner = run.command(&["sh", "-c", "readlink /proc/self/fd/0 || echo closed"]);
    let mut line: Vec<String> = vec![inner.get_program().to_str().unwrap().to_owned()];
    line.extend(inner.get_args().map(|arg| format!("'{}'", arg.to_str().unwrap())));
    let output = plain(&["sh", "-c", &format!("exec {} <&-", line.join(" "))]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "closed\n");
}

#[test]
fn an_app_without_children_has_none() {
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let output = run.workload("wait").output().unwrap();
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("no children: true"),
            "{backend}: {output:?}"
        );
    }
}

#[test]
fn the_end_of_the_apps_output_is_seen_while_the_engine_lives() {
    let run = Run::new();
    let mut child = run
        .command(&["sh", "-c", "read line; echo last words"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (_, engine) = run.sensor(child.id());
    stop(engine);
    drop(child.stdin.take());
    // Reads until the end: it comes although the engine still is there and will never be done.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"last words\n");
    assert!(fs::exists(format!("/proc/{engine}")).unwrap());
    kill(engine);
}

#[test]
fn a_stopped_engine_delays_nothing_and_what_did_not_fit_is_counted() {
    for backend in BACKENDS {
        let run = Run::new().backend(backend).ring(128 << 10);
        let mut command = run.workload("opens 20000 slow-start");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (_, engine) = run.sensor(child.id());
        stop(engine);
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("done: 20000 failed: 0"), "{backend}: {text}");
        support::resume(engine);
        let counters = run.counters();
        assert!(counters.exact() && counters.get("seen") >= 20_000, "{backend}: {counters:?}");
        assert!(counters.get("ring_file") > 1000, "{backend}: {counters:?}");
    }
}

#[test]
fn an_engine_that_cannot_work_leaves_the_command_alone() {
    let run = Run::new().output("/nonexistent/directory/calls");
    let output =
        run.command(&["sh", "-c", "for i in 1 2 3; do ls / >/dev/null || exit 1; done; exit 5"]).output();
    assert_eq!(output.unwrap().status.code(), Some(5));
}

#[test]
fn shell_pipelines_work_by_the_hundred() {
    let script =
        "i=0; while [ $i -lt 200 ]; do echo $i | cat | grep -q . || exit 1; i=$((i+1)); done; echo all";
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let output = run.command(&["dash", "-c", script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "all\n", "{backend}: {output:?}");
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") >= 401, "{backend}: {counters:?}");
    }
}

#[test]
fn spawned_programs_and_threads_are_seen() {
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let output = run.workload("spawns 50").output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("done: 50"), "{backend}: {output:?}");
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") >= 50, "{backend}: {counters:?}");
        assert!(run.lines().iter().filter(|line| line.contains("execve Text0=\"/bin/true\"")).count() == 50);
        let run = Run::new().backend(backend);
        let output = run.workload("threads 4").output().unwrap();
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("done: 2000 failed: 0"),
            "{backend}: {output:?}"
        );
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") >= 2000, "{backend}: {counters:?}");
    }
}

#[test]
fn many_short_processes_are_no_problem() {
    let script = "i=0; while [ $i -lt 300 ]; do (: > /dev/null) & i=$((i+1)); done; wait; echo all";
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let output = run.command(&["sh", "-c", script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "all\n", "{backend}: {output:?}");
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") >= 301, "{backend}: {counters:?}");
    }
}

#[test]
fn an_ordinary_user_may_watch_too() {
    let Some(user) = as_nobody() else { return };
    for backend in BACKENDS {
        let run = Run::new().backend(backend).by(&user).writable_for_all();
        let output = run.command(&["sh", "-c", "id -u; echo x > /dev/null; exit 3"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "65534\n");
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") >= 2, "{backend}: {counters:?}");
        let lines = run.lines();
        assert!(lines.iter().any(|line| line.contains("no_new_privs")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("openat Text1=\"/dev/null\"")), "{lines:?}");
    }
}

#[test]
fn relative_paths_come_with_their_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        run.command(&["sh", "-c", &format!("cd {path} && echo x > ./inside")]).status().unwrap();
        run.counters();
        let expected = format!("Text1=\"./inside\" Base1=\"{path}\"");
        assert!(run.lines().iter().any(|line| line.contains(&expected)), "{backend}: {:?}", run.lines());
    }
}

#[test]
fn static_programs_and_bad_pointers_behave_as_ever() {
    let Some(program) = support::compiled("odd_calls.c") else { return };
    for backend in BACKENDS {
        let run = Run::new().backend(backend);
        let output = run.command(&[program.path()]).output().unwrap();
        // open of an unmapped address, dup2 and execve of a null pointer: EFAULT and so on, as without the sensor.
        let expected = plain(&[program.path()]).output().unwrap();
        assert_eq!(output.stdout, expected.stdout, "{backend}");
        assert!(!output.stdout.is_empty());
        run.counters();
        assert!(
            run.lines().iter().any(|line| line.contains("openat Text1=(unreadable)")),
            "{:?}",
            run.lines()
        );
    }
}

#[test]
fn what_is_left_behind_stays_watched_and_watch_returns() {
    for backend in BACKENDS {
        let run = Run::new().backend(backend).stay(true);
        // A shell gives a background job no input unless told so.
        let script = "exec 3<&0; (read line <&3; : > /dev/null) & exit 4";
        let mut command = run.command(&["sh", "-c", script]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stdin = child.stdin.take();
        assert_eq!(child.wait().unwrap().code(), Some(4), "{backend}");
        assert!(run.lines().iter().all(|line| !line.starts_with("# seen")), "the sensor is still there");
        drop(stdin);
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") == 2, "{backend}: {counters:?}");
    }
}

#[test]
fn the_last_calls_of_a_namespaces_first_process_are_not_lost() {
    let namespace = ["unshare", "--pid", "--fork", "--mount-proc"];
    if !plain(&namespace).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no pid namespace can be made here");
        return;
    }
    let run = Run::new().by(&namespace);
    let output = run.command(&["sh", "-c", "echo $$; (sleep 100) & : > /dev/null; exit 6"]).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(output.stdout, b"1\n");
    // Everything is written by now, and with the namespace all of it has ended.
    let lines = run.lines();
    assert!(lines.iter().any(|line| line.contains("openat Text1=\"/dev/null\"")), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("# seen="), "{lines:?}");
}

#[test]
fn signals_sent_to_watch_reach_the_command() {
    let run = Run::new().stay(true);
    let script = "trap 'echo got; exit 9' TERM; echo ready; while :; do read line; done";
    let mut child =
        run.command(&["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = support::lines_of(child.stdout.take().unwrap());
    assert_eq!(lines.next().unwrap(), "ready");
    support::signal(child.id(), libc::SIGTERM);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn nothing_needed_or_wanted_is_said() {
    let run = Run::new().backend("none");
    assert!(run.command(&["true"]).status().unwrap().success());
    let counters = run.counters();
    assert_eq!(counters.get("seen"), 0);
    assert!(run.lines()[0].contains("# none (capturing is turned off)"), "{:?}", run.lines());
}

/// Not a test of its own: what the tests above run as a command.
#[test]
fn as_workload() {
    workload::run();
}
