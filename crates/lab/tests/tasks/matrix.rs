//! What is seen of whom: by user of the sensor, capability, way into the container and image.

use std::time::{Duration, Instant};

use fargard_lab::AttachMode;
use libtest_mimic::Trial;

use crate::{
    agent::{DIRECTORY, image, scratch_image, session, with_agent},
    attach::watched,
    bench::{Bench, options},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![rooted("matrix::what_is_seen_of_whom", matrix)]
}

const SESSION: &str = "ecs-execute-command-0123456789abcdef0";
/// Longest wait for what may never be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(4);

struct Case {
    user: &'static str,
    ptrace: bool,
    scratch: bool,
}

impl Case {
    fn members(&self) -> String {
        let add = if self.ptrace { "\"SYS_PTRACE\"" } else { "" };
        format!(
            "\"user\":\"{}\",\"readonlyRootFilesystem\":{},\"linuxParameters\":{{\"capabilities\":{{\"add\":[{add}]}}}}",
            self.user, !self.scratch
        )
    }
}

fn program(name: &str, socket: &str) -> String {
    format!("\"name\":\"{name}\",\"command\":[\"/{DIRECTORY}/amazon-ssm-agent\",\"{socket}\"]")
}

/// Whether a short-lived program was seen, and how its starter is held.
fn seen(bench: &Bench, line: &str) -> &'static str {
    let until = Instant::now() + SEEN_WITHIN;
    while bench.lines_with(line).is_empty() {
        if Instant::now() > until {
            return "no";
        }
        std::thread::yield_now();
    }
    "yes"
}

fn held(bench: &Bench) -> &'static str {
    let any = |text: &str| !bench.lines_with(text).is_empty();
    match (any("all its calls are watched"), any("its executions are seen"), any("only what lives long")) {
        (true, ..) => "all calls",
        (_, true, _) => "executions",
        (_, _, true) => "in the list of processes",
        _ => "nothing",
    }
}

/// Waits for the decision about what has lived for a while.
fn settle(bench: &Bench) {
    let until = Instant::now() + SEEN_WITHIN;
    while bench.lines_with("came from outside").is_empty() && Instant::now() < until {
        std::thread::yield_now();
    }
}

fn same_container(case: &Case, number: usize) -> Option<[String; 2]> {
    let directory = tempfile::tempdir().unwrap();
    let tar = if case.scratch { scratch_image(directory.path()) } else { image(directory.path()) }?;
    let socket = format!("matrix-{}-{number}", std::process::id());
    let app = format!("{},{}", program("app", &socket), case.members());
    let mut options = watched(options(&[&app], ""), directory.path(), None);
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options);
    bench.wait_for_line("watching with notify");
    let worker = format!("/{DIRECTORY}/ssm-session-worker");
    let results = with_agent(&bench, "app", |agent| {
        session(&socket, "own", &[&worker, "own-probe"]);
        let own = seen(&bench, "own-probe> session=entrypoint");
        session(agent, SESSION, &[&worker, "before"]);
        settle(&bench);
        session(agent, SESSION, &[&worker, "probe"]);
        let other = seen(&bench, &format!(" probe> session=exec id={SESSION}"));
        [own.to_owned(), format!("{other} ({})", held(&bench))]
    });
    bench.assert_clean();
    Some(results)
}

fn other_container(case: &Case, number: usize, mode: AttachMode) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let tar = if case.scratch { scratch_image(directory.path()) } else { image(directory.path()) }?;
    let socket = format!("matrix-{}-{number}-other-{mode:?}", std::process::id());
    // The other container's program runs as uid 1000 where the sensor is root, so that it is never the same user.
    let other = format!("{},\"user\":\"1000\",\"stopTimeout\":2", program("other", &socket));
    // Its program is never run: the sensor is in its place.
    let sidecar = format!("{},\"stopTimeout\":2,{}", program("sensor", "unused"), case.members());
    let mut options =
        watched(options(&[&other, &sidecar], "\"pidMode\":\"task\","), directory.path(), Some(mode));
    if let Some(sensor) = &mut options.sensor {
        sensor.sidecar = Some("sensor".to_owned());
    }
    options.rootfs.insert("other".to_owned(), tar.clone());
    options.rootfs.insert("sensor".to_owned(), tar);
    let bench = Bench::start(options);
    bench.wait_for_line("watching with notify");
    let worker = format!("/{DIRECTORY}/ssm-session-worker");
    settle(&bench);
    session(&socket, "x", &[&worker, "probe"]);
    let result = seen(&bench, " probe> session=entrypoint id=<NA> container=other");
    let result = format!("{result} ({})", held(&bench));
    bench.task.stop();
    let _ = bench.outcome();
    bench.assert_clean();
    Some(result)
}

fn matrix() {
    let mut rows = Vec::new();
    let mut number = 0;
    for user in ["0", "1000"] {
        for ptrace in [true, false] {
            for scratch in [false, true] {
                number += 1;
                let case = Case { user, ptrace, scratch };
                let Some([own, exec]) = same_container(&case, number) else { return };
                let lifecycle = other_container(&case, number, AttachMode::Lifecycle).unwrap();
                let inject = other_container(&case, number, AttachMode::Inject).unwrap();
                let image = if scratch { "scratch" } else { "read-only root" };
                eprintln!(
                    "| {user} | {} | {image} | {own} | {exec} | {lifecycle} | {inject} |",
                    if ptrace { "yes" } else { "no" }
                );
                rows.push((user, ptrace, own, exec, lifecycle, inject));
            }
        }
    }
    for (user, ptrace, own, exec, lifecycle, inject) in rows {
        assert_eq!(own, "yes");
        if user == "0" {
            assert!(exec.starts_with("yes"), "{exec}");
        }
        if user == "0" && ptrace {
            assert_eq!((exec.as_str(), lifecycle.as_str()), ("yes (all calls)", "yes (executions)"));
            assert_eq!(inject, "yes (all calls)");
        }
    }
}
