//! What is found in the task's other containers.

use std::sync::{Arc, atomic::Ordering};

use fargard_model::{CheckStatus, Container, Event, Record, Timestamp};
use fargard_scan::{CHECK_426, Finding, Target};

use super::Engine;
use crate::engine::{containers::Place, others::Found};

/// Most processes that are looked at for other containers.
const MAX_MET: usize = 8192;

impl Engine {
    /// Begins with the other containers that are there already.
    pub(super) fn meet_others(&mut self) {
        if self.others.are_judged() {
            for pid in self.observer.procfs().processes(MAX_MET) {
                self.meet(pid);
            }
        }
    }

    /// Begins with the container of a process, where it is another.
    pub(super) fn meet(&mut self, pid: u32) {
        if let Some((place, entry)) = self.observer.elsewhere(pid) {
            self.others.meet(place, entry);
        }
    }

    /// Hands over the file an event in another container is about.
    pub(super) fn consider_elsewhere(&mut self, event: &Event) {
        if let Some((place, entry)) = self.observer.elsewhere(event.process.pid) {
            self.others.meet(place, entry);
            if !self.others.consider(place, event) {
                self.common.outbox.add_lost("check_files", 1);
            }
        }
    }

    /// Reports what was found since the last time.
    pub(super) fn take_others(&mut self) {
        while let Some((elsewhere, found)) = self.others.take() {
            self.report_other(&found, elsewhere);
        }
    }

    /// Reports the last findings.
    pub(super) fn finish_others(&mut self) {
        for (elsewhere, found) in self.others.finish() {
            self.report_other(&found, elsewhere);
        }
    }

    fn report_other(&mut self, found: &Found, (place, entry): (Place, u32)) {
        let (task, _) = self.common.identity.arcs();
        // Where it has ended, nobody may be able to say any more which one it was.
        let container = self
            .observer
            .container_at(place, entry)
            .unwrap_or_else(|| Arc::new(Container { name: "unknown".to_owned(), ..Container::default() }));
        let number = self.common.checks_made.fetch_add(1, Ordering::Relaxed) + 1;
        let target = Target {
            id: format!("{}-check-{number}", self.common.sensor),
            time: Timestamp::now(),
            task: &task,
            container: &container,
        };
        let findings: Vec<Finding> = found.matches.iter().map(Finding::from).collect();
        let result = CHECK_426.result(&findings, found.incomplete.as_deref(), target);
        if result.status == CheckStatus::Failed {
            self.printer.check(&result, &self.hostname);
        }
        if self.uplink.is_some() {
            self.common.outbox.push(Record::CheckResult(Box::new(result)));
        }
    }
}
