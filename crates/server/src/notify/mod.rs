//! Telling of changes of coverage. What is to be told was recorded in the store with the change itself; here it is
//! delivered, to each receiver in order, at least once, and again after a failure or a crash. A change has an id that
//! stays the same, so that a receiver can drop what it has.

mod deliver;
mod webhook;

use std::time::Duration;

use fargard_aws::{AccountOptions, AwsError, EventBus};
use fargard_model::Timestamp;
use fargard_store::Notice;
use serde::Deserialize;

pub(crate) use deliver::Deliverer;

use crate::config;

/// Longest time for one delivery; what takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A receiver.
#[derive(Debug)]
pub(crate) enum Sink {
    /// The server's log.
    Log,
    /// An HTTP endpoint.
    Webhook(Box<webhook::Webhook>),
    /// A bus of EventBridge.
    EventBus(EventBus),
}

/// The receivers of a configuration; an error where AWS's configuration lacks something.
pub(crate) fn sinks(notify: &config::Notify) -> Result<Vec<Sink>, AwsError> {
    let mut sinks = Vec::new();
    if notify.log {
        sinks.push(Sink::Log);
    }
    if let Some(given) = &notify.webhook {
        sinks.push(Sink::Webhook(Box::new(webhook::Webhook::new(given, PATIENCE))));
    }
    if let Some(name) = &notify.event_bus {
        sinks.push(Sink::EventBus(EventBus::open(name, AccountOptions::default(), PATIENCE)?));
    }
    Ok(sinks)
}

/// What an event bus is given apart.
#[derive(Deserialize)]
struct Event {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    resources: Vec<String>,
    detail: serde_json::Value,
}

impl Sink {
    /// Its name in the store.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook(_) => "webhook",
            Self::EventBus(_) => "event_bus",
        }
    }

    /// Delivers. Blocking, for [`PATIENCE`] at most.
    fn send(&self, notice: &Notice, now: Timestamp) -> Result<(), String> {
        match self {
            Self::Log => {
                tracing::warn!(event = notice.body, "coverage changed");
                Ok(())
            }
            Self::Webhook(webhook) => webhook.send(&notice.id, &notice.body, now),
            Self::EventBus(bus) => {
                let event: Event = serde_json::from_str(&notice.body).map_err(|error| error.to_string())?;
                let detail = event.detail.to_string();
                let event = fargard_aws::Event {
                    source: &event.source,
                    detail_type: &event.detail_type,
                    time: notice.recorded,
                    resources: &event.resources,
                    detail: &detail,
                };
                bus.put(event).map_err(|error| error.to_string())
            }
        }
    }
}
