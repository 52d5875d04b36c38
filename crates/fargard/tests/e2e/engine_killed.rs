//! The engine is killed again and again while a workload opens files: the workload notices nothing, the gap is
//! counted and shown.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    server::{Place, agent, get_until, stop},
    support::{Running, fargard},
};

const OPENS: u64 = 100_000;
const KILLS: u64 = 5;

/// Opens for writing, counts what fails, and says when each part is done.
const WORKLOAD: &str = "\
import os, sys
path, opens, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
failed = 0
for number in range(opens):
    if number % (opens // parts) == 0: print('part', number // (opens // parts), flush=True)
    try: os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
    except OSError: failed += 1
print('failed', failed, flush=True)
";

/// The engine whose command line, which is that of the `fargard watch` it was forked from, holds the marker.
fn engine(marker: &str) -> Option<Pid> {
    let processes = fs::read_dir("/proc").expect("/proc is there").filter_map(Result::ok);
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).find_map(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (name == "fargard-engine\n" && arguments.contains(marker)).then(|| Pid::from_raw(pid)).flatten()
    })
}

/// Kills the engine that is there, or the one that is about to be.
fn kill_engine(marker: &str, last: Option<Pid>) -> Pid {
    let until = std::time::Instant::now() + crate::support::DEADLINE;
    loop {
        if let Some(pid) = engine(marker).filter(|pid| Some(*pid) != last) {
            // It may have ended between the two calls only if the sensor is broken.
            kill_process(pid, Signal::KILL).expect("the engine is there");
            return pid;
        }
        assert!(std::time::Instant::now() < until, "there is no engine");
        std::thread::yield_now();
    }
}

/// The latest heartbeat of a task's sensors.
fn newest(task: &Value) -> Option<&Value> {
    task["sensors"].as_object()?.values().max_by_key(|heartbeat| heartbeat["time"].as_u64())
}

#[test]
fn a_workload_does_not_notice_and_the_gap_is_shown() {
    let place = Place::new();
    let (server, tokens) = place.first_start();
    let target = place.data().join("opened-by-the-workload");
    let target = target.to_str().expect("made of ASCII");
    let (opens, parts) = (OPENS.to_string(), (KILLS + 1).to_string());
    let mut watched = Running::start(
        fargard()
            .args(["watch", "--verbose", "--server", &place.url(), "--token", &tokens.enrolment, "--"])
            .args(["python3", "-c", WORKLOAD, target, &opens, &parts]),
    );
    let mut last = None;
    for part in 1..=KILLS {
        watched.wait_for(&[&format!("part {part}")]);
        last = Some(kill_engine(target, last));
    }
    let (status, printed) = watched.finish();
    assert!(status.success(), "{printed}");
    assert!(printed.lines().any(|line| line == "failed 0"), "{printed}");
    assert!(printed.contains(&format!("engine restarts: {KILLS}")), "{printed}");

    let (agent, url, admin) = (agent(), place.url(), &tokens.admin);
    let tasks = get_until(&agent, &url, admin, "/api/v1/tasks", |tasks| !tasks["tasks"][0].is_null());
    let arn = tasks["tasks"][0]["task"]["arn"].as_str().unwrap_or_else(|| panic!("no task: {tasks:#}"));
    let task = get_until(&agent, &url, admin, &format!("/api/v1/tasks/{arn}"), |task| {
        newest(task).is_some_and(|heartbeat| heartbeat["last"] == true)
    });
    let newest = newest(&task).expect("a heartbeat");
    assert_eq!(newest["engine_restarts"], KILLS, "{task:#}");
    assert_eq!(newest["last"], true, "{task:#}");
    let (seen, lost) =
        (newest["events"].as_u64().expect("a number"), newest["lost"].as_object().expect("classes"));
    assert!(seen >= OPENS, "every call was stopped: {task:#}");
    assert!(printed.contains("lost:"), "what was lost is said: {printed}");
    assert!(lost.values().all(|count| count.as_u64().is_some_and(|count| count <= seen)), "{task:#}");
    assert_eq!(
        task["sensors"].as_object().map(|sensors| sensors.len()),
        Some(1),
        "it is one sensor: {task:#}"
    );
    assert_eq!(task["row"]["ended"], true, "{task:#}");
    let sum: u64 = lost.values().filter_map(Value::as_u64).sum();
    assert_eq!(task["row"]["lost"], sum, "what was lost is counted once: {task:#}");
    stop(server);
}
