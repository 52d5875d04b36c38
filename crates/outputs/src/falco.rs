//! Falco's two forms of an alert: the text line and the JSON object.
//!
//! Both are what Falco writes with its settings at their defaults, so that what reads Falco's alerts
//! (falcosidekick, log parsers) reads these; the text line also names the rule. Times are UTC.

use fargard_model::{Alert, CheckFinding, CheckResult, FileChange, Priority, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// How the output begins, Falco's `time_format_iso_8601`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `11:55:21.000000000`, Falco's default.
    #[default]
    OfDay,
    /// `2023-07-10T11:55:21.000000000+0000`.
    Iso8601,
}

impl TimeFormat {
    fn show(self, time: Timestamp) -> String {
        match self {
            Self::OfDay => time_of_day(time),
            Self::Iso8601 => format!("{}+0000", time.rfc3339().trim_end_matches('Z')),
        }
    }

    /// The field that Falco reads for it, and so adds to the output's fields.
    fn field(self) -> &'static str {
        match self {
            Self::OfDay => "evt.time",
            Self::Iso8601 => "evt.time.iso8601",
        }
    }
}

/// Falco's JSON alert; members in the alphabetical order in which Falco writes them.
#[derive(Debug, Serialize)]
struct JsonAlert<'a> {
    hostname: &'a str,
    output: String,
    output_fields: Map<String, Value>,
    priority: Priority,
    rule: &'a str,
    source: &'a str,
    tags: Vec<&'a str>,
    time: String,
}

/// Falco's line, without a line end, with the rule's name before the output (Falco's own line lacks it, and a
/// reader needs it): `HH:MM:SS.nnnnnnnnn: Priority Rule | output`.
///
/// Control characters in the output are written as `\n`, `\x1b` and so on: a process chooses its arguments and
/// must not be able to forge a second line or to steer a terminal.
#[must_use]
pub fn text(alert: &Alert, format: TimeFormat) -> String {
    let output = format!("{} | {}", alert.rule, alert.output);
    line(format, alert.time, alert.priority, &printable(&output))
}

/// Falco's JSON alert on one line, without a line end.
///
/// # Errors
/// An output field cannot be written as JSON (a float that is not a number).
pub fn json(alert: &Alert, format: TimeFormat) -> serde_json::Result<String> {
    let mut fields = alert.output_fields.clone();
    fields.insert(format.field().to_owned(), alert.time.0.into());
    serde_json::to_string(&JsonAlert {
        hostname: &alert.hostname,
        output: line(format, alert.time, alert.priority, &alert.output),
        output_fields: fields,
        priority: alert.priority,
        rule: &alert.rule,
        source: alert.source.name(),
        tags: sorted(&alert.tags),
        time: alert.time.rfc3339(),
    })
}

/// A check's result in the shape of [`text`]: `HH:MM:SS.nnnnnnnnn: Priority Check 426 title | cause`.
#[must_use]
pub fn check_text(result: &CheckResult) -> String {
    line(TimeFormat::OfDay, result.time, result.severity, &printable(&check_output(result)))
}

/// A check's result in the shape of [`json`]: the rule is the check's title, the source is `compliance`, and the
/// output fields are `check.number`, `check.status`, `check.subjects`, `container.id` and `container.name`; of what was
/// found last in a running task also `check.found` and, where somebody was seen doing it, `evt.type`, `proc.*` and `user.uid`.
///
/// # Errors
/// As [`json`].
pub fn check_json(result: &CheckResult, hostname: &str) -> serde_json::Result<String> {
    let fields = [
        ("check.number", Value::from(result.check)),
        ("check.status", serde_json::to_value(result.status)?),
        ("check.subjects", Value::from(result.subjects.clone())),
        ("container.id", Value::from(result.container.id.clone())),
        ("container.name", Value::from(result.container.name.clone())),
    ];
    let mut fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if let Some(latest) = result.found.first() {
        fields.insert("check.found".to_owned(), serde_json::to_value(&result.found)?);
        if let Some(actor) = &latest.by {
            fields.insert("evt.type".to_owned(), Value::from(actor.call.name()));
            fields.insert("proc.exepath".to_owned(), Value::from(actor.exepath.clone()));
            fields.insert("proc.name".to_owned(), Value::from(actor.name.clone()));
            fields.insert("proc.pid".to_owned(), Value::from(actor.pid));
            fields.insert("proc.pname".to_owned(), Value::from(actor.parent.clone()));
            fields.insert("user.uid".to_owned(), Value::from(actor.uid));
        }
    }
    serde_json::to_string(&JsonAlert {
        hostname,
        output: line(TimeFormat::OfDay, result.time, result.severity, &check_output(result)),
        output_fields: fields,
        priority: result.severity,
        rule: &result.title,
        source: "compliance",
        tags: sorted(&result.tags),
        time: result.time.rfc3339(),
    })
}

