//! The engine's work from its start to its end.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use fargard_model::{CheckStatus, Event, Heartbeat, Record, Timestamp};
use fargard_rules::{Alert, Detector, Ruleset, Subject};
use fargard_scan::{CHECK_426, Target};

use super::{
    Prepared,
    accounts::Accounts,
    announce::{introduce, say, set_speaking},
    checks::Found,
    decode::decode,
    identity::{self, Identity},
    observer::{self, Observer},
    origin::Origins,
    print::Printer,
    procfs::Procfs,
    rate::{Decision, Rates},
    settle::{age, settle},
    sighting::{Intake, Sighting},
    table::Table,
    threads::{Checks, Common, Uplink, learn_identity, start_checks, start_uplink},
    uplink::outbox::Outbox,
};
use crate::{
    capture::{CaptureInfo, Consumer, Wake},
    config::Config,
};

const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long the first event waits for the task's identity; later it is stamped when the batch is made.
const IDENTITY_WAIT: Duration = Duration::from_millis(500);
/// Behind by more than this, outcomes are only looked for where a rule could match.
const BEHIND: Duration = Duration::from_millis(100);
/// Longest wait for a detection to reach the spool's directory.
const SAFE: Duration = Duration::from_millis(50);

/// Runs a prepared engine to the end.
pub(crate) fn run(prepared: Prepared, mut consumer: Consumer) -> u8 {
    let Prepared { config, rules, traps, printer } = prepared;
    set_speaking(config.announce);
    let enabled = rules.rules().iter().filter(|rule| rule.enabled).count();
    if consumer.counters().engine_restarts == 0 {
        introduce(&consumer.info(), enabled, &traps);
    }
    let mut engine = Engine::start(config, rules, printer, &consumer, enabled);
    engine.heartbeat(&consumer, false);
    loop {
        let time = HEARTBEAT.saturating_sub(engine.last_heartbeat.elapsed());
        match consumer.wait(time) {
            Wake::Data => engine.work(&mut consumer),
            Wake::Timeout | Wake::Called => {}
            Wake::Finished => break,
        }
        engine.take_sightings();
        engine.take_findings();
        if engine.last_heartbeat.elapsed() >= HEARTBEAT {
            engine.heartbeat(&consumer, false);
        }
    }
    engine.finish(&consumer);
    0
}

/// Starts the threads that see what no stopped call shows. Each keeps a clone of the intake.
fn start_watchers(_intake: &Intake) {}

struct Engine {
    config: Arc<Config>,
    detector: Detector,
    printer: Printer,
    info: CaptureInfo,
    enabled: usize,
    hostname: String,
    observer: Observer,
    identity_applied: bool,
    rates: Rates,
    common: Arc<Common>,
    checks: Option<Checks>,
    sightings: mpsc::Receiver<Sighting>,
    uplink: Option<Uplink>,
    detections: u64,
    undecoded: u64,
    last_heartbeat: Instant,
    alerts: Vec<Alert>,
    /// Sequences and counts under way that were dropped for want of room, as far as that was reported.
    evicted: u64,
}

