//! The one look at everything, after the start.

use std::{ops::ControlFlow, path::Path, sync::atomic::Ordering, time::Duration};

use fargard_model::bounded;
use fargard_scan::{
    CHECK_41, CHECK_48, CHECK_424, CHECK_425, CHECK_426, CHECK_448, Finding, Limits, Selection, scan_with,
    users,
};

use super::{Hit, Report, Shared, environment::Environments};

/// The task's name and its CPUs are waited for this long.
const IDENTITY: Duration = Duration::from_secs(10);
/// Longest time the scan may take.
const TIME: Duration = Duration::from_secs(3600);
/// Most processes whose environment is looked at.
const MAX_PROCESSES: usize = 4096;

/// Looks at everything and reports it, unless the container ends before.
pub(super) fn run(shared: &Shared, app: u32) {
    shared.common.identity.wait(IDENTITY);
    let is_over = || shared.common.stop.load(Ordering::Relaxed);
    let mut budget = shared.budget();
    let mut hits = of_processes(app);
    budget.rest(is_over);
    let packages = shared.packages();
    budget.rest(is_over);
    let limits = Limits { time: TIME, ..Shared::limits() };
    let outcome = scan_with(&shared.root, &limits, Selection::ALL, &packages, |_| {
        budget.rest(is_over);
        if is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if is_over() {
        return;
    }
    let files = [CHECK_48, CHECK_425, CHECK_426, CHECK_448].map(|check| check.number);
    let mut made = vec![(CHECK_41.number, None), (CHECK_424.number, None)];
    match outcome {
        Ok(outcome) => {
            let incomplete = outcome.walk.incomplete();
            let has_packages = !packages.kinds().is_empty();
            for check in files.into_iter().filter(|check| *check != CHECK_448.number || has_packages) {
                let troubles = outcome.troubles.first().filter(|_| check == CHECK_448.number);
                made.push((check, incomplete.clone().or_else(|| troubles.cloned())));
            }
            let found = outcome.findings.into_iter();
            let found = found.flat_map(|(check, found)| found.into_iter().map(move |found| (check, found)));
            hits.extend(found.filter(|(_, found)| found.fails()).map(|(check, finding)| Hit {
                check,
                finding,
                by: None,
            }));
        }
        Err(error) => made.extend(files.map(|check| (check, Some(error.to_string())))),
    }
    shared.report(Report::First(hits, made));
}

/// Checks 41 and 424 on the processes there are.
fn of_processes(app: u32) -> Vec<Hit> {
    let mut environments = Environments::default();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let secrets = processes.take(MAX_PROCESSES).flat_map(|pid| environments.of_process(pid));
    let root = user_of(app).and_then(|user| users::root(&user, None));
    let root = root.into_iter().map(|found| (CHECK_41.number, found));
    secrets.chain(root).map(|(check, finding): (u32, Finding)| Hit { check, finding, by: None }).collect()
}

/// The effective user of a process.
fn user_of(pid: u32) -> Option<String> {
    let path = Path::new("/proc").join(pid.to_string()).join("status");
    let text = bounded::read(&path, 64 << 10).ok()?;
    let text = String::from_utf8_lossy(&text);
    let uids = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    uids.split_whitespace().nth(1).map(str::to_owned)
}
