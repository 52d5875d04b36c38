//! What a rule says of an event, without the event.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Detection, Priority, Source, Timestamp};

/// A match of a rule as Falco tells it: the members of its JSON alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// When the event happened.
    pub time: Timestamp,
    /// The rule's name.
    pub rule: String,
    /// The rule's priority.
    pub priority: Priority,
    /// Source of the event.
    pub source: Source,
    /// Host that evaluated the rule.
    pub hostname: String,
    /// The formatted output line, without time and priority.
    pub output: String,
    /// The rule's tags in the order of the rule's file.
    pub tags: Vec<String>,
    /// Value of each field the output names, by the field's name as written; numbers and booleans keep their type.
    pub output_fields: Map<String, Value>,
}

impl From<&Detection> for Alert {
    /// What was done about it stands at the end of the output, and among its fields as `fargard.action`.
    fn from(detection: &Detection) -> Self {
        let mut output = detection.output.clone();
        let mut output_fields = detection.output_fields.clone();
        if let Some(action) = &detection.action {
            output.push_str(&format!(" ({action})"));
            output_fields.insert("fargard.action".to_owned(), action.to_string().into());
        }
        Self {
            time: detection.time,
            rule: detection.rule.clone(),
            priority: detection.priority,
            source: detection.source,
            hostname: detection.hostname.clone(),
            output,
            tags: detection.tags.clone(),
            output_fields,
        }
    }
}
