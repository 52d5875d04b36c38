//! The engine's work from its start to its end.

mod bypass;
mod doubts;
mod elsewhere;
mod govern;
mod handle;
mod network;
mod report;
mod rules;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
        mpsc,
    },
    time::{Duration, Instant},
};

use fargard_model::{FimStatus, TrapSet};
use fargard_rules::{Alert, Detector, Ruleset};

use self::{bypass::Bypasses, doubts::progress, govern::Budget, rules::Reloads};
use super::{
    Prepared,
    accounts::Accounts,
    actions::Actions,
    announce::{introduce, say, set_speaking},
    attached::Attached,
    checks::{self, Checks, Ledger},
    decode::decode,
    identity::{self, Identity},
    integrity,
    lease::Leases,
    limit::Limits,
    net::Network,
    notes::Notes,
    observer::Observer,
    origin::Origins,
    others::Others,
    print::Printer,
    procfs::Procfs,
    rate::Rates,
    reload::{self, Files},
    repeats::Repeats,
    sighting::{Intake, Sighting},
    suspects::Suspects,
    table::Table,
    threads::{Common, Uplink, learn_identity, start_uplink},
    uplink::outbox::Outbox,
};
use crate::{
    capture::{CaptureInfo, Consumer, Notice, Sensor, Wake},
    config::{Config, CpuBudget},
    fim::{Fim, policy::Policy},
    net::Tap,
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
    let Prepared { config, rules, files, traps, denials: _, printer, policy, tap, unusable } = prepared;
    set_speaking(config.announce);
    let enabled = rules.rules().iter().filter(|rule| rule.enabled).count();
    if consumer.counters().engine_restarts == 0 {
        introduce(&consumer.info(), enabled);
    }
    let mut engine = Engine::start(config, (rules, files, traps), printer, policy, tap, &consumer, enabled);
    engine.reloads = std::mem::take(&mut engine.reloads).without_files(unusable);
    engine.heartbeat(&consumer, false);
    loop {
        let heartbeat = HEARTBEAT.saturating_sub(engine.last_heartbeat.elapsed());
        let pauses = [Some(engine.network.idle_time()), engine.suspects.pause(), engine.limits.pause()];
        let time = pauses.into_iter().flatten().fold(heartbeat, Duration::min);
        match consumer.wait(time) {
            Wake::Data => engine.work(&mut consumer),
            Wake::Timeout | Wake::Called => {}
            Wake::Finished => break,
        }
        engine.govern();
        engine.judge_suspects(&consumer);
        engine.release_limited(false);
        engine.take_sightings(u64::MAX);
        engine.take_network(&mut consumer);
        engine.take_findings();
        if engine.last_heartbeat.elapsed() >= HEARTBEAT {
            engine.heartbeat(&consumer, false);
        }
    }
    engine.network.finish();
    engine.take_network(&mut consumer);
    engine.take_sightings(u64::MAX);
    engine.finish(&consumer);
    0
}

struct Engine {
    config: Arc<Config>,
    detector: Detector,
    printer: Printer,
    info: CaptureInfo,
    enabled: usize,
    reloads: Reloads,
    hostname: String,
    actions: Actions,
    bypasses: Bypasses,
    observer: Observer,
    suspects: Suspects,
    repeats: Repeats,
    limits: Limits,
    budget: Budget,
    /// Calls lost before the ones that are being handled.
    lost: u64,
    network: Network,
    identity_applied: bool,
    rates: Rates,
    common: Arc<Common>,
    checks: Option<Checks>,
    /// What the checks found.
    ledger: Ledger,
    /// The same in other containers.
    others: Others,
    fim: Option<Fim>,
    file_changes: u64,
    /// What monitoring covered when it ended.
    fim_end: Option<FimStatus>,
    sightings: mpsc::Receiver<Sighting>,
    /// Taken, and to be handled after the captured calls of before.
    sighting: Option<Sighting>,
    leases: Option<Leases>,
    /// How often leases were started.
    lease_starts: u64,
    /// For watchers that start later.
    intake: Intake,
    sensor: Sensor,
    /// The command's process.
    app: u32,
    /// Of the engine.
    restarts: u64,
    uplink: Option<Uplink>,
    /// Processes that came from outside.
    attached: Attached,
    detections: u64,
    undecoded: u64,
    last_heartbeat: Instant,
    alerts: Vec<Alert>,
    /// Sequences and counts under way that were dropped for want of room, as far as that was reported.
    evicted: u64,
}

