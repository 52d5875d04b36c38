//! What is seen of processes that come into a container from outside.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fargard_lab::{AttachMode, Options, PrintFormat, SensorOptions};
use libtest_mimic::Trial;

use crate::{
    agent::{image, session, with_agent},
    bench::{Bench, options, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("attach::a_thousand_commands_of_a_session_by_lifecycle", || thousand(AttachMode::Lifecycle)),
        rooted("attach::a_thousand_commands_of_a_session_by_injection", || thousand(AttachMode::Inject)),
        rooted("attach::health_checks_are_told_from_sessions", health_checks),
    ]
}

const SESSION: &str = "ecs-execute-command-0f913e47ae801aeb4";
const PATIENCE: Duration = Duration::from_secs(60);
const RULES: &str = r#"
- rule: Executed
  desc: every program
  condition: evt.type in (execve, execveat)
  output: "EXEC <%proc.cmdline> session=%ecs.session id=%ecs.exec_session container=%ecs.container.name user=%user.name exe=%proc.exepath"
  priority: NOTICE
- rule: Wrote
  desc: files written under a name
  condition: evt.type in (open, openat, creat) and evt.is_open_write=true and fd.name contains marker
  output: "WROTE <%fd.name> session=%ecs.session id=%ecs.exec_session container=%ecs.container.name user=%user.name"
  priority: NOTICE
"#;

pub(crate) fn watched(mut options: Options, directory: &Path, attach: Option<AttachMode>) -> Options {
    let rules: PathBuf = directory.join("rules.yaml");
    std::fs::write(&rules, RULES).unwrap();
    options.sensor = Some(SensorOptions {
        print: PrintFormat::Text,
        rules: vec![rules],
        attach,
        ..SensorOptions::default()
    });
    options
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

/// Thousand commands of 10 ms in a session: every one is seen, once, as the session's.
fn thousand(mode: AttachMode) {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = image(directory.path()) else { return };
    let app = format!(
        "{},\"linuxParameters\":{{\"capabilities\":{{\"add\":[\"SYS_PTRACE\"]}}}}",
        shell("app", "sleep 1000")
    );
    let mut options = watched(options(&[&app], ""), directory.path(), Some(mode));
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options);
    bench.wait_for_line("watching with notify");
    with_agent(&bench, "app", |agent| {
        assert!(
            session(agent, "ecs-execute-command-first", &["/bin/busybox", "echo", "hello"]).contains("hello")
        );
        // All of the agent's programs are held by now.
        let how = if mode == AttachMode::Inject { "all its calls" } else { "its executions" };
        wait_until("the agent is held", || !bench.lines_with(how).is_empty());
        if mode == AttachMode::Inject {
            wait_until("the agent's worker is held", || bench.lines_with(how).len() >= 2);
        }
        let script = "i=0; while [ $i -lt 1000 ]; do /bin/sleep 0.01$i; i=$((i+1)); done; echo > /marker";
        let start = Instant::now();
        let said = session(agent, SESSION, &["/bin/sh", "-c", script]);
        assert!(said.ends_with("exit Some(0)\n"), "{said}");
        eprintln!("{mode:?}: a thousand commands took {:?}", start.elapsed());
        let line = format!("EXEC <sh -c {script}> session=exec id={SESSION}");
        wait_until("the session's shell", || bench.lines_with(&line).len() == 1);
        let commands = || -> Vec<String> {
            let seen = bench.lines_with("EXEC <sleep 0.01");
            seen.into_iter().filter(|line| line.contains(&format!("session=exec id={SESSION} "))).collect()
        };
        wait_until("all commands", || commands().len() >= 1000 || start.elapsed() > Duration::from_secs(40));
        let seen = commands();
        let different: BTreeSet<&str> =
            seen.iter().filter_map(|line| line.split(['<', '>']).nth(1)).collect();
        eprintln!(
            "{mode:?}: {} of 1000 commands of 10 ms in a session seen, {} records",
            different.len(),
            seen.len()
        );
        assert_eq!((different.len(), seen.len()), (1000, 1000));
        let wrote = || bench.lines_with(&format!("WROTE </marker> session=exec id={SESSION}"));
        if mode == AttachMode::Inject {
            wait_until("what the session writes", || wrote().len() == 1);
        } else {
            assert_eq!(wrote(), [""; 0]);
        }
    });
    bench.assert_clean();
}

/// A health check is no session, and no part of the app.
fn health_checks() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = image(directory.path()) else { return };
    let app = format!(
        "{},\"healthCheck\":{{\"command\":[\"CMD-SHELL\",\"sleep 1\"],\"interval\":5,\"timeout\":3}}",
        shell("app", "/bin/sleep 1000; true")
    );
    let mut options = watched(options(&[&app], ""), directory.path(), None);
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options);
    let own = bench.wait_for_line("EXEC <sleep 1000>");
    assert!(own.contains("session=entrypoint id= ") || own.contains("session=entrypoint id=<NA>"), "{own}");
    let check = bench.wait_for_line("EXEC <sleep 1>");
    assert!(check.contains("session=health_check id=<NA> container=app user=root"), "{check}");
    bench.task.kill();
    bench.assert_clean();
}
