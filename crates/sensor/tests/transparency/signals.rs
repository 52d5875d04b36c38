//! Signals that arrive while a call is stopped, 500 a second, with a handler that was installed without SA_RESTART.

use crate::programs::{Stage, run};

struct Seen {
    interrupted: u64,
    ticks: u64,
}

fn opens(stage: &Stage, program: &str, args: [&str; 2], backend: Option<&str>) -> Seen {
    let [calls, pause] = args;
    let line = match backend {
        Some(backend) => stage.watched_by(backend, &[program, calls, pause]),
        None => vec![program.to_owned(), calls.to_owned(), pause.to_owned()],
    };
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let output = run(&line);
    let shown =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    eprintln!("{calls} opens, {pause} us between two, {backend:?}: {shown}");
    assert!(output.status.success() && shown.contains("failed: 0\n"), "{shown}");
    let number = |name: &str| {
        let line = shown.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok()).unwrap()
    };
    Seen { interrupted: number("interrupted:"), ticks: number("ticks:") }
}

/// The kernel lets a signal interrupt a stopped call until the keeper has received it: such a handler then sees EINTR
/// where it never would (SPECIFICATION.md). Once received, nothing but the answer or death ends the wait.
#[test]
fn a_call_is_interrupted_at_most_once_by_each_signal() {
    let stage = Stage::new();
    let Some(program) = stage.c("signals.c") else { return };
    for args in [["20000", "0"], ["3000", "300"]] {
        assert_eq!(opens(&stage, &program, args, None).interrupted, 0);
        let seen = opens(&stage, &program, args, Some("notify"));
        assert!(seen.interrupted <= seen.ticks, "{} of {}", seen.interrupted, seen.ticks);
    }
}

#[test]
fn tracing_lets_no_signal_interrupt_a_call() {
    let stage = Stage::new();
    let Some(program) = stage.c("signals.c") else { return };
    assert_eq!(opens(&stage, &program, ["20000", "0"], Some("trace")).interrupted, 0);
}
