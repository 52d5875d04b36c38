//! Between two looks at everything: services that events are about, as soon as they tell of them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use fargard_agent::{
    Agent, RoundError,
    wake::{Wake, wake},
};
use fargard_aws::{AccountOptions, AwsError, Clock, Message, Queue, SystemClock};

use super::print::Printer;

/// Pause after the queue could not be read.
const PAUSE: Duration = Duration::from_secs(30);
/// How long events are gathered once one has come: a roll-out tells of itself by several.
const GATHER: Duration = Duration::from_secs(2);
/// Shortest time between two looks at everything.
const BETWEEN: Duration = Duration::from_secs(60);
/// Messages of one look.
const MOST: usize = 1_000;

/// A queue of events.
pub(super) struct Events(Queue);

impl Events {
    /// The queue of that URL.
    pub(super) fn open(url: &str, region: Option<String>) -> Result<Self, AwsError> {
        Queue::open(url, AccountOptions { region, ..AccountOptions::default() }).map(Self)
    }

    /// Looks at what events are about for so long, or for a minute if one says that anything may have changed. Events are deleted
    /// when what they are about was looked at; one that is not understood is left to the queue's redrive policy.
    pub(super) fn look_until(
        &self,
        time: Duration,
        agent: &mut Agent<'_>,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut end = time;
        loop {
            let left = end.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            let messages = match self.gather(left) {
                Ok(messages) => messages,
                Err(error) => {
                    printer.say(&format!("events cannot be read: {error}"))?;
                    SystemClock.wait(PAUSE.min(left));
                    continue;
                }
            };
            let mut wakes = BTreeSet::new();
            let mut receipts = Vec::new();
            for message in messages {
                let Ok(event) = serde_json::from_str(&message.body) else {
                    printer
                        .say(&format!("message {} in the queue is no event and is left there", message.id))?;
                    continue;
                };
                wakes.extend(wake(&event));
                receipts.push(message.receipt);
            }
            // A look at everything comes soon.
            if wakes.remove(&Wake::All) {
                end = end.min(BETWEEN);
            }
            if !wakes.is_empty() {
                match agent.look_at(&wakes) {
                    Ok(round) => printer.print_some(&round)?,
                    Err(RoundError::Aws(error)) => printer.say(&error.to_string())?,
                    Err(error) => return Err(error.into()),
                }
            }
            if let Err(error) = self.0.delete(&receipts) {
                printer.say(&format!("events cannot be deleted: {error}"))?;
            }
        }
    }

    /// What comes within that time, and shortly after the first.
    fn gather(&self, time: Duration) -> Result<Vec<Message>, AwsError> {
        // SQS counts whole seconds; none would be a loop without a pause.
        let mut messages = self.0.receive(time.max(Duration::from_secs(1)))?;
        let until = Instant::now() + GATHER;
        while !messages.is_empty() && messages.len() < MOST && Instant::now() < until {
            let more = self.0.receive(Duration::from_secs(1))?;
            if more.is_empty() {
                break;
            }
            messages.extend(more);
        }
        Ok(messages)
    }
}
