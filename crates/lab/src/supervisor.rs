//! The life of a task: starts containers as their conditions hold, stops them when the task is over.

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use fargard_model::Timestamp;
use rustix::process::{Signal, pidfd_send_signal};

use crate::{
    container::{self, Common, Message},
    metadata::{ContainerRecord, Status, TaskRecord},
    observer::{ContainerState, Observation, Outcome, StopCode, TaskState},
    plan::Plan,
    schedule::{Health, Phase, Schedule},
};

/// What is known of a container's process.
#[derive(Default)]
struct Live {
    handle: Option<OwnedFd>,
    pid: Option<u32>,
    exit_code: Option<i32>,
    /// When it has to have let others start.
    start_by: Option<Instant>,
    /// When it is killed, once it was told to stop.
    kill_at: Option<Instant>,
    /// Dropping it ends the health checks.
    health: Option<mpsc::Sender<()>>,
}

/// Runs a task to its end.
pub(crate) struct Supervisor {
    pub(crate) plans: Vec<Plan>,
    pub(crate) common: Common,
    pub(crate) schedule: Schedule,
    pub(crate) record: Arc<Mutex<TaskRecord>>,
    pub(crate) pids: Arc<Mutex<BTreeMap<String, u32>>>,
    live: Vec<Live>,
    over: Option<(StopCode, String)>,
    essential_exit: Option<i32>,
    killing: bool,
}

impl Supervisor {
    pub(crate) fn new(
        plans: Vec<Plan>,
        common: Common,
        schedule: Schedule,
        record: Arc<Mutex<TaskRecord>>,
        pids: Arc<Mutex<BTreeMap<String, u32>>>,
    ) -> Self {
        let live = plans.iter().map(|_| Live::default()).collect();
        Self { plans, common, schedule, record, pids, live, over: None, essential_exit: None, killing: false }
    }

