//! What is done about a match beside telling of it.
//!
//! A call is denied by the keeper, before the engine knows of it; the engine only says so. A process is killed by the
//! engine, after the detection: by a descriptor of the process, so that it is never another one under the same
//! number.

use std::collections::{HashMap, HashSet};

use fargard_model::{Action, ActionResult, ActionTaken, Event, Outcome};
use fargard_rules::{RuleId, Ruleset, traps};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{announce::say, procfs::Procfs};
use crate::{
    capture::{Backend, DENIAL_ERROR, Denial, Sensor},
    config::Prevention,
};

/// The first process of a namespace: with it end all others.
const FIRST_PROCESS: u32 = 1;

/// Does what rules ask for.
#[derive(Debug)]
pub(super) struct Actions {
    mode: Prevention,
    /// Rules that ask for more than an alert.
    asked: HashMap<String, Action>,
    kills: HashSet<RuleId>,
    /// The rules are those by which calls are denied.
    is_current: bool,
    backend: Backend,
    sensor: Sensor,
    procfs: Procfs,
    /// Processes that were not killed although a rule asked for it.
    refused: u64,
}

impl Actions {
    pub(super) fn new(mode: Prevention, rules: &Ruleset, backend: Backend, sensor: Sensor) -> Self {
        let (asked, kills) = asked(rules);
        let mut actions = Self {
            mode,
            asked,
            kills,
            is_current: true,
            backend,
            sensor,
            procfs: Procfs::system(),
            refused: 0,
        };
        let _ = actions.compare(rules);
        actions
    }

    /// Goes on with other rules; what to say of it. Which calls are denied stays as it was.
    pub(super) fn replace_rules(&mut self, rules: &Ruleset) -> Option<&'static str> {
        (self.asked, self.kills) = asked(rules);
        self.compare(rules)
    }

    fn compare(&mut self, rules: &Ruleset) -> Option<&'static str> {
        let denied = || denials(rules).is_ok_and(|denials| self.sensor.denies(&denials));
        self.is_current = self.mode != Prevention::On || denied();
        (!self.is_current).then_some("loaded, but which calls are denied changes only when the task restarts")
    }

    /// Whether a match of that rule is to be acted on at once.
    pub(super) fn kills(&self, rule: RuleId) -> bool {
        self.mode == Prevention::On && self.kills.contains(&rule)
    }

    /// Does what the rule asks for. `start` is the start of the event's process in ticks since boot, 0 if unknown.
    pub(super) fn take(&mut self, rule: &str, event: Option<&Event>, start: u64) -> Option<ActionTaken> {
        let kind = *self.asked.get(rule).filter(|_| self.mode != Prevention::Off)?;
        let (result, reason) = match (self.mode, kind, event) {
            (Prevention::DryRun, ..) => (ActionResult::DryRun, String::new()),
            (_, Action::Prevent, event) => self.prevented(event),
            (_, _, None) => (ActionResult::Failed, "the event is gone".to_owned()),
            (_, _, Some(event)) => self.kill(event, start),
        };
        Some(ActionTaken { kind, result, reason })
    }

    /// What the keeper answered is the call's result from the beginning.
    fn prevented(&self, event: Option<&Event>) -> (ActionResult, String) {
        let denied = Outcome::Confirmed(-i64::from(DENIAL_ERROR));
        let reason = match event {
            Some(event) if self.backend == Backend::Notify && event.outcome == denied => {
                return (ActionResult::Prevented, String::new());
            }
            _ if self.backend != Backend::Notify => {
                format!("the backend '{}' cannot deny calls", self.backend.name())
            }
            _ if !self.is_current => "which calls are denied was fixed by the rules at the start".to_owned(),
            _ => "its arguments were in memory, or the keeper was being replaced".to_owned(),
        };
        (ActionResult::Failed, reason)
    }

    fn kill(&mut self, event: &Event, start: u64) -> (ActionResult, String) {
        let process = &event.process;
        if let Some(why) = self.protected(process.pid) {
            self.refused += 1;
            let name = &process.name;
            say(&format!("{name} (pid {}) is not killed, although a rule asks for it: {why}", process.pid));
            return (ActionResult::Refused, why.to_owned());
        }
        match self.kill_only(process.pid, start) {
            Ok(()) => (ActionResult::Killed, String::new()),
            Err(reason) => (ActionResult::Failed, reason),
        }
    }

    fn protected(&self, pid: u32) -> Option<&'static str> {
        match pid {
            FIRST_PROCESS => Some("it is PID 1: the container, or the task, would end"),
            pid if pid == self.sensor.app() => {
                Some("it is the container's entry process: the container would end")
            }
            pid if self.sensor.is_sensor(pid) => Some("it is the sensor"),
            _ => None,
        }
    }

    /// Kills the process with that number if it is the one that started then.
    fn kill_only(&self, pid: u32, start: u64) -> Result<(), String> {
        let gone = || "it has ended".to_owned();
        let number = Pid::from_raw(pid.cast_signed()).ok_or_else(gone)?;
        let process = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            rustix::io::Errno::SRCH => gone(),
            error => error.to_string(),
        })?;
        // The descriptor holds on to whoever has the number now; that is compared.
        let now = self.procfs.stat(pid).map_or(0, |stat| stat.start);
        if now == 0 || now != start {
            return Err(gone());
        }
        pidfd_send_signal(&process, Signal::KILL).map_err(|error| match error {
            rustix::io::Errno::SRCH => gone(),
            error => error.to_string(),
        })
    }

    /// How many processes were not killed although a rule asked for it.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

/// The rules that ask for more than an alert, and those of them that kill.
fn asked(rules: &Ruleset) -> (HashMap<String, Action>, HashSet<RuleId>) {
    let asks = |rule: &&fargard_rules::Rule| rule.enabled && rule.action != Action::Alert;
    let asked: HashMap<String, Action> =
        rules.rules().iter().filter(asks).map(|rule| (rule.name.clone(), rule.action)).collect();
    let killing = asked.iter().filter(|(_, action)| **action == Action::Kill);
    let kills = killing.filter_map(|(name, _)| rules.find(name)).collect();
    (asked, kills)
}

/// What the keeper is to deny.
///
/// # Errors
/// A rule that prevents cannot.
pub(super) fn denials(rules: &Ruleset) -> Result<Vec<Denial>, String> {
    let mut denials = Vec::new();
    for rule in rules.rules().iter().filter(|rule| rule.enabled && rule.action == Action::Prevent) {
        let Some(id) = rules.find(&rule.name) else { continue };
        let found = traps::denials(rules, id)
            .map_err(|error| format!("rule '{}' cannot prevent: {error}", rule.name))?;
        let denial = |one: traps::Denial| Denial { kind: one.kind, conditions: one.conditions };
        denials.extend(found.into_iter().map(denial));
    }
    Ok(denials)
}

#[cfg(test)]
mod tests;
