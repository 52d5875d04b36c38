//! Detections that no rule makes: the sensor's own.

use fargard_model::{Detection, Event, Priority};
use serde_json::{Map, Value};

/// Something the sensor tells of by itself, in the shape of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// Name, where rules have theirs.
    pub(crate) name: &'static str,
    /// Short name in ids.
    key: &'static str,
    description: &'static str,
    condition: &'static str,
    pub(crate) priority: Priority,
    tags: &'static [&'static str],
}

/// The kernel took other arguments than those that were read at the call's entry.
pub(crate) const ARGUMENT_RACE: Own = Own {
    name: "Argument race",
    key: "race",
    description: "After a call the kernel's tables show another program, other arguments or another address than \
                  the process's memory held at the call's entry, and no later call, rename or link explains it: \
                  another thread changed the arguments to deceive whoever watches. The event's fields say what the \
                  kernel shows; rules were evaluated with both.",
    condition: "(of the sensor itself) ecs.race.part exists",
    priority: Priority::Warning,
    tags: &["fargard", "sensor", "mitre_defense_evasion", "T1562.001"],
};

/// Events that a rule could have matched were given up for the CPU budget.
pub(crate) const DEGRADED: Own = Own {
    name: "Sensor degraded",
    key: "degraded",
    description: "The sensor reached its CPU budget (FARGARD_CPU) and gave up what a rule could have matched. \
                  Heartbeats count it by class. Rules about executions, privileges and connections are always \
                  evaluated.",
    condition: "(of the sensor itself) more than FARGARD_CPU used",
    priority: Priority::Warning,
    tags: &["fargard", "sensor", "mitre_defense_evasion", "T1562.001"],
};

/// A program works with the kernel in a way that shows no calls.
pub(crate) const IO_URING: Own = Own {
    name: "Calls through io_uring",
    key: "io-uring",
    description: "A program sets up an io_uring: files it opens and connections it makes through it are no system \
                  calls, so neither rules nor the sensor see them. Told once for each program.",
    condition: "(of the sensor itself) evt.type=io_uring_setup",
    priority: Priority::Notice,
    tags: &["fargard", "sensor", "mitre_defense_evasion", "T1562.001"],
};

impl Own {
    /// The detection, on an event. Telling of it twice gives the same id.
    pub(crate) fn detection(
        self,
        event: Event,
        sensor: &str,
        hostname: &str,
        said: &str,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Detection {
        let process = &event.process;
        let output = format!(
            "{}: {said} (command={} pid={} parent={} user={})",
            self.name,
            process.cmdline(),
            process.pid,
            process.parent.as_deref().map_or("", |parent| &parent.name),
            process.user
        );
        let mut output_fields: Map<String, Value> = [
            ("evt.type", Value::from(event.kind.name())),
            ("proc.cmdline", process.cmdline().into()),
            ("proc.pid", process.pid.into()),
            ("user.name", process.user.clone().into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        output_fields.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Detection {
            id: format!("{sensor}-{}-{}", event.num, self.key),
            time: event.time,
            rule: self.name.to_owned(),
            priority: self.priority,
            source: event.source,
            hostname: hostname.to_owned(),
            output,
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            output_fields,
            description: self.description.to_owned(),
            condition: self.condition.to_owned(),
            folded: 0,
            action: None,
            event,
        }
    }
}
