//! The thread that looks at what changed.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use fargard_model::Actor;
use fargard_scan::LiveScan;

use super::{
    Hit, Report, Shared,
    budget::Budget,
    environment::Environments,
    intake::{Intake, Work},
};

/// Most pieces of work that wait.
const MAX_WAITING: usize = 1024;
/// A file is looked at this long after an event: most copies are done by then, and the second look finds the rest.
const LOOKS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(1000)];
/// A program's environment is there when the execution is over.
const STARTED: Duration = Duration::from_millis(20);
/// Time for what still waits when the container has ended.
const END_TIME: Duration = Duration::from_secs(2);

/// A file that waits for its look.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    looks: usize,
    written: bool,
    by: Actor,
}

/// Looks at what changed.
#[derive(Debug)]
pub(super) struct Judge {
    shared: Shared,
    work: Receiver<Work>,
    files: HashMap<String, Waiting>,
    programs: Vec<(Instant, Actor)>,
    environments: Environments,
    scan: Option<LiveScan>,
    budget: Budget,
}

impl Judge {
    /// Both ends.
    pub(super) fn new(shared: Shared) -> (Intake, Self) {
        let (sender, work) = sync_channel(MAX_WAITING);
        let judge = Self {
            budget: Budget::new(None),
            shared,
            work,
            files: HashMap::new(),
            programs: Vec::new(),
            environments: Environments::default(),
            scan: None,
        };
        (Intake { work: sender, recent: HashMap::new() }, judge)
    }

    /// Judges until the intake is dropped, then what still waits. With `early` what packages say is read before anything
    /// can change it.
    pub(super) fn run(mut self, early: bool) {
        if early {
            self.shared.packages();
        }
        self.budget = self.shared.budget().full();
        loop {
            let dues =
                self.files.values().map(|file| file.due).chain(self.programs.iter().map(|(due, _)| *due));
            let time = dues
                .min()
                .map_or(Duration::from_secs(3600), |due| due.saturating_duration_since(Instant::now()));
            match self.work.recv_timeout(time) {
                Ok(work) => self.take(work),
                Err(RecvTimeoutError::Timeout) => {
                    self.judge_programs(Instant::now());
                    self.judge_files(Instant::now());
                }
                Err(RecvTimeoutError::Disconnected) => return self.judge_rest(),
            }
        }
    }

    fn take(&mut self, work: Work) {
        let now = Instant::now();
        match work {
            Work::Program { by, args, env } => {
                self.judge_words(&by, &args);
                if !env.is_empty() {
                    let found = self.environments.judge(env.iter().map(String::as_str));
                    self.found(found, Some(&by));
                } else if self.programs.len() < MAX_WAITING {
                    self.programs.push((now + STARTED, by));
                } else {
                    self.lost(1);
                }
            }
            Work::File { path, written, by } => {
                // Later writes do not put the first look off: it comes in time even in a file that is written all the
                // time.
                let due = now + LOOKS[0];
                let has_room = self.files.len() < MAX_WAITING;
                match self.files.get_mut(&path) {
                    Some(waiting) => {
                        waiting.due = waiting.due.min(due);
                        waiting.looks = 0;
                        if written || !waiting.written {
                            (waiting.written, waiting.by) = (written, by);
                        }
                    }
                    None if has_room => {
                        self.files.insert(path, Waiting { due, looks: 0, written, by });
                    }
                    None => self.lost(1),
                }
            }
        }
    }

    fn lost(&self, number: u64) {
        self.shared.common.outbox.add_lost("check_files", number);
    }

    fn judge_words(&mut self, by: &Actor, args: &[String]) {
        let found = self.environments.judge_words(&by.name, args);
        self.found(found, Some(by));
    }

    fn judge_programs(&mut self, now: Instant) {
        let programs = std::mem::take(&mut self.programs);
        for (due, by) in programs {
            if due > now {
                self.programs.push((due, by));
                continue;
            }
            let found = self.environments.of_process(by.pid);
            self.found(found, Some(&by));
            self.rest();
        }
    }

    fn judge_files(&mut self, now: Instant) {
        let due: Vec<String> =
            self.files.iter().filter(|(_, file)| file.due <= now).map(|(path, _)| path.clone()).collect();
        for path in due {
            let Some(waiting) = self.files.remove(&path) else { continue };
            self.look(&path, &waiting.by);
            // What was only executed does not change.
            if let Some(pause) = LOOKS.get(waiting.looks + 1).filter(|_| waiting.written) {
                let looks = waiting.looks + 1;
                self.files.insert(path, Waiting { due: now + *pause, looks, ..waiting });
            }
            self.rest();
        }
    }

    /// The end: what waits is judged, as far as the time allows.
    fn judge_rest(mut self) {
        let until = Instant::now() + END_TIME;
        self.judge_programs(until);
        let mut left = 0;
        for (path, waiting) in std::mem::take(&mut self.files) {
            if Instant::now() < until {
                self.look(&path, &waiting.by);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            self.lost(left);
        }
    }

    fn look(&mut self, path: &str, by: &Actor) {
        if self.scan.is_none() {
            let packages = self.shared.packages();
            self.scan = LiveScan::new(&self.shared.root, Shared::limits(), packages).ok();
        }
        let Some(scan) = &mut self.scan else { return };
        let (budget, common) = (&mut self.budget, &self.shared.common);
        let looked = scan.look(path.as_bytes(), &mut || {
            budget.rest(|| common.stop.load(Ordering::Relaxed));
            ControlFlow::Continue(())
        });
        // A file that is gone again cannot be looked at.
        let Ok(looked) = looked else { return };
        let hits = looked.findings.into_iter().filter(|(_, finding)| finding.fails());
        let hits = hits.map(|(check, finding)| Hit { check, finding, by: Some(by.clone()) }).collect();
        self.tell(hits);
    }

    fn found(&self, found: Vec<(u32, fargard_scan::Finding)>, by: Option<&Actor>) {
        self.tell(
            found.into_iter().map(|(check, finding)| Hit { check, finding, by: by.cloned() }).collect(),
        );
    }

    fn tell(&self, hits: Vec<Hit>) {
        if !hits.is_empty() {
            self.shared.report(Report::Hits(hits));
        }
    }

    fn rest(&mut self) {
        let common = &self.shared.common;
        self.budget.rest(|| common.stop.load(Ordering::Relaxed));
    }
}
