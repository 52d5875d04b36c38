//! What the engine tells beside single detections: findings of checks, its own sign of life, its end.

use std::{
    sync::{atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fargard_model::{CheckStatus, FileChange, Heartbeat, Record, Timestamp};
use fargard_scan::Target;

use super::Engine;
use crate::{
    capture::Consumer,
    engine::{
        announce::say,
        checks::{self, Checks},
        integrity,
        threads::Uplink,
    },
    fim::Fim,
};

/// Longest wait for the end of file integrity monitoring.
const FIM_END: Duration = Duration::from_secs(4);

impl Engine {
    /// Reports what the checks found since the last time.
    pub(super) fn take_findings(&mut self) {
        while let Some(found) = self.checks.as_ref().and_then(|checks| checks.reports.try_recv().ok()) {
            self.report_checks(found);
        }
        self.take_others();
    }

    fn report_checks(&mut self, report: checks::Report) {
        let (task, container) = self.common.identity.arcs();
        let (sensor, made) = (&self.common.sensor, &self.common.checks_made);
        let results = self.ledger.take(report, || Target {
            id: format!("{sensor}-check-{}", made.fetch_add(1, Ordering::Relaxed) + 1),
            time: Timestamp::now(),
            task: &task,
            container: &container,
        });
        for result in results {
            if result.status == CheckStatus::Failed {
                self.printer.check(&result, &self.hostname);
            }
            if self.uplink.is_some() {
                self.common.outbox.push(Record::CheckResult(Box::new(result)));
            }
        }
    }

    /// Reports a change of a monitored file.
    pub(super) fn report_file_change(&mut self, mut change: FileChange) {
        let (task, container) = self.common.identity.arcs();
        self.file_changes += 1;
        change.id = format!("{}-fim-{}", self.common.sensor, self.file_changes);
        change.task.clone_from(&task);
        change.container.clone_from(&container);
        self.printer.file_change(&change, &self.hostname);
        let record = Record::FileChange(Box::new(change));
        self.printer.record(&record);
        if self.uplink.is_some() {
            self.common.outbox.push(record);
        }
    }

    /// Reports the last changes, for a bounded time.
    fn wait_for_file_changes(&mut self, threads: &[JoinHandle<()>]) {
        let until = Instant::now() + FIM_END;
        loop {
            let ended = integrity::have_ended(threads);
            self.take_sightings(u64::MAX);
            if ended {
                return;
            }
            if Instant::now() >= until {
                say("file integrity monitoring did not end in time: its last changes may be missing");
                self.common.outbox.add_lost("fim_pending", 1);
                return;
            }
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Lets detections through that were held back until now, or all of them.
    pub(super) fn release(&mut self, all: bool) {
        let mut alerts = std::mem::take(&mut self.alerts);
        if all {
            self.detector.finish(&mut alerts);
        } else {
            self.detector.advance(Timestamp::now(), &mut alerts);
        }
        for alert in alerts.drain(..) {
            self.detect(alert, None);
        }
        self.alerts = alerts;
        self.release_limited(all);
        let evicted = self.detector.statistics().evicted;
        self.common.outbox.add_lost("correlation", evicted - self.evicted);
        self.evicted = evicted;
    }

    pub(super) fn heartbeat(&mut self, consumer: &Consumer, last: bool) {
        self.last_heartbeat = Instant::now();
        self.release(last);
        let counters = consumer.counters();
        self.common.outbox.set_capture_lost(&counters.lost);
        self.common.outbox.add_lost("packets", self.network.lost());
        self.common.outbox.add_lost("network_unattributed", self.network.unattributed());
        let fim = self.fim.as_ref().map(Fim::status).or_else(|| self.fim_end.take());
        // A report on files needs to know what was monitored.
        let is_recorded = fim.is_some() && self.printer.records();
        if self.uplink.is_none() && !is_recorded {
            return;
        }
        let (task, container) = self.common.identity.arcs();
        let record = Record::Heartbeat(Box::new(Heartbeat {
            time: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: self.info.backend.name().to_owned(),
            backend_reason: format!("{} [{}]", self.info.reason, self.info.features.join(", ")),
            notes: self.notes(),
            events: counters.seen,
            detections: self.detections,
            folded: self.reloads.folded + self.detector.statistics().folded + self.limits.folded(),
            lost: self.common.outbox.lost(),
            engine_restarts: counters.engine_restarts,
            rules: self.enabled as u64,
            fim,
            last,
            task: (*task).clone(),
            container: (*container).clone(),
        }));
        if is_recorded {
            self.printer.record(&record);
        }
        if self.uplink.is_some() {
            self.common.outbox.push(record);
        }
    }

    fn notes(&self) -> Vec<String> {
        let of_capture = self.info.notes.iter().copied().chain(self.network.note());
        let of_rules = of_capture.chain(self.reloads.notes()).map(str::to_owned);
        of_rules
            .chain(self.budget.note())
            .chain(self.attached.notes())
            .chain(self.common.notes.all())
            .collect()
    }

    /// Says what was not seen; with `summary` also what was.
    fn sum_up(&self, consumer: &Consumer) {
        let refused = self.actions.refused();
        if refused > 0 {
            say(&format!("{refused} times a process was not killed although a rule asks for it"));
        }
        let counters = consumer.counters();
        let lost = self.common.outbox.lost();
        if !self.config.summary && lost.total() == 0 && counters.engine_restarts == 0 {
            return;
        }
        let classes: Vec<String> = lost.0.iter().map(|(class, number)| format!("{class} {number}")).collect();
        let classes = if classes.is_empty() { "none".to_owned() } else { classes.join(", ") };
        say(&format!(
            "{} calls seen, {} detections; lost: {classes}; engine restarts: {}",
            counters.seen, self.detections, counters.engine_restarts
        ));
    }

    /// Brings everything out, within a bounded time.
    pub(super) fn finish(mut self, consumer: &Consumer) {
        self.common.stop.store(true, Ordering::Relaxed);
        drop(self.leases.take());
        let monitor = self.fim.take().map(Fim::finish);
        if let Some(Checks { intake, reports, judge }) = self.checks.take() {
            drop(intake);
            if let Some(judge) = judge {
                let _ = judge.join();
            }
            while let Ok(report) = reports.try_recv() {
                self.report_checks(report);
            }
        }
        self.finish_others();
        if let Some((threads, shared)) = monitor {
            self.wait_for_file_changes(&threads);
            self.fim_end = Some(shared.status());
        }
        self.heartbeat(consumer, true);
        self.sum_up(consumer);
        if !self.common.identity.is_settled() && !self.common.identity.wait(Duration::from_secs(1)) {
            say(
                "the task metadata endpoint did not answer: what is sent names this machine instead of the task",
            );
            self.common.identity.give_up();
        }
        self.common.outbox.close();
        if let Some(Uplink { thread, done }) = self.uplink.take() {
            // A request in flight may take longer than the time that is left.
            match done.recv_timeout(self.config.drain + Duration::from_secs(1)) {
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                    if let Some(thread) = thread {
                        let _ = thread.join();
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => say("the server did not take everything in time"),
            }
        }
    }
}
