//! Other rules than at the start.

use std::sync::Arc;

use fargard_model::{Trap, TrapSet};
use fargard_rules::Ruleset;

use super::Engine;
use crate::{
    config::ReadMode,
    engine::{
        announce::say,
        lease,
        limit::Limits,
        net::wants_connections,
        reload::{Reloaded, unseen},
    },
};

/// What stays of earlier rules.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    /// The calls that are stopped: those that the rules at the start need.
    stopped: TrapSet,
    /// The rules at the start ask for environments.
    reads_environment: bool,
    /// What the rules in use do not see.
    unseen: Vec<String>,
    /// Why the files as they are now are not in use.
    unusable: Option<String>,
    /// Matches that were folded under earlier rules.
    pub(super) folded: u64,
}

impl Reloads {
    /// `stopped` are the calls that the filter stops. Without stopping all opens for reading, leases say themselves
    /// what they see of them.
    pub(super) fn new(mut stopped: TrapSet, reads: ReadMode, rules: &Ruleset) -> Self {
        if reads != ReadMode::Trap {
            stopped.add(Trap::OpenRead, "leases");
        }
        Self { stopped, reads_environment: rules.needs_env(), ..Self::default() }
    }

    /// Says why the files are not in use, and keeps it for heartbeats.
    pub(super) fn without_files(mut self, why: Option<String>) -> Self {
        why.iter().for_each(|line| say(line));
        self.unusable = why;
        self
    }

    /// What a reader of heartbeats should know.
    pub(super) fn notes(&self) -> impl Iterator<Item = &str> {
        self.unusable.iter().chain(&self.unseen).map(String::as_str)
    }
}

impl Engine {
    /// Watches the files that these rules are about, and those of other rules no longer.
    pub(super) fn watch_reads(&mut self, rules: &Arc<Ruleset>) {
        self.leases = None;
        let start = lease::Start {
            config: &self.config,
            rules,
            intake: &self.intake,
            common: &self.common,
            sensor: &self.sensor,
            first: self.app,
            number: (self.restarts << 8) + self.lease_starts,
            speaks: self.restarts == 0,
        };
        self.leases = lease::start(&start);
        self.lease_starts += 1;
    }

    /// Goes on with other rules, or says why not.
    pub(super) fn take_rules(&mut self, reloaded: Reloaded) {
        match reloaded {
            Reloaded::Rules(rules) => self.replace_rules(*rules),
            Reloaded::Unusable(why) => {
                let line = format!("the changed rules files are not used, the rules before stay: {why}");
                say(&line);
                self.reloads.unusable = Some(line);
            }
        }
    }

    fn replace_rules(&mut self, rules: Ruleset) {
        // What was held back is told of under the rules it came from.
        self.release(true);
        self.reloads.folded += self.detector.statistics().folded + self.limits.folded();
        self.limits = Limits::default();
        // Calls in doubt are remembered with rules they matched.
        self.suspects.clear();
        self.reloads.unusable = None;
        self.reloads.unseen = unseen(&rules, &self.reloads.stopped);
        if rules.needs_env() && !self.reloads.reads_environment {
            let line = "loaded, but environments of processes are read only after the task restarts";
            self.reloads.unseen.push(line.to_owned());
        }
        let denied = self.actions.replace_rules(&rules).map(str::to_owned);
        self.reloads.unseen.extend(denied);
        let enabled = rules.rules().iter().filter(|rule| rule.enabled).count();
        say(&format!("rules reloaded: {enabled}, before {}", self.enabled));
        self.reloads.unseen.iter().for_each(|line| say(&format!("note: {line}")));
        self.network.see_connections(wants_connections(&self.config, rules.traps().contains(Trap::Connect)));
        let rules = Arc::new(rules);
        self.watch_reads(&rules);
        self.detector.replace(rules, &mut self.alerts);
        self.alerts.clear();
        (self.enabled, self.evicted) = (enabled, 0);
    }
}
