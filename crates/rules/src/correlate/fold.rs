//! Folding: of the detections of a key so many pass within a time; the others are counted, and the last of them is
//! kept. When the time ends it is let through with the number of those before it, and a new time begins with it. So
//! every match is in some detection: as itself, or in its number.

use std::sync::Arc;

use super::{
    FoldPlan,
    key::Key,
    keyed::{BUDGET, Keyed, State},
    output::Evidence,
};
use crate::{OwnedSubject, Subject};

/// What an event costs, roughly: its arguments and paths are its own, process and task are shared.
const EVENT: usize = 1_500;

/// A detection that was held back.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) subject: OwnedSubject,
    pub(super) evidence: Option<Arc<Evidence>>,
    /// How many matches it stands for, itself included.
    pub(super) matches: u64,
}

/// One key's time.
#[derive(Debug)]
pub(super) struct Window {
    began: u64,
    within: u64,
    /// How many it let through.
    passed: u32,
    held: Option<Held>,
}

impl State for Window {
    fn bytes(&self) -> usize {
        let size = |held: &Held| match &held.subject {
            OwnedSubject::Call(_) => EVENT,
            OwnedSubject::Record(record) => EVENT + 2 * record.json().text().len(),
        };
        self.held.as_ref().map_or(0, size)
    }

    fn ends(&self) -> u64 {
        self.began.saturating_add(self.within)
    }
}

/// The state of one stage of folding.
#[derive(Debug)]
pub(super) struct Fold {
    windows: Keyed<Window>,
    /// Matches that were not let through by themselves.
    pub(super) folded: u64,
}

impl Fold {
    pub(super) fn new() -> Self {
        Self { windows: Keyed::new(BUDGET), folded: 0 }
    }

    pub(super) fn keys(&self) -> usize {
        self.windows.len()
    }

    pub(super) fn next_end(&self) -> Option<u64> {
        self.windows.next_end()
    }

    /// Whether a detection that stands for so many matches passes. Puts what has to be let through instead, for want
    /// of room or since its time is another, into `out`.
    pub(super) fn offer(
        &mut self,
        plan: &FoldPlan,
        subject: Subject<'_>,
        evidence: Option<&Arc<Evidence>>,
        matches: u64,
        now: u64,
        out: &mut Vec<Held>,
    ) -> bool {
        // A missing field is a value here: nothing may slip through for want of one.
        let key = plan.by.of_any(subject);
        let window = self.windows.take(&key);
        let is_over =
            |window: &Window| now >= window.ends() || now.saturating_add(plan.within) < window.began;
        let mut window = match window {
            Some(window) if is_over(&window) => {
                out.extend(window.held);
                Window { began: now, within: plan.within, passed: 0, held: None }
            }
            Some(window) => window,
            None => Window { began: now, within: plan.within, passed: 0, held: None },
        };
        let passes = window.passed < plan.count;
        if passes {
            window.passed += 1;
        } else {
            self.folded += matches;
            let before = window.held.map_or(0, |held| held.matches);
            window.held = Some(Held {
                subject: OwnedSubject::from(subject),
                evidence: evidence.map(Arc::clone),
                matches: before + matches,
            });
        }
        self.put(key, window, out);
        passes
    }

    fn put(&mut self, key: Key, window: Window, out: &mut Vec<Held>) {
        out.extend(self.windows.put(key, window).into_iter().filter_map(|window| window.held));
    }

    /// Lets through what was held back in times that have ended by then.
    pub(super) fn close(&mut self, plan: &FoldPlan, now: u64, out: &mut Vec<Held>) {
        let mut again = Vec::new();
        while let Some((key, window)) = self.windows.take_ended(now) {
            if let Some(held) = window.held {
                again.push((key, now));
                out.push(held);
            }
        }
        for (key, began) in again {
            self.put(key, Window { began, within: plan.within, passed: 1, held: None }, out);
        }
    }

    /// Lets everything through that was held back.
    pub(super) fn finish(&mut self, out: &mut Vec<Held>) {
        while let Some((_, window)) = self.windows.take_ended(u64::MAX) {
            out.extend(window.held);
        }
    }
}
