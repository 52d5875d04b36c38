//! `evt.*` of every event, whatever its source: number, time, source.

use std::fmt::Write as _;

use fargard_model::{EventType, Source, Timestamp, event::ArgValue};

use super::{
    ArgKind::{self, None as NoArg},
    Extract, Field,
    FieldType::{self, Bool, Int, Text},
    NumberForm::NineDigits,
    Values,
    cloudtrail::plugin_info,
    null,
};
use crate::Subject;

const CAPTURE: &str = "relative to a capture's first event, which rules do not see";

type FromAny = for<'e> fn(Subject<'e>, &super::FieldArg) -> Values<'e>;

const fn any(name: &'static str, kind: FieldType, doc: &'static str, get: FromAny) -> Field {
    Field::new(name, kind, ArgKind::None, doc, Some(Extract::Any(get)))
}

pub(super) const FIELDS: &[Field] = &[
    any("evt.num", Int, "number of the event, counted from 1 by its producer", |subject, _| {
        Values::int(subject.num())
    }),
    any("evt.time", Text, "time of day (UTC) with nanoseconds", |subject, _| {
        Values::text(clock(subject.time(), true))
    })
    .time(),
    any("evt.time.s", Text, "time of day (UTC) in seconds", |subject, _| {
        Values::text(clock(subject.time(), false))
    })
    .time(),
    any("evt.time.iso8601", Text, "ISO 8601 time with nanoseconds and offset, in UTC", |subject, _| {
        Values::text(iso8601(subject.time()))
    })
    .time(),
    any("evt.datetime", Text, "date and time of day (UTC) with nanoseconds", |subject, _| {
        Values::text(date(subject.time(), true))
    })
    .time(),
    any("evt.datetime.s", Text, "date and time of day (UTC) in seconds", |subject, _| {
        Values::text(date(subject.time(), false))
    })
    .time(),
    any("evt.rawtime", Int, "nanoseconds since the epoch", |subject, _| Values::int(subject.time().0))
        .typed("ABSTIME"),
    any("evt.rawtime.s", Int, "whole seconds since the epoch", |subject, _| {
        Values::int(subject.time().seconds())
    })
    .typed("ABSTIME"),
    any("evt.rawtime.ns", Int, "nanoseconds within the second", |subject, _| {
        Values::int(subject.time().0 % SECOND)
    })
    .typed("ABSTIME")
    .shown(NineDigits),
    null("evt.reltime", Int, NoArg, "nanoseconds since the first event", CAPTURE)
        .typed("RELTIME")
        .shown(NineDigits),
    null("evt.reltime.s", Int, NoArg, "seconds since the first event", CAPTURE).typed("RELTIME"),
    null("evt.reltime.ns", Int, NoArg, "fraction of the time since the first event", CAPTURE)
        .typed("RELTIME")
        .shown(NineDigits),
    any(
        "evt.pluginname",
        Text,
        "Falco plugin that gives such events: that of CloudTrail records",
        |subject, _| match subject {
            Subject::Record(record) if record.source == Source::AwsCloudtrail => Values::text("cloudtrail"),
            Subject::Record(_) | Subject::Call(_) => Values::Missing,
        },
    ),
    any("evt.plugininfo", Text, "that plugin's summary of the event", |subject, _| match subject {
        Subject::Record(record) => plugin_info(record).map_or(Values::Missing, Values::text),
        Subject::Call(_) => Values::Missing,
    }),
    any("evt.source", Text, "source of the event", |subject, _| Values::text(subject.source().name())),
    any(
        "evt.is_async",
        Bool,
        "whether the event is no call: dns_query and dns_answer are none",
        |subject, _| {
            Values::bool(matches!(subject, Subject::Call(event) if event.kind == EventType::Asyncevent))
        },
    ),
    any("evt.asynctype", Text, "what kind of event that is no call: dns_query, dns_answer", |subject, _| {
        match subject {
            Subject::Call(event) if event.kind == EventType::Asyncevent => match event.arg("name") {
                Some(ArgValue::Text(name)) => Values::text(name.as_str()),
                _ => Values::Missing,
            },
            Subject::Call(_) | Subject::Record(_) => Values::Missing,
        }
    }),
    null(
        "evt.hostname",
        Text,
        NoArg,
        "name of the machine",
        "a task's machine has no name of its own; the alert carries the sensor's host name",
    ),
];

const SECOND: u64 = 1_000_000_000;

/// Time of day.
fn clock(time: Timestamp, nanoseconds: bool) -> String {
    let whole = time.rfc3339();
    let of_day = whole.split('T').nth(1).unwrap_or(&whole).trim_end_matches('Z');
    let mut text: String = of_day.chars().take(8).collect();
    if nanoseconds {
        let _ = write!(text, ".{:09}", time.0 % SECOND);
    }
    text
}

fn date(time: Timestamp, nanoseconds: bool) -> String {
    let day: String = time.rfc3339().chars().take(10).collect();
    format!("{day} {}", clock(time, nanoseconds))
}

fn iso8601(time: Timestamp) -> String {
    let day: String = time.rfc3339().chars().take(10).collect();
    format!("{day}T{}+0000", clock(time, true))
}
