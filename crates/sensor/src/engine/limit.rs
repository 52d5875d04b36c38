//! How many detections a rule may make: a burst, then a few a second. What exceeds that is folded: the first is held
//! back and the others are counted; when the rule may make a detection again, the one that was held back stands for
//! all of them. So every match is in some detection, as itself or in its number.
//!
//! A rule whose own `limit` or `dedup` has no key is bounded by that instead.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use fargard_model::Event;
use fargard_rules::{Alert, RuleId};

/// Detections a rule makes at once.
pub(crate) const BURST: f64 = 1_000.0;
/// Detections a second it makes after that.
pub(crate) const RATE: f64 = 10.0;

/// An alert that was held back.
#[derive(Debug)]
pub(crate) struct Held {
    /// The first one, which stands for the others.
    pub(crate) alert: Alert,
    /// The event it is about, where it is about the one that was observed.
    pub(crate) event: Option<Box<Event>>,
}

#[derive(Debug)]
struct Budget {
    tokens: f64,
    filled: Instant,
    held: Option<Held>,
}

/// The budgets of all rules that made detections.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    rules: HashMap<RuleId, Budget>,
    holding: usize,
    folded: u64,
}

impl Limits {
    /// An alert that may pass is given back. Another one is held back or counted.
    pub(crate) fn offer(&mut self, alert: Alert, event: Option<&Event>, now: Instant) -> Option<Alert> {
        let budget =
            self.rules.entry(alert.rule).or_insert(Budget { tokens: BURST, filled: now, held: None });
        if let Some(held) = &mut budget.held {
            held.alert.folded += alert.folded + 1;
            self.folded += 1;
            return None;
        }
        if budget.take(now) {
            return Some(alert);
        }
        self.holding += 1;
        budget.held = Some(Held { alert, event: event.map(|event| Box::new(event.clone())) });
        None
    }

    /// One that was held back and may pass now; with `all` whatever the time.
    pub(crate) fn due(&mut self, now: Instant, all: bool) -> Option<Held> {
        if self.holding == 0 {
            return None;
        }
        for budget in self.rules.values_mut().filter(|budget| budget.held.is_some()) {
            if all || budget.take(now) {
                self.holding -= 1;
                return budget.held.take();
            }
        }
        None
    }

    /// How long nothing can be due.
    pub(crate) fn pause(&self) -> Option<Duration> {
        (self.holding > 0).then(|| Duration::from_secs_f64(1.0 / RATE))
    }

    /// Matches that were not detections of their own.
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = RATE.mul_add(elapsed, self.tokens).min(BURST);
        self.filled = now;
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use fargard_rules::{Detector, SourceFile, load, made::EventBuilder};

    use super::{BURST, Limits, RATE};

    #[test]
    fn a_flood_becomes_a_burst_and_a_few_a_second_that_stand_for_all() {
        let text = "- rule: r\n  desc: d\n  condition: evt.type = connect\n  output: o\n  priority: INFO\n";
        let rules = load(&[SourceFile { name: "t".into(), text: text.into() }]).ruleset.unwrap();
        let mut detector = Detector::new(Arc::new(rules));
        let event = EventBuilder::new(fargard_model::EventType::Connect).build().unwrap();
        let (mut alerts, mut limits) = (Vec::new(), Limits::default());
        let start = Instant::now();
        let (mut told, mut stood_for) = (0_u64, 0_u64);
        // 10,000 matches a second for three seconds.
        for match_number in 0..30_000_u64 {
            let now = start + Duration::from_micros(match_number * 100);
            detector.observe(&event, &mut alerts);
            while let Some(held) = limits.due(now, false) {
                (told, stood_for) = (told + 1, stood_for + held.alert.folded + 1);
                assert!(held.event.is_some());
            }
            for alert in alerts.drain(..) {
                if let Some(alert) = limits.offer(alert, Some(&event), now) {
                    (told, stood_for) = (told + 1, stood_for + alert.folded + 1);
                }
            }
        }
        assert!(limits.pause().is_some());
        while let Some(held) = limits.due(start, true) {
            (told, stood_for) = (told + 1, stood_for + held.alert.folded + 1);
        }
        assert_eq!(stood_for, 30_000, "every match is told of");
        let expected = BURST + 3.0 * RATE;
        assert!((told as f64 - expected).abs() < 5.0, "{told}");
        assert_eq!(limits.folded(), 30_000 - told);
        assert!(limits.pause().is_none());
    }
}
