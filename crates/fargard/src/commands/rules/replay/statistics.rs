//! What a replay says of itself, on standard error.

use std::{collections::BTreeMap, fmt, time::Instant};

use fargard_model::{Alert, Priority};
use fargard_rules::Detector;
use fargard_scap::Skipped;

/// Failures that are told one by one; more are only counted.
const MAX_TOLD: u64 = 20;
/// Events between two signs of progress.
const STEP: u64 = 1 << 17;

/// Counts of a replay.
#[derive(Debug)]
pub(super) struct Statistics {
    start: Instant,
    /// Standard error is a terminal: progress is shown.
    terminal: bool,
    events: u64,
    failures: u64,
    skipped: Skipped,
    by_priority: BTreeMap<Priority, u64>,
    by_rule: BTreeMap<String, u64>,
}

#[expect(clippy::print_stderr, reason = "standard output is for alerts")]
impl Statistics {
    pub(super) fn start(terminal: bool) -> Self {
        Self {
            start: Instant::now(),
            terminal,
            events: 0,
            failures: 0,
            skipped: Skipped::default(),
            by_priority: BTreeMap::new(),
            by_rule: BTreeMap::new(),
        }
    }

    pub(super) fn event(&mut self) {
        self.events += 1;
        if self.terminal && self.events.is_multiple_of(STEP) {
            eprint!("\r{} events", self.events);
        }
    }

    pub(super) fn alert(&mut self, alert: &Alert) {
        *self.by_priority.entry(alert.priority).or_default() += 1;
        match self.by_rule.get_mut(&alert.rule) {
            Some(count) => *count += 1,
            None => {
                self.by_rule.insert(alert.rule.clone(), 1);
            }
        }
    }

    /// Something could not be read.
    pub(super) fn fail(&mut self, error: &impl fmt::Display) {
        self.failures += 1;
        if self.failures <= MAX_TOLD {
            self.clear();
            eprintln!("fargard: {error}");
        }
    }

    pub(super) fn skip(&mut self, skipped: Skipped) {
        self.skipped.blocks += skipped.blocks;
        self.skipped.events += skipped.events;
        self.skipped.damaged += skipped.damaged;
    }

    /// How much could not be read; blocks and events of a newer format are not meant to be.
    pub(super) fn failures(&self) -> u64 {
        self.failures + self.skipped.damaged
    }

    pub(super) fn print(&self, detector: &Detector) {
        self.clear();
        let seconds = self.start.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.events as f64 / seconds.max(1e-9);
        eprintln!("events: {} in {seconds:.3} s, {rate:.0} a second", self.events);
        eprintln!("alerts: {}", self.by_rule.values().sum::<u64>());
        for (priority, count) in &self.by_priority {
            eprintln!("  {:<30} {count:>9}", priority.name());
        }
        if !self.by_rule.is_empty() {
            eprintln!("alerts by rule:");
        }
        let mut rules: Vec<_> = self.by_rule.iter().collect();
        rules.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        for (rule, count) in rules {
            eprintln!("  {rule:<60} {count:>9}");
        }
        let correlated = detector.statistics();
        for (count, what) in [
            (correlated.folded, "matches folded into others"),
            (correlated.keyless, "events of sequences and thresholds without a field of their key"),
            (correlated.evicted, "sequences and counts dropped for want of room"),
            (self.failures(), "failures to read"),
            (self.skipped.events, "events of a type newer than Falco 0.44"),
            (self.skipped.blocks, "blocks of an unknown type"),
        ] {
            if count > 0 {
                eprintln!("{what}: {count}");
            }
        }
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
