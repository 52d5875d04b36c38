//! A rule's match on an event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionTaken, Event, Priority, Source, Timestamp};

/// A match of a Falco rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Unique id: `<producer>-<event number>-<rule index>`, so that a repeated evaluation gives the same id.
    pub id: String,
    /// When the event happened.
    pub time: Timestamp,
    /// The rule's name.
    pub rule: String,
    /// The rule's priority.
    pub priority: Priority,
    /// Source of the event.
    pub source: Source,
    /// Host that made the detection.
    pub hostname: String,
    /// The formatted output line, without time and priority.
    pub output: String,
    /// The rule's tags in the order of the rule's file.
    pub tags: Vec<String>,
    /// Value of each field the output names, by the field's name as written; numbers and booleans keep their type.
    pub output_fields: serde_json::Map<String, Value>,
    /// The rule's description.
    #[serde(default)]
    pub description: String,
    /// The rule's condition as written in its file.
    #[serde(default)]
    pub condition: String,
    /// How many earlier matches this one stands for besides itself, where the rule folds repeats.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub folded: u64,
    /// What was done about it, where the rule asks for more than an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionTaken>,
    /// The event itself.
    pub event: Event,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