/// A change of a monitored file in the shape of [`text`]: `HH:MM:SS.nnnnnnnnn: Priority File integrity: ENTRY | ...`.
#[must_use]
pub fn file_change_text(change: &FileChange) -> String {
    line(TimeFormat::OfDay, change.time, change.severity, &printable(&file_change_output(change)))
}

/// A change of a monitored file in the shape of [`json`]: the rule is `File integrity: ENTRY`, the source is
/// `file_integrity`, and the output fields are those of Falco that fit (`fd.name`, `evt.type`, `proc.*`, `user.uid`,
/// null when the writer is not known) and `fim.*`.
///
/// # Errors
/// As [`json`].
pub fn file_change_json(change: &FileChange, hostname: &str) -> serde_json::Result<String> {
    let writer = change.writer.as_ref();
    let process = writer.map(|writer| &writer.process);
    let changes: Vec<&str> = change.changes.iter().map(|change| change.name()).collect();
    let fields = [
        ("container.id", Value::from(change.container.id.clone())),
        ("container.name", Value::from(change.container.name.clone())),
        ("evt.type", Value::from(writer.map(|writer| writer.call.name()))),
        ("fd.name", Value::from(change.path.clone())),
        ("fim.after", serde_json::to_value(&change.after)?),
        ("fim.before", serde_json::to_value(&change.before)?),
        ("fim.changes", Value::from(changes)),
        ("fim.entry", Value::from(change.entry.clone())),
        ("fim.found_by", serde_json::to_value(change.found_by)?),
        ("fim.from", Value::from(change.from.clone())),
        ("proc.cmdline", Value::from(process.map(|process| process.cmdline().to_owned()))),
        ("proc.exepath", Value::from(process.map(|process| process.exepath.clone()))),
        ("proc.name", Value::from(process.map(|process| process.name.clone()))),
        ("proc.pid", Value::from(process.map(|process| process.pid))),
        ("user.uid", Value::from(process.map(|process| process.uid))),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    serde_json::to_string(&JsonAlert {
        hostname,
        output: line(TimeFormat::OfDay, change.time, change.severity, &file_change_output(change)),
        output_fields: fields,
        priority: change.severity,
        rule: &change.title(),
        source: "file_integrity",
        tags: sorted(&change.tags),
        time: change.time.rfc3339(),
    })
}

fn file_change_output(change: &FileChange) -> String {
    format!("{} | {}", change.title(), change.summary())
}

fn check_output(result: &CheckResult) -> String {
    let text = format!("Check {} {} | {}", result.check, result.title, result.cause);
    match result.found.first() {
        Some(CheckFinding { subject, by: Some(actor), .. }) => format!(
            "{text} | {subject}: {} by {} {} (pid {}, user {}) at {}",
            actor.call.name(),
            actor.name,
            actor.exepath,
            actor.pid,
            actor.uid,
            time_of_day(actor.time)
        ),
        _ => text,
    }
}

fn line(format: TimeFormat, time: Timestamp, priority: Priority, output: &str) -> String {
    format!("{}: {priority} {output}", format.show(time))
}

/// Falco writes tags as a sorted set.
fn sorted(tags: &[String]) -> Vec<&str> {
    let mut tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// `HH:MM:SS.nnnnnnnnn` of a point in time, UTC.
#[must_use]
pub fn time_of_day(time: Timestamp) -> String {
    let second = time.seconds() % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:09}", time.0 % 1_000_000_000)
}

/// The text with control characters escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut line, character| {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use fargard_model::{
        Actor, Alert, CheckFinding, CheckResult, CheckStatus, Container, EventType, Priority, Source, Task,
        Timestamp,
    };
    use serde_json::json;

    use super::{TimeFormat, check_json, check_text, json, printable, text, time_of_day};

    fn alert() -> Alert {
        let fields = json!({
            "fd.name": "/usr/bin/probe",
            "proc.pname": null,
            "user.uid": 0,
            "proc.is_exe_upper_layer": false,
        });
        Alert {
            time: Timestamp(1_795_243_200_000_000_042),
            rule: "Write below binary dir".into(),
            priority: Priority::Error,
            source: Source::Syscall,
            hostname: "task-host".into(),
            output: "File below a known binary directory opened for writing | file=/usr/bin/probe".into(),
            tags: vec!["mitre_persistence".into(), "T1543".into(), "filesystem".into()],
            output_fields: fields.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn the_text_line() {
        insta::assert_snapshot!(text(&alert(), TimeFormat::OfDay), @"06:40:00.000000042: Error Write below binary dir | File below a known binary directory opened for writing | file=/usr/bin/probe");
    }

    #[test]
    fn the_json_alert() {
        insta::assert_snapshot!(json(&alert(), TimeFormat::OfDay).unwrap(), @r#"{"hostname":"task-host","output":"06:40:00.000000042: Error File below a known binary directory opened for writing | file=/usr/bin/probe","output_fields":{"evt.time":1795243200000000042,"fd.name":"/usr/bin/probe","proc.is_exe_upper_layer":false,"proc.pname":null,"user.uid":0},"priority":"Error","rule":"Write below binary dir","source":"syscall","tags":["T1543","filesystem","mitre_persistence"],"time":"2026-11-21T06:40:00.000000042Z"}"#);
    }

    #[test]
    fn times_as_iso_8601() {
        insta::assert_snapshot!(json(&alert(), TimeFormat::Iso8601).unwrap(), @r#"{"hostname":"task-host","output":"2026-11-21T06:40:00.000000042+0000: Error File below a known binary directory opened for writing | file=/usr/bin/probe","output_fields":{"evt.time.iso8601":1795243200000000042,"fd.name":"/usr/bin/probe","proc.is_exe_upper_layer":false,"proc.pname":null,"user.uid":0},"priority":"Error","rule":"Write below binary dir","source":"syscall","tags":["T1543","filesystem","mitre_persistence"],"time":"2026-11-21T06:40:00.000000042Z"}"#);
    }

    #[test]
    fn results_of_checks_have_the_same_shapes() {
        let mut result = CheckResult {
            id: "p-check-1".into(),
            time: Timestamp(1_795_243_200_000_000_042),
            check: 426,
            title: "Image contains binaries used for crypto mining".into(),
            severity: Priority::Critical,
            status: CheckStatus::Failed,
            cause: "Found: /tmp/xmrig (named as a miner)".into(),
            subjects: vec!["/tmp/xmrig".into()],
            found: Vec::new(),
            tags: vec!["T1496".into(), "SOC2_CC6.8".into()],
            task: Task::default(),
            container: Container { id: "c1".into(), name: "app".into(), ..Container::default() },
        };
        insta::assert_snapshot!(check_text(&result), @"06:40:00.000000042: Critical Check 426 Image contains binaries used for crypto mining | Found: /tmp/xmrig (named as a miner)");
        insta::assert_snapshot!(check_json(&result, "h").unwrap(), @r#"{"hostname":"h","output":"06:40:00.000000042: Critical Check 426 Image contains binaries used for crypto mining | Found: /tmp/xmrig (named as a miner)","output_fields":{"check.number":426,"check.status":"failed","check.subjects":["/tmp/xmrig"],"container.id":"c1","container.name":"app"},"priority":"Critical","rule":"Image contains binaries used for crypto mining","source":"compliance","tags":["SOC2_CC6.8","T1496"],"time":"2026-11-21T06:40:00.000000042Z"}"#);
        let actor = Actor {
            time: Timestamp(1_795_243_199_000_000_000),
            call: EventType::Openat,
            pid: 7,
            name: "cp".into(),
            exepath: "/bin/cp".into(),
            uid: 0,
            parent: "sh".into(),
        };
        result.found.push(CheckFinding {
            subject: "/tmp/xmrig".into(),
            class: "name".into(),
            reason: "named as a miner".into(),
            severity: Priority::Critical,
            time: actor.time,
            by: Some(actor),
        });
        insta::assert_snapshot!(check_text(&result), @"06:40:00.000000042: Critical Check 426 Image contains binaries used for crypto mining | Found: /tmp/xmrig (named as a miner) | /tmp/xmrig: openat by cp /bin/cp (pid 7, user 0) at 06:39:59.000000000");
        let json: serde_json::Value = serde_json::from_str(&check_json(&result, "h").unwrap()).unwrap();
        let fields = &json["output_fields"];
        assert_eq!((&fields["proc.name"], &fields["evt.type"]), (&"cp".into(), &"openat".into()));
        assert_eq!(fields["check.found"][0]["by"]["pid"], 7);
    }

    #[test]
    fn a_process_cannot_forge_a_line() {
        let mut forged = alert();
        forged.output = "cmd=x\n00:00:00.000000000: Debug all is well \u{1b}[2J\u{9b}".into();
        insta::assert_snapshot!(text(&forged, TimeFormat::OfDay), @r"06:40:00.000000042: Error Write below binary dir | cmd=x\n00:00:00.000000000: Debug all is well \u{1b}[2J\u{9b}");
        assert_eq!(printable("plain äöü"), "plain äöü");
    }

    #[test]
    fn days_wrap() {
        assert_eq!(time_of_day(Timestamp(0)), "00:00:00.000000000");
        assert_eq!(time_of_day(Timestamp(86_399_999_999_999)), "23:59:59.999999999");
    }
}
