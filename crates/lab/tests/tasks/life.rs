//! Starting, stopping, ending.

use std::time::{Duration, Instant};

use fargard_lab::{ContainerState, Observation, StopCode, TaskState};
use libtest_mimic::Trial;

use crate::{
    bench::{Bench, busybox_tar, options, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("life::containers_start_in_the_order_of_their_dependencies", order),
        rooted("life::a_container_waits_for_health", health),
        rooted("life::the_end_of_an_essential_container_stops_the_task", essential),
        rooted("life::what_ignores_sigterm_is_killed_after_its_stop_timeout", stop_timeout),
        rooted("life::a_dependency_that_fails_stops_the_task", hopeless),
        rooted("life::a_program_that_is_missing_is_named", missing_program),
        rooted("life::stopping_goes_against_the_dependencies", stop_order),
        rooted("life::killing_and_dropping_leave_nothing", dropping),
        rooted("life::commands_run_inside", commands_run_inside),
    ]
}

fn position(log: &[Observation], name: &str, wanted: impl Fn(&ContainerState) -> bool) -> usize {
    log.iter()
        .position(
            |one| matches!(one, Observation::Container { name: n, state } if n == name && wanted(state)),
        )
        .unwrap_or_else(|| panic!("{name}: {log:#?}"))
}

fn is_running(state: &ContainerState) -> bool {
    matches!(state, ContainerState::Running { .. })
}

fn order() {
    let first = format!("{},\"essential\":false", shell("first", "sleep 0.3; exit 4"));
    let second = format!(
        "{},\"essential\":false,\"dependsOn\":[{{\"containerName\":\"first\",\"condition\":\"COMPLETE\"}}]",
        shell("second", "sleep 0.3")
    );
    let third = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"second\",\"condition\":\"SUCCESS\"}}]",
        shell("third", "exit 0")
    );
    let bench = Bench::start(options(&[&third, &second, &first], ""));
    let (outcome, log) = bench.outcome();
    let ended = |state: &ContainerState| matches!(state, ContainerState::Stopped { .. });
    let first_end = position(&log, "first", ended);
    let second_start = position(&log, "second", is_running);
    assert!(first_end < second_start);
    assert!(position(&log, "second", ended) < position(&log, "third", is_running));
    assert_eq!(outcome.exit_codes["first"], Some(4));
    assert_eq!(outcome.essential_exit, Some(0));
    assert_eq!(outcome.code, StopCode::EssentialContainerExited);
    let states: Vec<&str> = log
        .iter()
        .filter_map(|one| if let Observation::Task(state) = one { Some(state.name()) } else { None })
        .collect();
    let expected = ["PROVISIONING", "PENDING", "ACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"];
    let without_running: Vec<&str> = states.into_iter().filter(|state| *state != "RUNNING").collect();
    assert_eq!(without_running, expected);
    bench.assert_clean();
}

fn health() {
    let sick = format!(
        "{},\"essential\":false,\"healthCheck\":{{\"command\":[\"CMD-SHELL\",\"test -e /tmp/ready\"],\"interval\":5,\"retries\":1}},\"stopTimeout\":1",
        shell("db", "touch /tmp/ready; sleep 1000")
    );
    let app = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"db\",\"condition\":\"HEALTHY\"}}]",
        shell("app", "echo up")
    );
    let bench = Bench::start(options(&[&app, &sick], ""));
    let (outcome, log) = bench.outcome();
    let healthy = position(&log, "db", |state| *state == ContainerState::Healthy);
    assert!(healthy < position(&log, "app", is_running));
    assert_eq!(outcome.essential_exit, Some(0));
    bench.assert_clean();
}

fn essential() {
    let main = shell("main", "sleep 0.5; exit 3");
    let side = format!(
        "{},\"essential\":false",
        shell("side", "trap 'echo bye; exit 9' TERM; echo ready; while true; do sleep 0.1; done")
    );
    let bench = Bench::start(options(&[&main, &side], ""));
    let (outcome, log) = bench.outcome();
    assert_eq!(outcome.code, StopCode::EssentialContainerExited);
    assert_eq!((outcome.exit_codes["main"], outcome.exit_codes["side"]), (Some(3), Some(9)));
    assert_eq!(outcome.reason, "essential container \"main\" exited with code 3");
    assert!(bench.lines("side").contains(&"bye".to_owned()));
    assert!(log.iter().any(|one| matches!(one, Observation::Task(TaskState::Running))));
}

