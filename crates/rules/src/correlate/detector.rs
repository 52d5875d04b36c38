//! Events in, alerts out: the rules that match, what sequences and thresholds complete, less what is folded.

use std::{collections::HashMap, sync::Arc};

use fargard_model::{Detection, Timestamp};

use super::{
    PlanKind, alert::Alert, fold::Fold, output::Evidence, sequence::Sequence, stages::Stages,
    threshold::Threshold,
};
use crate::{RuleId, Ruleset, Subject};

/// What a detector counts, and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Matches that were held back, to be told of in the number of another.
    pub folded: u64,
    /// Sequences and counts under way that were dropped for want of room.
    pub evicted: u64,
    /// Events of a sequence or threshold that lacked a field of its key.
    pub keyless: u64,
    /// Keys that state is held for.
    pub keys: u64,
}

/// What follows a sequence or threshold.
#[derive(Debug)]
enum Follower {
    Sequence(Sequence),
    Threshold(Threshold),
}

/// Evaluates the rules of a ruleset and follows its sequences, thresholds and foldings. Give it every event, in the
/// order in which they are read.
#[derive(Debug)]
pub struct Detector {
    ruleset: Arc<Ruleset>,
    /// By plan.
    followers: Vec<Follower>,
    folds: HashMap<RuleId, Vec<Fold>>,
    /// When the next window of a folding ends.
    next_end: u64,
    matches: Vec<RuleId>,
}

impl Detector {
    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new(ruleset: Arc<Ruleset>) -> Self {
        let correlations = ruleset.correlations();
        let followers = correlations
            .plans
            .iter()
            .map(|plan| match plan.kind {
                PlanKind::Sequence { .. } => Follower::Sequence(Sequence::new()),
                PlanKind::Threshold { .. } => Follower::Threshold(Threshold::new()),
            })
            .collect();
        let stages = |plans: &Vec<_>| plans.iter().map(|_| Fold::new()).collect();
        let folds = correlations.folds.iter().map(|(rule, plans)| (*rule, stages(plans))).collect();
        Self { ruleset, followers, folds, next_end: u64::MAX, matches: Vec::new() }
    }

    /// The rules.
    #[must_use]
    pub fn ruleset(&self) -> &Arc<Ruleset> {
        &self.ruleset
    }

    /// Goes on with other rules. What was under way is forgotten, what was held back is put into `alerts`, which
    /// are alerts of the rules before: turn them into detections with the ruleset that is given back.
    pub fn replace(&mut self, ruleset: Arc<Ruleset>, alerts: &mut Vec<Alert>) -> Self {
        self.finish(alerts);
        std::mem::replace(self, Self::new(ruleset))
    }