impl Engine {
    fn start(
        config: Config,
        (rules, files, stopped): (Arc<Ruleset>, Files, TrapSet),
        printer: Printer,
        policy: Option<Policy>,
        tap: Option<io::Result<Tap>>,
        consumer: &Consumer,
        enabled: usize,
    ) -> Self {
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
            notes: Notes::default(),
        });
        learn_identity(&config, &common);
        let app = procfs.stat(keeper).map_or(0, |stat| stat.ppid);
        let table = Table::new(procfs, Accounts::of_root(Path::new("/")), app, rules.needs_env());
        let observer = Observer::new(table, Origins::since(started), task, container);
        let checks = checks::start(&config, &common, consumer.waker(), app);
        let others = Others::new(&config, &common, consumer.waker());
        let (intake, sightings) = Intake::new(consumer.waker(), Arc::clone(&common));
        reload::watch(files, intake.clone());
        // The keeper is a child of the command.
        let app = observer.procfs().stat(keeper).map_or(0, |stat| stat.ppid);
        let network = Network::start(&config, tap, consumer.waker(), app, restarts > 0);
        if let Some(note) = network.note().filter(|_| restarts == 0) {
            say(&format!("note: {note}"));
        }
        let fim = policy.and_then(|policy| integrity::start(policy, &config, &common, &intake, started));
        let uplink = start_uplink(&config, &common, restarts);
        let budget = Budget::new(config.cpu);
        let reloads = Reloads::new(stopped, config.reads, &rules);
        let actions = Actions::new(config.prevent, &rules, consumer.info().backend, consumer.sensor());
        let mut engine = Self {
            config,
            detector: Detector::new(Arc::clone(&rules)),
            printer,
            info: consumer.info(),
            enabled,
            reloads,
            hostname,
            actions,
            bypasses: Bypasses::default(),
            observer,
            suspects: Suspects::default(),
            repeats: Repeats::default(),
            limits: Limits::default(),
            budget,
            lost: 0,
            network,
            identity_applied: false,
            rates: Rates::new(),
            common,
            checks,
            ledger: Ledger::default(),
            others,
            fim,
            sightings,
            sighting: None,
            leases: None,
            lease_starts: 0,
            intake,
            sensor: consumer.sensor(),
            app,
            restarts,
            uplink,
            attached: Attached::default(),
            detections: 0,
            file_changes: 0,
            fim_end: None,
            undecoded: 0,
            last_heartbeat: Instant::now(),
            alerts: Vec::new(),
            evicted: 0,
        };
        engine.watch_reads(&rules);
        engine.common.identity.wait(IDENTITY_WAIT);
        engine.apply_identity();
        engine.meet_others();
        engine
    }

    fn apply_identity(&mut self) {
        if !self.identity_applied && self.common.identity.is_settled() {
            let (task, container) = self.common.identity.arcs();
            self.observer.set_identity((*task).clone(), (*container).clone());
            self.observer.set_containers(self.common.identity.siblings());
            self.identity_applied = true;
            if self.config.cpu == CpuBudget::ShareOfTask
                && let Some(cpus) = self.common.identity.cpus()
            {
                self.budget.set_cpus(cpus);
            }
        }
    }

    /// Handles what is in the ring, for as long as there is something and no heartbeat is due.
    fn work(&mut self, consumer: &mut Consumer) {
        self.apply_identity();
        self.lost = progress(&consumer.counters()).lost;
        while self.last_heartbeat.elapsed() < HEARTBEAT {
            self.govern();
            let Some(raw) = consumer.next() else { return };
            if self.is_shed(&raw) {
                consumer.advance();
                continue;
            }
            match decode(&raw) {
                None if let Some(notice) = Notice::read(&raw) => {
                    if let Some(line) = self.attached.note(notice, self.observer.procfs()) {
                        say(&line);
                    }
                    self.meet(notice.pid);
                }
                Some(decoded) => {
                    self.take_sightings(decoded.time);
                    let event = self.observer.observe(decoded);
                    self.handle(event, || consumer.more_waits());
                }
                None => {
                    self.undecoded += 1;
                    self.suspects.clear();
                    self.common.outbox.add_lost("undecoded", 1);
                }
            }
            consumer.advance();
            self.judge_suspects(consumer);
            self.release_limited(false);
            self.take_findings();
        }
    }

    /// Handles what the watchers saw, up to that time: what a process did is understood from what it did before.
    fn take_sightings(&mut self, until: u64) {
        while let Some(sighting) = self.sighting.take().or_else(|| self.sightings.try_recv().ok()) {
            if sighting.time() > until {
                self.sighting = Some(sighting);
                return;
            }
            let event = match sighting {
                Sighting::Call(decoded) => Some(self.observer.observe(*decoded)),
                Sighting::Open(opened) => {
                    let within = self.leases.as_ref().and_then(Leases::within);
                    opened.event(&mut self.observer, within)
                }
                Sighting::FileChange(change) => {
                    self.report_file_change(*change);
                    None
                }
                Sighting::Rules(reloaded) => {
                    self.take_rules(reloaded);
                    None
                }
            };
            if let Some(event) = event {
                self.handle(event, || false);
            }
        }
    }
}