impl Engine {
    fn start(config: Config, rules: Ruleset, printer: Printer, consumer: &Consumer, enabled: usize) -> Self {
        let restarts = consumer.counters().engine_restarts;
        let config = Arc::new(config);
        let procfs = Procfs::system();
        let keeper = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
        let keeper_start = procfs.stat(keeper).map_or(0, |stat| stat.start);
        let started = procfs.time_of(keeper_start);
        let sensor = identity::sensor_id(keeper, keeper_start);
        let hostname = identity::hostname();
        let task_id = config.task_id.clone().unwrap_or_else(|| sensor.clone());
        let (task, container) = identity::local(&hostname, &task_id, started);
        let common = Arc::new(Common {
            outbox: Outbox::default(),
            identity: Identity::new(task.clone(), container.clone(), config.metadata.is_none()),
            sensor,
            checks_made: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        learn_identity(&config, &common);
        let table = Table::new(procfs, Accounts::of_root(Path::new("/")), rules.needs_env());
        let observer = Observer::new(table, Origins::since(started), task, container);
        let checks = config.checks.then(|| start_checks(&config, &common, &consumer.waker())).flatten();
        let (intake, sightings) = Intake::new(consumer.waker(), Arc::clone(&common));
        start_watchers(&intake);
        let uplink = start_uplink(&config, &common, restarts);
        let mut engine = Self {
            config,
            detector: Detector::new(Arc::new(rules)),
            printer,
            info: consumer.info(),
            enabled,
            hostname,
            observer,
            identity_applied: false,
            rates: Rates::new(),
            common,
            checks,
            sightings,
            uplink,
            detections: 0,
            undecoded: 0,
            last_heartbeat: Instant::now(),
            alerts: Vec::new(),
            evicted: 0,
        };
        engine.common.identity.wait(IDENTITY_WAIT);
        engine.apply_identity();
        engine
    }

    fn apply_identity(&mut self) {
        if !self.identity_applied && self.common.identity.is_settled() {
            let (task, container) = self.common.identity.arcs();
            self.observer.set_identity((*task).clone(), (*container).clone());
            self.identity_applied = true;
        }
    }

    /// Handles what is in the ring, for as long as there is something and no heartbeat is due.
    fn work(&mut self, consumer: &mut Consumer) {
        self.apply_identity();
        while self.last_heartbeat.elapsed() < HEARTBEAT {
            let Some(raw) = consumer.next() else { return };
            match decode(&raw) {
                Some(decoded) => {
                    let event = self.observer.observe(decoded);
                    self.handle(event, || consumer.more_waits());
                }
                None => {
                    self.undecoded += 1;
                    self.common.outbox.add_lost("undecoded", 1);
                }
            }
            consumer.advance();
            self.take_sightings();
            self.take_findings();
        }
    }

    fn handle(&mut self, mut event: Event, others_wait: impl Fn() -> bool) {
        let mut alerts = std::mem::take(&mut self.alerts);
        alerts.clear();
        let behind = age(&event) > BEHIND;
        let decision = match &self.uplink {
            Some(_) => self.rates.decide(&event),
            None => Decision::Skip,
        };
        let missing = observer::missing(event.kind);
        let could_match = missing.is_none_or(|missing| self.detector.ruleset().could_match(&event, missing));
        if could_match || self.printer.records() || (decision == Decision::Send && !behind) {
            settle(&mut self.observer, &mut event, others_wait);
        }
        if could_match {
            self.detector.observe(&event, &mut alerts);
        }
        self.observer.remember(&mut event);
        for alert in &alerts {
            self.detect(alert, Some(&event));
        }
        if !alerts.is_empty() && !behind {
            self.wait_until_safe();
        }
        self.alerts = alerts;
        if let Some(checks) = &mut self.checks
            && !checks.intake.consider(&event)
        {
            self.common.outbox.add_lost("check_files", 1);
        }
        self.printer.event(&event);
        self.send_event(event, decision);
    }

    fn detect(&mut self, alert: &Alert, event: Option<&Event>) {
        let observed = event.map(Subject::Call);
        let detection = self.detector.detection(alert, observed, &self.common.sensor, &self.hostname);
        let Some(detection) = detection else { return };
        self.detections += 1;
        self.printer.detection(&detection);
        if self.uplink.is_some() {
            self.common.outbox.push(Record::Detection(Box::new(detection)));
        }
    }

    /// Where batches survive this process, the record that caused a detection stays in the ring until the
    /// detection is written. Not while events pile up: then time is worth more.
    fn wait_until_safe(&self) {
        if self.config.spool.is_some() && self.common.identity.is_settled() {
            self.common.outbox.wait_settled(SAFE);
        }
    }

    fn send_event(&mut self, event: Event, decision: Decision) {
        match decision {
            Decision::Send => self.common.outbox.push(Record::Event(Box::new(event))),
            Decision::Skip => {}
            Decision::Shed(class) => self.common.outbox.add_lost(class, 1),
        }
    }

    /// Handles what the watchers saw since the last time.
    fn take_sightings(&mut self) {
        while let Ok(sighting) = self.sightings.try_recv() {
            match sighting {
                Sighting::Call(decoded) => {
                    let event = self.observer.observe(*decoded);
                    self.handle(event, || false);
                }
            }
        }
    }

    /// Reports what the checks found since the last time.
    fn take_findings(&mut self) {
        while let Some(found) = self.checks.as_ref().and_then(|checks| checks.findings.try_recv().ok()) {
            self.report_check(&found);
        }
    }

    fn report_check(&mut self, found: &Found) {
        let (task, container) = self.common.identity.arcs();
        let number = self.common.checks_made.fetch_add(1, Ordering::Relaxed) + 1;
        let target = Target {
            id: format!("{}-check-{number}", self.common.sensor),
            time: Timestamp::now(),
            task: &task,
            container: &container,
        };
        let result = CHECK_426.result(&found.matches, found.incomplete.as_deref(), target);
        if result.status == CheckStatus::Failed {
            self.printer.check(&result, &self.hostname);
        }
        if self.uplink.is_some() {
            self.common.outbox.push(Record::CheckResult(Box::new(result)));
        }
    }

    /// Lets detections through that were held back until now, or all of them.
    fn release(&mut self, all: bool) {
        let mut alerts = std::mem::take(&mut self.alerts);
        if all {
            self.detector.finish(&mut alerts);
        } else {
            self.detector.advance(Timestamp::now(), &mut alerts);
        }
        for alert in &alerts {
            self.detect(alert, None);
        }
        self.alerts = alerts;
        let evicted = self.detector.statistics().evicted;
        self.common.outbox.add_lost("correlation", evicted - self.evicted);
        self.evicted = evicted;
    }

    fn heartbeat(&mut self, consumer: &Consumer, last: bool) {
        self.last_heartbeat = Instant::now();
        self.release(last);
        let counters = consumer.counters();
        self.common.outbox.set_capture_lost(&counters.lost);
        if self.uplink.is_none() {
            return;
        }
        let (task, container) = self.common.identity.arcs();
        self.common.outbox.push(Record::Heartbeat(Box::new(Heartbeat {
            time: Timestamp::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: self.info.backend.name().to_owned(),
            backend_reason: format!("{} [{}]", self.info.reason, self.info.features.join(", ")),
            notes: self.info.notes.iter().map(|note| (*note).to_owned()).collect(),
            events: counters.seen,
            detections: self.detections,
            folded: self.detector.statistics().folded,
            lost: self.common.outbox.lost(),
            engine_restarts: counters.engine_restarts,
            rules: self.enabled as u64,
            last,
            task: (*task).clone(),
            container: (*container).clone(),
        })));
    }

    /// Says what was not seen; with `summary` also what was.
    fn sum_up(&self, consumer: &Consumer) {
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
    fn finish(mut self, consumer: &Consumer) {
        self.common.stop.store(true, Ordering::Relaxed);
        if let Some(Checks { intake, findings, judge }) = self.checks.take() {
            drop(intake);
            if let Some(judge) = judge {
                let _ = judge.join();
            }
            while let Ok(found) = findings.try_recv() {
                self.report_check(&found);
            }
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