    /// Runs until every container has ended.
    pub(crate) fn run(mut self, messages: &mpsc::Receiver<Message>) -> Outcome {
        self.enter(TaskState::Activating);
        let mut running = false;
        loop {
            if self.over.is_none() {
                self.start_containers();
            }
            if self.over.is_some() {
                self.stop_containers();
                if self.schedule.none_live() {
                    break;
                }
            } else if !running && self.schedule.all_started() {
                running = true;
                self.enter(TaskState::Running);
            }
            match messages.recv_timeout(self.patience()) {
                Ok(message) => self.handle(message),
                Err(mpsc::RecvTimeoutError::Timeout) => self.check_deadlines(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let (code, reason) = self.over.take().unwrap_or((StopCode::UserInitiated, String::new()));
        let exit_codes = self
            .plans
            .iter()
            .zip(&self.live)
            .map(|(plan, live)| (plan.name.clone(), live.exit_code))
            .collect();
        Outcome { code, reason, exit_codes, essential_exit: self.essential_exit }
    }

    fn record(&self) -> MutexGuard<'_, TaskRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, index: usize, change: impl FnOnce(&mut ContainerRecord)) {
        if let Some(container) = self.record().containers.get_mut(index) {
            change(container);
        }
    }

    fn enter(&self, state: TaskState) {
        self.record().known = state.name();
        self.common.observer.observe(&Observation::Task(state));
    }

    fn tell(&self, index: usize, state: ContainerState) {
        let name = self.name(index);
        self.common.observer.observe(&Observation::Container { name, state });
    }

    fn name(&self, index: usize) -> String {
        self.plans.get(index).map(|plan| plan.name.clone()).unwrap_or_default()
    }

    fn finish(&mut self, code: StopCode, reason: String) {
        if self.over.is_none() {
            self.over = Some((code, reason));
            self.record().stopping = true;
            self.enter(TaskState::Stopping);
        }
    }

    fn start_containers(&mut self) {
        if let Some((_, reason)) = self.schedule.hopeless() {
            return self.finish(StopCode::TaskFailedToStart, reason);
        }
        for index in self.schedule.startable() {
            let Some(plan) = self.plans.get(index) else { continue };
            self.schedule.set_phase(index, Phase::Starting);
            self.edit(index, |container| container.created = Some(Timestamp::now()));
            if let Err(error) = container::start(index, plan.clone(), self.common.clone()) {
                self.failed(index, error.to_string());
            }
        }
    }

    /// Tells the next containers to stop, those first that depend on others.
    fn stop_containers(&mut self) {
        for index in self.schedule.stoppable() {
            let (Some(plan), Some(live)) = (self.plans.get(index), self.live.get_mut(index)) else {
                continue;
            };
            live.health = None;
            let Some(handle) = &live.handle else { continue };
            if live.kill_at.is_none() {
                live.kill_at = Some(Instant::now() + plan.stop_timeout);
                let _ = pidfd_send_signal(handle, Signal::TERM);
            }
            if self.killing {
                let _ = pidfd_send_signal(handle, Signal::KILL);
            }
        }
    }

    /// Time until the next deadline; without one, long.
    fn patience(&self) -> Duration {
        let deadlines = self.live.iter().flat_map(|live| [live.kill_at, live.start_by]).flatten();
        let next = deadlines.min().map(|at| at.saturating_duration_since(Instant::now()));
        next.unwrap_or(Duration::from_secs(3600))
    }

    fn check_deadlines(&mut self) {
        let now = Instant::now();
        for index in 0..self.live.len() {
            let Some(live) = self.live.get_mut(index) else { continue };
            if live.kill_at.is_some_and(|at| at <= now) {
                // Once is enough: nothing survives this signal. A later deadline keeps the loop from spinning.
                live.kill_at = Some(now + Duration::from_secs(3600));
                if let Some(handle) = &live.handle {
                    let _ = pidfd_send_signal(handle, Signal::KILL);
                }
            }
            if live.start_by.is_some_and(|at| at <= now) {
                live.start_by = None;
                if let Some((_, reason)) = self.schedule.held_up_by(index) {
                    self.finish(StopCode::TaskFailedToStart, reason);
                }
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Started(index, handle) => {
                if let Some(live) = self.live.get_mut(index) {
                    live.handle = Some(handle);
                }
            }
            Message::Running(index, pid) => self.running(index, pid),
            Message::Failed(index, reason) => self.failed(index, reason),
            Message::Ended(index, code) => self.ended(index, code),
            Message::Health(index, health) => self.health(index, health),
            Message::Stop(reason) => self.finish(StopCode::UserInitiated, reason),
            Message::Kill => {
                self.killing = true;
                self.finish(StopCode::UserInitiated, "killed".to_owned());
            }
        }
    }

    fn running(&mut self, index: usize, pid: u32) {
        self.schedule.set_phase(index, Phase::Running);
        self.edit(index, |container| {
            container.known = Status::Running;
            container.started = Some(Timestamp::now());
        });
        let (Some(plan), Some(live)) = (self.plans.get(index), self.live.get_mut(index)) else { return };
        live.pid = Some(pid);
        live.start_by = plan.start_timeout.map(|time| Instant::now() + time);
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).insert(plan.name.clone(), pid);
        if let Some(check) = plan.health_check.clone() {
            let watch = container::watch_health(index, plan.clone(), check, self.common.clone(), pid);
            live.health = watch.ok();
        }
        self.tell(index, ContainerState::Running { pid });
    }

    fn gone(&mut self, index: usize, phase: Phase) {
        self.schedule.set_phase(index, phase);
        if let Some(live) = self.live.get_mut(index) {
            *live = Live { exit_code: live.exit_code, ..Live::default() };
        }
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name(index));
        self.edit(index, |container| {
            container.known = Status::Stopped;
            container.finished = Some(Timestamp::now());
        });
        self.send_leftovers(index);
    }

    fn failed(&mut self, index: usize, reason: String) {
        self.gone(index, Phase::Failed);
        let whole = format!("container {:?} could not be started: {reason}", self.name(index));
        self.tell(index, ContainerState::Failed { reason });
        // The others go on without one that is not essential, unless they depend on it.
        if self.schedule.is_essential(index) {
            self.finish(StopCode::TaskFailedToStart, whole);
        }
    }

    fn ended(&mut self, index: usize, code: i32) {
        if let Some(live) = self.live.get_mut(index) {
            live.exit_code = Some(code);
        }
        self.gone(index, Phase::Stopped(code));
        self.edit(index, |container| container.exit_code = Some(code));
        self.tell(index, ContainerState::Stopped { exit_code: code });
        if self.schedule.is_essential(index) {
            self.essential_exit.get_or_insert(code);
            let reason = format!("essential container {:?} exited with code {code}", self.name(index));
            self.finish(StopCode::EssentialContainerExited, reason);
        }
    }

    fn health(&mut self, index: usize, health: Health) {
        if self.schedule.phase(index) != Phase::Running || !self.schedule.set_health(index, health) {
            return;
        }
        let healthy = health == Health::Healthy;
        self.edit(index, |container| container.health = Some((healthy, Timestamp::now())));
        self.tell(index, if healthy { ContainerState::Healthy } else { ContainerState::Unhealthy });
    }

    /// What the container's sensor could not send before the container's end took it along.
    fn send_leftovers(&self, index: usize) {
        let Some(sensor) = self.plans.get(index).and_then(|plan| plan.sensor.as_ref()) else { return };
        if let Err(reason) = sensor.drain() {
            let warning = format!("{}: the sensor's last records were not sent: {reason}", self.name(index));
            self.common.observer.observe(&Observation::Warning(warning));
        }
    }
}
