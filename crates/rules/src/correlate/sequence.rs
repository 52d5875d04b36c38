//! Sequences. For each key and each step but the last, the run that has come as far and began latest is kept: any
//! later event that completes some run within the time completes that one.

use std::sync::Arc;

use super::{
    Plan, PlanKind,
    key::Key,
    keyed::{BUDGET, Keyed, State},
    output::{Captured, Evidence},
};
use crate::Subject;

/// What a link costs besides what was captured.
const LINK: usize = 96;

/// A step that was taken, and those before it.
#[derive(Debug)]
struct Link {
    num: u64,
    captured: Captured,
    before: Option<Arc<Link>>,
}

/// Steps taken in a row.
#[derive(Clone, Debug)]
struct Run {
    /// When the first event happened.
    began: u64,
    bytes: usize,
    last: Arc<Link>,
}

/// The runs of one key.
#[derive(Debug)]
pub(super) struct Runs {
    /// The latest time seen.
    newest: u64,
    within: u64,
    /// By the last step taken.
    by_step: Vec<Option<Run>>,
}

impl State for Runs {
    fn bytes(&self) -> usize {
        self.by_step.iter().map(|run| 32 + run.as_ref().map_or(0, |run| run.bytes)).sum()
    }

    fn ends(&self) -> u64 {
        let latest = self.by_step.iter().flatten().map(|run| run.began).max().unwrap_or(self.newest);
        latest.saturating_add(self.within)
    }
}

/// The state of one sequence.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) runs: Keyed<Runs>,
    /// Runs that were dropped for want of room.
    pub(super) evicted: u64,
    /// Events that lacked a field of their key.
    pub(super) keyless: u64,
}

impl Sequence {
    pub(super) fn new() -> Self {
        Self { runs: Keyed::new(BUDGET), evicted: 0, keyless: 0 }
    }

    /// Takes an event for which the parts `holds` names hold; gives what it completes.
    pub(super) fn take(
        &mut self,
        plan: &Plan,
        holds: impl Fn(usize) -> bool,
        subject: Subject<'_>,
    ) -> Vec<Evidence> {
        let PlanKind::Sequence { steps, until } = &plan.kind else { return Vec::new() };
        self.forget(plan, subject.time().0);
        if let Some(until) = until.as_ref().filter(|_| holds(steps.len())) {
            match until.of(subject) {
                Some(key) => drop(self.runs.take(&key)),
                None => self.keyless += 1,
            }
        }
        let mut completed: Vec<Evidence> = Vec::new();
        // The last step first, so that an event takes one step of a run only.
        for (step, by) in steps.iter().enumerate().rev().filter(|(step, _)| holds(*step)) {
            let Some(key) = by.of(subject) else {
                self.keyless += 1;
                continue;
            };
            if completed.iter().any(|evidence| evidence.key == key) {
                continue;
            }
            let runs = self.runs.take(&key).filter(|runs| !runs.is_other_time(subject.time().0));
            let mut runs = runs.unwrap_or_else(|| Runs::new(plan, steps.len()));
            match runs.advance(plan, step, subject) {
                Some(run) => completed.push(evidence(key, &run, subject)),
                None if runs.by_step.iter().all(Option::is_none) => {}
                None => {
                    let now = runs.newest;
                    let gone = self.runs.put(key, runs);
                    self.evicted += gone.iter().filter(|runs| runs.ends() >= now).count() as u64;
                }
            }
        }
        completed
    }

    /// Drops what is over, also for an event that comes late by the whole time.
    fn forget(&mut self, plan: &Plan, now: u64) {
        while self.runs.take_ended(now.saturating_sub(plan.within).saturating_sub(1)).is_some() {}
    }
}

impl Runs {
    fn new(plan: &Plan, steps: usize) -> Self {
        Self { newest: 0, within: plan.within, by_step: vec![None; steps.saturating_sub(1)] }
    }

    /// The clock was set back: what is known is of another time.
    fn is_other_time(&self, now: u64) -> bool {
        now.saturating_add(self.within) < self.newest
    }

    /// Takes a step; gives the run that is complete but for it.
    fn advance(&mut self, plan: &Plan, step: usize, subject: Subject<'_>) -> Option<Run> {
        let now = subject.time().0;
        self.newest = self.newest.max(now);
        let before = match step.checked_sub(1) {
            None => None,
            Some(before) => {
                let run = self.by_step.get(before)?.as_ref()?;
                if now.saturating_sub(run.began) > self.within {
                    return None;
                }
                Some(run.clone())
            }
        };
        let Some(slot) = self.by_step.get_mut(step) else { return before };
        let (began, before_bytes, before) = match before {
            Some(run) => (run.began, run.bytes, Some(run.last)),
            None => (now, 0, None),
        };
        if slot.as_ref().is_some_and(|run| run.began > began) {
            return None;
        }
        let captured = plan.output.capture(step, subject);
        let bytes = LINK + captured.iter().map(|(text, _)| 2 * text.len() + 48).sum::<usize>();
        let last = Arc::new(Link { num: subject.num(), captured, before });
        *slot = Some(Run { began, bytes: before_bytes + bytes, last });
        None
    }
}

fn evidence(key: Key, run: &Run, last: Subject<'_>) -> Evidence {
    let links: Vec<&Link> =
        std::iter::successors(Some(run.last.as_ref()), |link| link.before.as_deref()).collect();
    let mut events: Vec<u64> = links.iter().rev().map(|link| link.num).collect();
    events.push(last.num());
    Evidence {
        key,
        count: events.len(),
        events,
        span: last.time().0.saturating_sub(run.began),
        values: Vec::new(),
        steps: links.iter().rev().map(|link| Arc::clone(&link.captured)).collect(),
    }
}
