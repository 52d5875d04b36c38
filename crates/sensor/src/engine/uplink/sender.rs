//! Brings batches to the server, for as long as it takes, without ever holding up anybody else.

use std::time::{Duration, Instant};

use super::{
    client::{Client, SendError},
    outbox::Outbox,
    packer::SharedSpool,
    spool::{self, Enrolment},
};
use crate::{
    config::{Server, Spool},
    engine::say,
};
use fargard_model::Secret;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Time given to each look at what earlier producers left.
const LEFTOVER_TIME: Duration = Duration::from_secs(30);

/// Sends one producer's batches.
pub(crate) struct Sender<'a> {
    pub(crate) client: Client,
    pub(crate) server: &'a Server,
    pub(crate) leftovers: Option<&'a Spool>,
    pub(crate) enrolment: Enrolment,
    pub(crate) spool: &'a SharedSpool,
    pub(crate) outbox: &'a Outbox,
    /// How long sending may go on once everything is in the spool.
    pub(crate) drain: Duration,
}

impl Sender<'_> {
    /// Sends until everything is sent, or the time for the rest is over.
    pub(crate) fn run(self) {
        let mut token: Option<Secret> = None;
        let mut pause = FIRST_PAUSE;
        let mut trouble_said = false;
        let mut leftovers = self.leftovers;
        let mut until = None;
        loop {
            if !self.wait_for_work(&mut until) {
                return;
            }
            match self.send_one(&mut token) {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    if trouble_said {
                        say("the server accepts batches again");
                        trouble_said = false;
                    }
                    if let Some(spool) = leftovers.take() {
                        self.send_leftovers(spool);
                    }
                }
                Err(error) => {
                    if !trouble_said {
                        say(&format!("{}: {error}; trying again", self.server.url));
                        trouble_said = true;
                    }
                    if matches!(error, SendError::Unauthorized(_)) {
                        token = None;
                    }
                    if !self.rest(jittered(pause), &mut until) {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits until there is a batch. `false` when there is none and none will come, or the time is over.
    fn wait_for_work(&self, until: &mut Option<Instant>) -> bool {
        let mut filling = self.spool.lock();
        loop {
            if filling.complete {
                let end = *until.get_or_insert_with(|| Instant::now() + self.drain);
                return filling.spool.next().is_some() && Instant::now() < end;
            }
            if filling.spool.next().is_some() {
                return true;
            }
            filling = self.spool.wait(filling, Duration::from_secs(60));
        }
    }

    /// Waits before the next attempt; cut short by the end. `false` when the time is over.
    fn rest(&self, time: Duration, until: &mut Option<Instant>) -> bool {
        let resume = Instant::now() + time;
        let mut filling = self.spool.lock();
        let was_complete = filling.complete;
        loop {
            let now = Instant::now();
            if filling.complete && now >= *until.get_or_insert_with(|| now + self.drain) {
                return false;
            }
            // The end of the container is a reason to try at once.
            if now >= resume || (filling.complete && !was_complete) {
                return true;
            }
            let step = until.map_or(resume, |until| until.min(resume)).saturating_duration_since(now);
            filling = self.spool.wait(filling, step.max(Duration::from_millis(1)));
        }
    }

    /// Sends the next batch; enrols first where needed.
    fn send_one(&self, token: &mut Option<Secret>) -> Result<(), SendError> {
        let valid = match token.take() {
            Some(valid) => valid,
            None => self.client.enrol(&self.server.token, &self.enrolment).map_err(|error| match error {
                // A refused enrolment says nothing of the batches.
                SendError::Refused(reason) => SendError::Later(reason),
                other => other,
            })?,
        };
        let valid = token.insert(valid);
        let (key, content) = {
            let mut filling = self.spool.lock();
            let Some(key) = filling.spool.next() else { return Ok(()) };
            let Some(content) = filling.spool.content(key) else {
                filling.spool.remove(key);
                self.outbox.add_lost("spool_unreadable", key.records());
                return Ok(());
            };
            (key, content)
        };
        match self.client.send(valid, &content) {
            Ok(()) => {}
            Err(SendError::Refused(reason)) => {
                say(&format!("{}: a batch is dropped: {reason}", self.server.url));
                self.outbox.add_lost("refused", key.records());
            }
            Err(other) => return Err(other),
        }
        self.spool.lock().spool.remove(key);
        Ok(())
    }

    fn send_leftovers(&self, spool: &Spool) {
        match spool::drain(&spool.directory, self.server, LEFTOVER_TIME) {
            Ok(report) if report.sent > 0 => {
                say(&format!("{} batches of an earlier sensor sent", report.sent));
            }
            Ok(_) => {}
            Err(error) => say(&format!("{}: {error}", spool.directory.display())),
        }
    }
}

/// Half to the whole of a pause, so that many sensors do not come back in the same moment.
fn jittered(pause: Duration) -> Duration {
    let random = uuid::Uuid::now_v7().as_u128() as u32;
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