    /// Observes an event; puts what is to be told of into `alerts`, after clearing it.
    pub fn observe<'e>(&mut self, subject: impl Into<Subject<'e>>, alerts: &mut Vec<Alert>) {
        let subject = subject.into();
        self.advance(subject.time(), alerts);
        let mut matches = std::mem::take(&mut self.matches);
        self.ruleset.evaluate_with_parts(subject, &mut matches);
        let rules = self.ruleset.rules().len();
        let first_part = matches.partition_point(|id| id.index() < rules);
        let (of_rules, parts) = matches.split_at(first_part);
        for rule in of_rules {
            self.offer(*rule, subject, None, alerts);
        }
        self.follow(parts, subject, alerts);
        self.matches = matches;
    }

    /// Time has come that far: lets through what was held back until now. Clears `alerts` first.
    pub fn advance(&mut self, now: Timestamp, alerts: &mut Vec<Alert>) {
        alerts.clear();
        if now.0 < self.next_end {
            return;
        }
        let mut next_end = u64::MAX;
        for (rule, folds) in &mut self.folds {
            let mut stages = Stages { rule: *rule, ruleset: &self.ruleset, folds };
            stages.close(now.0, alerts);
            next_end = next_end.min(stages.next_end());
        }
        self.next_end = next_end;
        alerts.sort_by_key(|alert| alert.rule);
    }

    /// Nothing comes any more: lets everything through that was held back. Clears `alerts` first.
    pub fn finish(&mut self, alerts: &mut Vec<Alert>) {
        alerts.clear();
        for (rule, folds) in &mut self.folds {
            Stages { rule: *rule, ruleset: &self.ruleset, folds }.finish(alerts);
        }
        self.next_end = u64::MAX;
        alerts.sort_by_key(|alert| alert.rule);
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut sum = Statistics::default();
        for follower in &self.followers {
            let (evicted, keyless, keys) = match follower {
                Follower::Sequence(sequence) => (sequence.evicted, sequence.keyless, sequence.runs.len()),
                Follower::Threshold(threshold) => {
                    (threshold.evicted, threshold.keyless, threshold.counted.len())
                }
            };
            sum.evicted += evicted;
            sum.keyless += keyless;
            sum.keys += keys as u64;
        }
        for fold in self.folds.values().flatten() {
            sum.folded += fold.folded;
            sum.keys += fold.keys() as u64;
        }
        sum
    }

    /// What an alert is to the rest of the product; `observed` is the event that gave it, none where time did. `None`
    /// for an alert of another ruleset.
    #[must_use]
    pub fn detection<'e>(
        &'e self,
        alert: &'e Alert,
        observed: impl Into<Option<Subject<'e>>>,
        producer: &str,
        hostname: &str,
    ) -> Option<Detection> {
        let subject = alert.subject(observed)?;
        let Subject::Call(event) = subject else { return None };
        let mut detection = self.ruleset.detection(alert.rule, event, producer, hostname)?;
        detection.folded = alert.folded;
        self.complete(alert, subject, &mut detection.output, &mut detection.output_fields)?;
        Some(detection)
    }

    /// What an alert says, of calls and of records; otherwise as [`Self::detection`].
    #[must_use]
    pub fn alert<'e>(
        &'e self,
        alert: &'e Alert,
        observed: impl Into<Option<Subject<'e>>>,
        hostname: &str,
    ) -> Option<fargard_model::Alert> {
        let subject = alert.subject(observed)?;
        let mut said = self.ruleset.alert(alert.rule, subject, hostname)?;
        self.complete(alert, subject, &mut said.output, &mut said.output_fields)?;
        Some(said)
    }

    /// Puts into an output what more than one event gives.
    fn complete(
        &self,
        alert: &Alert,
        subject: Subject<'_>,
        output: &mut String,
        fields: &mut serde_json::Map<String, serde_json::Value>,
    ) -> Option<()> {
        if let Some(evidence) = &alert.evidence {
            let plan = self.ruleset.correlations().plans.iter().find(|plan| plan.rule == alert.rule)?;
            (*output, *fields) = plan.output.fill(subject, evidence);
        }
        if alert.folded > 0 {
            output.push_str(&format!(" | folded={}", alert.folded));
            fields.insert("correlation.folded".into(), alert.folded.into());
        }
        Some(())
    }

    /// Hands an event to the sequences and thresholds of which parts hold.
    fn follow(&mut self, parts: &[RuleId], subject: Subject<'_>, alerts: &mut Vec<Alert>) {
        let ruleset = Arc::clone(&self.ruleset);
        let rules = ruleset.rules().len();
        let mut rest = parts;
        while let Some(first) = rest.first().map(|id| id.index() - rules) {
            let plans = &ruleset.correlations().plans;
            let at = plans.partition_point(|plan| plan.first_part <= first).saturating_sub(1);
            let (Some(plan), Some(follower)) = (plans.get(at), self.followers.get_mut(at)) else { return };
            let end = plans.get(at + 1).map_or(usize::MAX, |next| next.first_part);
            let (own, others) = rest.split_at(rest.partition_point(|id| id.index() - rules < end));
            rest = others;
            let holds = |part: usize| own.iter().any(|id| id.index() - rules == plan.first_part + part);
            let completed = match follower {
                Follower::Sequence(sequence) => sequence.take(plan, holds, subject),
                Follower::Threshold(threshold) => threshold.take(plan, subject).into_iter().collect(),
            };
            for evidence in completed {
                self.offer(plan.rule, subject, Some(Arc::new(evidence)), alerts);
            }
        }
    }

    /// Lets an alert through, or holds it back.
    fn offer(
        &mut self,
        rule: RuleId,
        subject: Subject<'_>,
        evidence: Option<Arc<Evidence>>,
        alerts: &mut Vec<Alert>,
    ) {
        if let Some(folds) = self.folds.get_mut(&rule) {
            let mut stages = Stages { rule, ruleset: &self.ruleset, folds };
            let passes = stages.offer(0, subject, evidence.as_ref(), 1, subject.time().0, alerts);
            self.next_end = self.next_end.min(stages.next_end());
            if !passes {
                return;
            }
        }
        alerts.push(Alert { rule, folded: 0, held: None, evidence });
    }
}
