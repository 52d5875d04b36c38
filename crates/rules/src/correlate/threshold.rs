//! Thresholds: so many events, or so many different values, no further apart than the time. What was counted is used
//! up by the detection it makes.

use std::collections::VecDeque;

use super::{
    Plan, PlanKind,
    key::{self, Key},
    keyed::{BUDGET, Keyed, State},
    output::Evidence,
};
use crate::Subject;

/// Most events whose numbers a detection names.
const MAX_NAMED: usize = 100;

/// What was counted for one key.
#[derive(Debug, Default)]
pub(super) struct Counted {
    newest: u64,
    within: u64,
    /// Time and number of each, oldest first; with distinct values, the latest event of each value.
    events: VecDeque<(u64, u64)>,
    /// The distinct values, in the order of `events`.
    values: VecDeque<Box<str>>,
}

impl State for Counted {
    fn bytes(&self) -> usize {
        self.events.len() * 16 + self.values.iter().map(|value| value.len() + 16).sum::<usize>()
    }

    fn ends(&self) -> u64 {
        self.newest.saturating_add(self.within)
    }
}

/// The state of one threshold.
#[derive(Debug)]
pub(super) struct Threshold {
    pub(super) counted: Keyed<Counted>,
    /// Counts that were dropped for want of room.
    pub(super) evicted: u64,
    /// Events that lacked a field of their key, or the counted field.
    pub(super) keyless: u64,
}

impl Threshold {
    pub(super) fn new() -> Self {
        Self { counted: Keyed::new(BUDGET), evicted: 0, keyless: 0 }
    }

    /// Counts an event; gives what is reached with it.
    pub(super) fn take(&mut self, plan: &Plan, subject: Subject<'_>) -> Option<Evidence> {
        let PlanKind::Threshold { of, count, distinct } = &plan.kind else { return None };
        let now = subject.time().0;
        while self.counted.take_ended(now.saturating_sub(plan.within).saturating_sub(1)).is_some() {}
        let value = match distinct {
            Some(field) => key::value(field, subject).map(Some),
            None => Some(None),
        };
        let (Some(key), Some(value)) = (of.of(subject), value) else {
            self.keyless += 1;
            return None;
        };
        let counted =
            self.counted.take(&key).filter(|counted| now.saturating_add(plan.within) >= counted.newest);
        let mut counted = counted.unwrap_or_else(|| Counted { within: plan.within, ..Counted::default() });
        counted.add(now, subject.num(), value);
        if counted.events.len() >= *count {
            return Some(counted.evidence(key));
        }
        let now = counted.newest;
        let gone = self.counted.put(key, counted);
        self.evicted += gone.iter().filter(|counted| counted.ends() >= now).count() as u64;
        None
    }
}

impl Counted {
    fn add(&mut self, time: u64, num: u64, value: Option<Box<str>>) {
        self.newest = self.newest.max(time);
        while self.events.front().is_some_and(|(time, _)| self.newest - time > self.within) {
            self.events.pop_front();
            self.values.pop_front();
        }
        if let Some(value) = value {
            if let Some(known) = self.values.iter().position(|known| *known == value) {
                self.values.remove(known);
                self.events.remove(known);
            }
            self.values.push_back(value);
        }
        self.events.push_back((self.newest, num));
    }

    fn evidence(self, key: Key) -> Evidence {
        let began = self.events.front().map_or(self.newest, |(time, _)| *time);
        let skip = self.events.len().saturating_sub(MAX_NAMED);
        Evidence {
            key,
            events: self.events.iter().skip(skip).map(|(_, num)| *num).collect(),
            span: self.newest - began,
            count: self.events.len(),
            values: self.values.into_iter().take(MAX_NAMED).collect(),
            steps: Vec::new(),
        }
    }
}
