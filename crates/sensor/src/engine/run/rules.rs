//! Other rules than at the start.

use std::sync::Arc;

use fargard_model::TrapSet;
use fargard_rules::Ruleset;

use super::Engine;
use crate::engine::{
    announce::say,
    limit::Limits,
    reload::{Reloaded, unseen},
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
    pub(super) fn new(stopped: TrapSet, rules: &Ruleset) -> Self {
        Self { stopped, reads_environment: rules.needs_env(), ..Self::default() }
    }

    /// What a reader of heartbeats should know.
    pub(super) fn notes(&self) -> impl Iterator<Item = &str> {
        self.unusable.iter().chain(&self.unseen).map(String::as_str)
    }
}

impl Engine {
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
        self.detector.replace(Arc::new(rules), &mut self.alerts);
        self.alerts.clear();
        (self.enabled, self.evicted) = (enabled, 0);
    }
}
