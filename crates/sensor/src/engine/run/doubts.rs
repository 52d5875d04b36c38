//! Calls that came to something else than they asked for: the sensor's own detection, and the rules once more.

use fargard_model::{Detection, Record};

use super::Engine;
use crate::{
    capture::{Consumer, Counters},
    engine::{
        own,
        suspects::{Otherwise, Progress},
    },
};

impl Engine {
    /// Looks at calls in doubt.
    pub(super) fn judge_suspects(&mut self, consumer: &Consumer) {
        while let Some(otherwise) = self.suspects.judge(&self.observer, || progress(&consumer.counters())) {
            self.tell_otherwise(otherwise);
        }
    }

    /// The rules are evaluated with what the kernel shows, too; those that matched before are not told of again.
    fn tell_otherwise(&mut self, otherwise: Otherwise) {
        let Otherwise { event, is_race, told } = otherwise;
        self.observer.believe(&event);
        if is_race {
            let asked: Vec<&str> =
                event.evidence.differences.iter().map(|difference| difference.asked.as_str()).collect();
            let confirmed: Vec<&str> =
                event.evidence.differences.iter().map(|difference| difference.confirmed.as_str()).collect();
            let (asked, confirmed) = (asked.join(", "), confirmed.join(", "));
            let said = format!("{} asked for {asked} and got {confirmed}", event.kind.name());
            let fields = [("ecs.race.asked", asked.into()), ("ecs.race.confirmed", confirmed.into())];
            let detection = own::ARGUMENT_RACE.detection(
                event.clone(),
                &self.common.sensor,
                &self.hostname,
                &said,
                fields,
            );
            self.tell(detection);
        }
        let mut alerts = std::mem::take(&mut self.alerts);
        self.detector.observe(&event, &mut alerts);
        for alert in alerts.drain(..).filter(|alert| !told.contains(&alert.rule)) {
            self.detect(alert, Some(&event));
        }
        self.alerts = alerts;
    }

    /// Brings a detection to people and to the server.
    pub(super) fn tell(&mut self, detection: Detection) {
        self.detections += 1;
        self.printer.detection(&detection);
        if self.uplink.is_some() {
            self.common.outbox.push(Record::Detection(Box::new(detection)));
        }
    }
}

/// How far the handling of calls has come. A call that was interrupted before it was made changed nothing.
pub(super) fn progress(counters: &Counters) -> Progress {
    let cancelled = counters.lost.0.get("cancelled").copied().unwrap_or(0);
    let lost = counters.lost.total();
    Progress { seen: counters.seen, done: counters.consumed + lost, lost: lost - cancelled }
}
