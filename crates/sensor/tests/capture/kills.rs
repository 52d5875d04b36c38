//! The sensor's processes are killed again and again: no call fails, none is stuck, and the counts stay exact.

use std::process::Stdio;

use super::{
    BACKENDS,
    support::{Run, children, kill, wait_until},
};

/// Kills engines while calls are made, most of them as soon as they are there, each tenth while it works. Prints
/// what it came to.
fn kill_engines(backend: &str, kills: u64) {
    let run = Run::new().backend(backend);
    let mut command = run.workload("opens 10000 until-told");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (keeper, mut engine) = run.sensor(child.id());
    for round in 1..=kills {
        if round.is_multiple_of(10) {
            let before = run.written();
            wait_until("an engine that works", || (run.written() > before).then_some(()));
        }
        kill(engine);
        engine = wait_until("a new engine", || {
            children(keeper, "fargard-engine").into_iter().find(|pid| *pid != engine)
        });
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("done: ") && text.contains(" failed: 0\n"), "{backend}: {text}");
    let counters = run.counters();
    println!("{backend}: {}, {counters:?}", text.trim().lines().collect::<Vec<_>>().join(", "));
    assert!(counters.exact(), "{backend}: {counters:?}");
    assert!(counters.get("seen") >= 20_000, "{backend}: {counters:?}");
    assert_eq!(counters.get("engine_restarts"), kills, "{backend}: {counters:?}");
    let noted = run.lines().iter().any(|line| line.starts_with("# note: the engine died again and again"));
    assert!(noted, "{backend}");
}

#[test]
fn killing_the_engine_again_and_again_fails_no_call_and_loses_no_count() {
    for backend in BACKENDS {
        kill_engines(backend, 12);
    }
}

#[test]
#[ignore = "takes minutes: cargo xtask bench kills"]
fn a_thousand_killed_engines() {
    kill_engines("notify", 1000);
}

/// Kills the keeper while calls are made: with none left to ask, calls would fail, so the engine must take over.
fn kill_keepers(times: usize) {
    let mut lost = 0;
    for _ in 0..times {
        let run = Run::new().backend("notify");
        let mut command = run.workload("opens 500 until-told");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keeper, _) = run.sensor(child.id());
        run.wait_for_calls();
        kill(keeper);
        let before = run.written();
        wait_until("the engine to take over", || (run.written() > before + 10_000).then_some(()));
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let done = text.split_once("done: ").and_then(|(_, rest)| rest.split_once(" failed: 0\n")).unwrap().0;
        let counters = run.counters();
        assert!(counters.exact(), "{counters:?}");
        assert!(counters.get("seen") >= done.parse().unwrap(), "{text} {counters:?}");
        assert!(counters.get("keeper_died") <= 1, "{counters:?}");
        lost += counters.get("keeper_died");
    }
    println!("{times} killed keepers: {lost} records lost with them");
}

#[test]
fn killing_the_keeper_fails_no_call_and_loses_no_count() {
    kill_keepers(5);
}

#[test]
#[ignore = "takes minutes: cargo xtask bench kills"]
fn two_hundred_killed_keepers() {
    kill_keepers(200);
}

#[test]
fn whoever_answers_may_be_killed_one_after_the_other() {
    let run = Run::new().backend("notify");
    let mut command = run.workload("opens 2000 until-told");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (keeper, mut answers) = run.sensor(child.id());
    run.wait_for_calls();
    kill(keeper);
    for _ in 0..5 {
        let guard = wait_until("a guard", || children(answers, "fargard-guard").first().copied());
        kill(answers);
        answers = guard;
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("done: ") && text.contains(" failed: 0\n"), "{text}");
    wait_until("the last guard's end", || (!alive(answers)).then_some(()));
}

fn alive(pid: u32) -> bool {
    std::fs::exists(format!("/proc/{pid}")).unwrap()
}

#[test]
fn killing_the_keeper_while_everything_starts_fails_no_call() {
    for round in 0..30u64 {
        let run = Run::new().backend("notify");
        let child = run.workload("opens 5000").stdout(Stdio::piped()).spawn().unwrap();
        let keeper = wait_until("the keeper", || children(child.id(), "fargard-keeper").first().copied());
        // At another moment each time.
        let mut spent = 0u64;
        for _ in 0..round * 20_000 {
            spent = std::hint::black_box(spent + 1);
        }
        kill(keeper);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("done: 5000 failed: 0"), "round {round}: {text}");
    }
}
