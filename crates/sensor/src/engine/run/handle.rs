//! One event: is it looked after, do rules match it, does it travel.

use std::time::Instant;

use fargard_model::{Event, Record};
use fargard_rules::{Alert, Subject};

use super::{BEHIND, Engine, SAFE};
use crate::{
    engine::{
        class::Class,
        cpu::Step,
        observer,
        rate::Decision,
        repeats::Repeat,
        settle::{age, settle},
    },
    fim::Fim,
};

impl Engine {
    pub(super) fn handle(&mut self, mut event: Event, others_wait: impl Fn() -> bool) {
        let mut alerts = std::mem::take(&mut self.alerts);
        alerts.clear();
        self.suspects.note(&event);
        let behind = age(&event) > BEHIND;
        let decision = match &self.uplink {
            Some(_) => self.rates.decide(&event),
            None => Decision::Skip,
        };
        let missing = observer::missing(event.kind);
        self.network.name(&mut event);
        let could_match = missing.is_none_or(|missing| self.detector.ruleset().could_match(&event, missing));
        let fim_looks = self.fim.is_some() && Fim::needs_look(event.kind);
        let looks = self.looks_at(&event);
        let wants_look =
            could_match || fim_looks || self.printer.records() || (decision == Decision::Send && !behind);
        if wants_look && looks {
            settle(&mut self.observer, &mut event, others_wait);
            self.network.name(&mut event);
        } else if wants_look {
            self.common.outbox.add_lost("cpu_looks", 1);
        }
        let repeat = self.repeats.find(&event);
        if repeat == Repeat::Same {
            self.alerts = alerts;
            return;
        }
        if could_match && self.gives_up(&event) {
            self.tell_degraded(&event);
        }
        if could_match {
            self.detector.observe(&event, &mut alerts);
        }
        if let Repeat::Further(told) = repeat {
            alerts.retain(|alert| !told.contains(&alert.rule));
        }
        self.repeats.remember(&event, alerts.iter().map(|alert| alert.rule));
        self.observer.remember(&mut event);
        self.network.remember(&event);
        if let Some(leases) = &mut self.leases {
            leases.consider(&event);
        }
        let told = alerts.iter().map(|alert| alert.rule);
        if looks {
            self.suspects.consider(&event, &self.observer, told, self.lost);
        }
        self.tell_of_bypass(&event);
        let before = self.detections;
        for alert in alerts.drain(..) {
            self.detect(alert, Some(&event));
        }
        if self.detections != before && !behind {
            self.wait_until_safe();
        }
        self.alerts = alerts;
        // Paths of other containers lead elsewhere here.
        if !self.observer.is_own(&event) {
            self.consider_elsewhere(&event);
        } else if let Some(checks) = &mut self.checks {
            let lost = checks.intake.consider(&event);
            self.common.outbox.add_lost("check_files", lost);
        }
        if let Some(fim) = &mut self.fim {
            self.common.outbox.add_lost("fim_calls", fim.consider(&event));
        }
        self.printer.event(&event);
        self.send_event(event, decision);
    }

    /// Makes a detection of an alert, unless its rule made too many.
    pub(super) fn detect(&mut self, alert: Alert, event: Option<&Event>) {
        // What a rule does cannot wait.
        if self.detector.ruleset().is_limited(alert.rule) || self.actions.kills(alert.rule) {
            self.make_detection(&alert, event);
        } else if let Some(alert) = self.limits.offer(alert, event, Instant::now()) {
            self.make_detection(&alert, event);
        }
    }

    /// Lets through what the limits held back until now, or all of it.
    pub(super) fn release_limited(&mut self, all: bool) {
        while let Some(held) = self.limits.due(Instant::now(), all) {
            self.make_detection(&held.alert, held.event.as_deref());
        }
    }

    fn make_detection(&mut self, alert: &Alert, event: Option<&Event>) {
        let observed = event.map(Subject::Call);
        let detection = self.detector.detection(alert, observed, &self.common.sensor, &self.hostname);
        let Some(mut detection) = detection else { return };
        let start = event.map_or(0, |event| self.observer.start_of(event.process.pid));
        detection.action = self.actions.take(&detection.rule, event, start);
        self.tell(detection);
    }

    /// Where batches survive this process, the record that caused a detection stays in the ring until the
    /// detection is written. Not while events pile up: then time is worth more.
    fn wait_until_safe(&self) {
        if self.config.spool.is_some() && self.common.identity.is_settled() {
            self.common.outbox.wait_settled(SAFE);
        }
    }

    fn send_event(&mut self, event: Event, decision: Decision) {
        match decision {
            Decision::Send if self.budget.step() >= Step::FileEvents && Class::of(&event) == Class::Files => {
                self.common.outbox.add_lost("cpu_file_events", 1);
            }
            Decision::Send => self.common.outbox.push(Record::Event(Box::new(event))),
            Decision::Skip => {}
            Decision::Shed(class) => self.common.outbox.add_lost(class, 1),
        }
    }
}
