//! Compliance checks of the running container: what is written, renamed, linked, given other rights or executed is looked at
//! shortly after, and the whole root file system once after the start in a thread of the lowest priority. Both keep to a budget
//! of CPU time.

mod budget;
mod environment;
mod first;
mod intake;
mod judge;
mod ledger;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock, mpsc},
    thread::JoinHandle,
};

use fargard_model::{Actor, Trap, TrapSet};
use fargard_scan::{Finding, Limits, confined::Root, packages::Packages};

use self::{budget::Budget, judge::Judge};
pub(crate) use self::{intake::Intake, ledger::Ledger};
use super::threads::{Common, spawn};
use crate::{
    capture::Waker,
    config::{CheckChoice, Config, CpuBudget},
    sys,
};

/// Who needs the calls.
const WHO: &str = "the compliance checks";
/// Bytes of a file that are searched; a package's file is hashed whole.
const CONTENT: u64 = 16 << 20;
/// Files read side by side by the first scan: what their windows take is 0.7 MiB.
const SIDE_BY_SIDE: usize = 4;
/// Share of one CPU where the task's CPUs are not known, and the least.
const SHARE: f64 = 0.1;
const LEAST_SHARE: f64 = 0.05;

/// What the checks need to see.
pub(crate) fn traps() -> TrapSet {
    let mut traps = TrapSet::default();
    for trap in [Trap::OpenWrite, Trap::Rename, Trap::Link, Trap::Chmod, Trap::Exec] {
        traps.add(trap, WHO);
    }
    traps
}

/// Something found, and who brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) check: u32,
    pub(crate) finding: Finding,
    /// Who did it; `None` when it was there before.
    pub(crate) by: Option<Actor>,
}

/// What a look gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Something was found in what changed.
    Hits(Vec<Hit>),
    /// The first scan is over: what it found, and the checks that are made now with what they did not see.
    First(Vec<Hit>, Vec<(u32, Option<String>)>),
}

/// The threads that make checks, and what they need from outside.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) intake: Intake,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) judge: Option<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Clone, Debug)]
struct Shared {
    root: PathBuf,
    packages: Arc<OnceLock<Arc<Packages>>>,
    reports: mpsc::Sender<Report>,
    waker: Option<Waker>,
    common: Arc<Common>,
    cpu: CpuBudget,
}

/// Starts making checks. `app` is the command's process.
pub(crate) fn start(config: &Config, common: &Arc<Common>, waker: Waker, app: u32) -> Option<Checks> {
    if config.checks == CheckChoice::Off {
        return None;
    }
    let (sender, reports) = mpsc::channel();
    let shared = Shared {
        root: PathBuf::from("/"),
        packages: Arc::default(),
        reports: sender,
        waker: Some(waker),
        common: Arc::clone(common),
        cpu: config.checks_cpu,
    };
    // Outside a container the whole machine would be looked at, which nobody asked for.
    let everything =
        config.checks == CheckChoice::All || (config.checks == CheckChoice::On && config.metadata.is_some());
    let (intake, judge) = Judge::new(shared.clone());
    let judge = spawn("fargard-checks", move || judge.run(everything))?;
    if everything {
        spawn("fargard-walk", move || {
            stand_back();
            first::run(&shared, app);
        });
    }
    Some(Checks { intake, reports, judge: Some(judge) })
}

/// This thread runs and reads when nobody else wants to.
fn stand_back() {
    // Only this thread becomes slow: Linux keeps the value per thread.
    let _ = rustix::process::nice(19);
    sys::process::read_when_idle();
}

impl Shared {
    /// What packages say, as it was when this was first asked.
    fn packages(&self) -> Arc<Packages> {
        let read = || {
            let root = Root::open(&self.root);
            Arc::new(root.map(|root| Packages::read_compact(&root)).unwrap_or_default())
        };
        Arc::clone(self.packages.get_or_init(read))
    }

    /// Tells the engine. An error means that it ends, which takes what was found before.
    fn report(&self, report: Report) {
        let _ = self.reports.send(report);
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }

    fn budget(&self) -> Budget {
        let share = match self.cpu {
            CpuBudget::Off => None,
            CpuBudget::Percent(percent) => Some(f64::from(percent) / 100.0),
            CpuBudget::ShareOfTask => {
                Some(self.common.identity.cpus().map_or(SHARE, |cpus| (cpus / 10.0).max(LEAST_SHARE)))
            }
        };
        Budget::new(share)
    }

    fn limits() -> Limits {
        Limits { content_bytes: CONTENT, side_by_side: SIDE_BY_SIDE, ..Limits::default() }
    }
}
