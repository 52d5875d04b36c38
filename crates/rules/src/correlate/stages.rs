//! The stages of folding of a rule, one behind the other.

use std::sync::Arc;

use super::{
    alert::Alert,
    fold::{Fold, Held},
    output::Evidence,
};
use crate::{RuleId, Ruleset, Subject};

/// The stages of folding of one rule.
pub(super) struct Stages<'a> {
    pub(super) rule: RuleId,
    pub(super) ruleset: &'a Ruleset,
    pub(super) folds: &'a mut [Fold],
}

impl Stages<'_> {
    pub(super) fn next_end(&self) -> u64 {
        self.folds.iter().filter_map(Fold::next_end).min().unwrap_or(u64::MAX)
    }

    /// Whether something passes the stages from one on. What they let through on that occasion goes into `alerts`.
    pub(super) fn offer(
        &mut self,
        from: usize,
        subject: Subject<'_>,
        evidence: Option<&Arc<Evidence>>,
        matches: u64,
        now: u64,
        alerts: &mut Vec<Alert>,
    ) -> bool {
        let plans = self.ruleset.correlations().folds.get(&self.rule).map_or(&[][..], Vec::as_slice);
        for (stage, plan) in plans.iter().enumerate().skip(from) {
            let Some(fold) = self.folds.get_mut(stage) else { break };
            let mut out = Vec::new();
            let passes = fold.offer(plan, subject, evidence, matches, now, &mut out);
            self.pass_on(stage + 1, out, now, alerts);
            if !passes {
                return false;
            }
        }
        true
    }

    /// Hands what one stage lets through to the next.
    fn pass_on(&mut self, stage: usize, held: Vec<Held>, now: u64, alerts: &mut Vec<Alert>) {
        for held in held {
            let subject = held.subject.subject();
            if self.offer(stage, subject, held.evidence.as_ref(), held.matches, now, alerts) {
                alerts.push(Alert::of(self.rule, held));
            }
        }
    }

    pub(super) fn close(&mut self, now: u64, alerts: &mut Vec<Alert>) {
        let plans = self.ruleset.correlations().folds.get(&self.rule).map_or(&[][..], Vec::as_slice);
        for (stage, plan) in plans.iter().enumerate() {
            let mut out = Vec::new();
            if let Some(fold) = self.folds.get_mut(stage) {
                fold.close(plan, now, &mut out);
            }
            self.pass_on(stage + 1, out, now, alerts);
        }
    }

    /// What was held back is let through past all stages.
    pub(super) fn finish(&mut self, alerts: &mut Vec<Alert>) {
        for fold in self.folds.iter_mut() {
            let mut out = Vec::new();
            fold.finish(&mut out);
            alerts.extend(out.into_iter().map(|held| Alert::of(self.rule, held)));
        }
    }
}
