//! Tasks without isolation, as an ordinary user has them.

use fargard_lab::{Isolation, Observation};
use libtest_mimic::Trial;

use crate::{
    bench::{Bench, options, shell},
    open,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        open("plain::processes_run_and_it_is_said_what_is_missing", run),
        open("plain::what_a_container_leaves_running_is_ended", stragglers),
    ]
}

fn run() {
    let app = format!("{},\"user\":\"4242\"", shell("app", "echo pid $$; echo $AWS_EXECUTION_ENV; exit 6"));
    let mut options = options(&[&app], "");
    options.isolation = Isolation::None;
    let bench = Bench::start(options);
    let (outcome, log) = bench.outcome();
    assert_eq!(outcome.essential_exit, Some(6));
    assert_ne!(bench.lines("app")[0], "pid 1");
    assert_eq!(bench.lines("app")[1], "AWS_ECS_FARGATE");
    assert!(
        log.iter().any(|one| matches!(one, Observation::Warning(text) if text.starts_with("not isolated")))
    );
    bench.assert_clean();
}

fn stragglers() {
    let mut options = options(&[&shell("app", "setsid sleep 1000 & sleep 0.2; echo started")], "");
    options.isolation = Isolation::None;
    let bench = Bench::start(options);
    let (outcome, _) = bench.outcome();
    assert_eq!(outcome.essential_exit, Some(0));
    bench.assert_clean();
}