fn stop_timeout() {
    let deaf = format!(
        "{},\"stopTimeout\":2",
        shell("deaf", "trap '' TERM; echo ready; while true; do sleep 0.1; done")
    );
    let bench = Bench::start(options(&[&deaf], ""));
    bench.wait_for_line("ready");
    let began = Instant::now();
    bench.task.stop();
    let (outcome, _) = bench.outcome();
    let took = began.elapsed();
    assert_eq!(outcome.essential_exit, Some(137));
    assert_eq!(outcome.code, StopCode::UserInitiated);
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(8), "{took:?}");
    bench.assert_clean();
}

fn hopeless() {
    let init = format!("{},\"essential\":false", shell("init", "exit 1"));
    let app = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"init\",\"condition\":\"SUCCESS\"}}]",
        shell("app", "echo never")
    );
    let bench = Bench::start(options(&[&app, &init], ""));
    let (outcome, _) = bench.outcome();
    assert_eq!(outcome.code, StopCode::TaskFailedToStart);
    assert!(outcome.reason.contains("\"init\" being SUCCESS"), "{}", outcome.reason);
    assert_eq!(outcome.exit_codes["app"], None);
    assert!(bench.lines("app").is_empty());
}

fn missing_program() {
    let bench = Bench::start(options(&["\"name\":\"app\",\"command\":[\"no-such-program\"]"], ""));
    let (outcome, _) = bench.outcome();
    assert_eq!(outcome.code, StopCode::TaskFailedToStart);
    assert_eq!(
        outcome.reason,
        "container \"app\" could not be started: exec: \"no-such-program\": executable file not found in $PATH"
    );
    bench.assert_clean();
}

fn stop_order() {
    let script = "trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done";
    let app = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"sensor\",\"condition\":\"START\"}}]",
        shell("app", script)
    );
    let bench = Bench::start(options(&[&shell("sensor", script), &app], ""));
    for name in ["app", "sensor"] {
        bench.wait_for("ready", |one| match one {
            Observation::Output { container, line, .. } if container == name && line == b"ready" => Some(()),
            _ => None,
        });
    }
    bench.task.stop();
    let (outcome, log) = bench.outcome();
    let ended = |state: &ContainerState| matches!(state, ContainerState::Stopped { exit_code: 0 });
    assert!(position(&log, "app", ended) < position(&log, "sensor", ended));
    assert_eq!(outcome.code, StopCode::UserInitiated);
}

fn dropping() {
    let bench = Bench::start(options(&[&shell("app", "sleep 1000 & trap '' TERM; sleep 1000")], ""));
    bench.wait_for("running", |one| match one {
        Observation::Container { state, .. } if is_running(state) => Some(()),
        _ => None,
    });
    let began = Instant::now();
    bench.task.kill();
    let (outcome, _) = bench.outcome();
    assert_eq!(outcome.essential_exit, Some(137));
    assert!(began.elapsed() < Duration::from_secs(10));
    bench.assert_clean();
}

fn commands_run_inside() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = busybox_tar(directory.path()) else { return };
    let mut options =
        options(&[&format!("{},\"user\":\"app\"", shell("app", "touch /tmp/x 2>/dev/null; sleep 1000"))], "");
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options);
    bench.wait_for("running", |one| match one {
        Observation::Container { state, .. } if is_running(state) => Some(()),
        _ => None,
    });
    let run = |words: &[&str], time| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        bench.task.exec("app", &words, Duration::from_secs(time))
    };
    let done = run(&["sh", "-c", "id -u; cat /proc/1/comm; cat /etc/hostname; exit 5"], 10).unwrap();
    let text = String::from_utf8(done.output).unwrap();
    assert!(text.starts_with("0\nsh\nlab-") || text.starts_with("0\nsleep\nlab-"), "{text}");
    assert_eq!(done.exit_code, 5);
    assert_eq!(run(&["sleep", "100"], 1).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!(run(&["nothing"], 5).unwrap_err().to_string().contains("not found in $PATH"));
    assert!(bench.task.exec("other", &[], Duration::ZERO).is_err());
    bench.task.kill();
    bench.assert_clean();
}
