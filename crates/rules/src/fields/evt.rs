//! `evt.*`: the call itself.

use fargard_model::{Event, Outcome, Timestamp, event::ArgValue};

use super::{
    ArgKind::{Dotted, None as NoArg, OptionalIndex},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    Value, Values, errno, field,
};

pub(super) const FIELDS: &[Field] = &[
    field("evt.num", Int, NoArg, "number of the event, counted from 1 by its producer", |event, _| {
        Values::int(event.num)
    }),
    field("evt.time", Text, NoArg, "time of day (UTC) with nanoseconds", |event, _| {
        Values::text(clock(event.time, true))
    }),
    field("evt.time.s", Text, NoArg, "time of day (UTC) in seconds", |event, _| {
        Values::text(clock(event.time, false))
    }),
    field("evt.time.iso8601", Text, NoArg, "time as ISO 8601 with nanoseconds, UTC", |event, _| {
        Values::text(event.time.rfc3339())
    }),
    field("evt.datetime", Text, NoArg, "date and time (UTC) with nanoseconds", |event, _| {
        Values::text(date(event.time, true))
    }),
    field("evt.datetime.s", Text, NoArg, "date and time (UTC) in seconds", |event, _| {
        Values::text(date(event.time, false))
    }),
    field("evt.rawtime", Int, NoArg, "nanoseconds since the epoch", |event, _| Values::int(event.time.0)),
    field("evt.rawtime.s", Int, NoArg, "whole seconds since the epoch", |event, _| {
        Values::int(event.time.seconds())
    }),
    field("evt.rawtime.ns", Int, NoArg, "nanoseconds within the second", |event, _| {
        Values::int(event.time.0 % 1_000_000_000)
    }),
    field("evt.type", Text, NoArg, "name of the call", |event, _| Values::text(event.kind.name())),
    field("syscall.type", Text, NoArg, "name of the call", |event, _| Values::text(event.kind.name())),
    field("evt.dir", Text, NoArg, "always '<': deprecated by Falco", |_, _| Values::text("<")),
    field("evt.source", Text, NoArg, "source of the event", |event, _| Values::text(event.source.name())),
    field("evt.is_async", Bool, NoArg, "always false: calls are not asynchronous events", |_, _| {
        Values::bool(false)
    }),
    field(
        "evt.arg",
        Text,
        Dotted,
        "an argument by name (evt.arg.name) or position (evt.arg[0]); paths are resolved",
        argument,
    ),
    Field {
        list: false,
        ..field(
            "evt.rawarg",
            Int,
            Dotted,
            "a numeric argument by name: numbers and bits of flags",
            raw_argument,
        )
    },
    field("evt.args", Text, OptionalIndex, "all arguments as name=value", |event, arg| match arg {
        FieldArg::Index(_) => argument(event, arg),
        _ => Values::text(arguments(event)),
    }),
    field("evt.info", Text, NoArg, "all arguments as name=value", |event, _| Values::text(arguments(event))),
    field(
        "evt.res",
        Text,
        NoArg,
        "SUCCESS or the name of the error; no value while the result is unknown",
        |event, _| match event.outcome {
            Outcome::Attempt => Values::Missing,
            Outcome::Confirmed(code) => Values::text(errno::name(code)),
        },
    ),
    field(
        "evt.rawres",
        Int,
        NoArg,
        "return value, negative for an error; no value while it is unknown",
        |event, _| match event.outcome {
            Outcome::Attempt => Values::Missing,
            Outcome::Confirmed(code) => Values::int(code),
        },
    ),
    field("evt.failed", Bool, NoArg, "the call failed; no value while the result is unknown", |event, _| {
        match event.outcome {
            Outcome::Attempt => Values::Missing,
            Outcome::Confirmed(code) => Values::bool(code < 0),
        }
    }),
    field("evt.is_open_read", Bool, NoArg, "an open for reading", |event, _| {
        Values::bool(event.is_open_read())
    }),
    field("evt.is_open_write", Bool, NoArg, "an open for writing", |event, _| {
        Values::bool(event.is_open_write())
    }),
    field(
        "evt.is_open_exec",
        Bool,
        NoArg,
        "an open or creat that creates a file with an execute bit",
        |event, _| Values::bool(is_open_exec(event)),
    ),
    field("evt.is_open_create", Bool, NoArg, "an open that may create the file", |event, _| {
        Values::bool(creates(event))
    }),
];

fn clock(time: Timestamp, nanoseconds: bool) -> String {
    let whole = time.rfc3339();
    let of_day = whole.split('T').nth(1).unwrap_or(&whole).trim_end_matches('Z');
    if nanoseconds { of_day.to_owned() } else { of_day.chars().take(8).collect() }
}

fn date(time: Timestamp, nanoseconds: bool) -> String {
    let day: String = time.rfc3339().chars().take(10).collect();
    format!("{day} {}", clock(time, nanoseconds))
}

/// An argument as text: a path is given resolved where the sensor resolved it.
fn argument<'e>(event: &'e Event, arg: &FieldArg) -> Values<'e> {
    let found = match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => event.args.get(*index),
        FieldArg::Key(name) => event.args.iter().find(|arg| arg.name == *name),
    };
    let Some(found) = found else {
        return match arg {
            FieldArg::Key(name) if name == "res" => result(event),
            _ => Values::Missing,
        };
    };
    match &found.value {
        ArgValue::Text(text) => Values::text(text.as_str()),
        ArgValue::Path(raw) => Values::text(event.path(&found.name).unwrap_or(raw)),
        ArgValue::Flags(_, names) => Values::text(names.as_str()),
        ArgValue::Int(number) => Values::text(super::Text::number(*number)),
        ArgValue::Bytes(_) => Values::text(found.value.to_string()),
    }
}

fn result(event: &Event) -> Values<'_> {
    match event.outcome {
        Outcome::Attempt => Values::Missing,
        Outcome::Confirmed(code) => Values::text(super::Text::number(code)),
    }
}

fn raw_argument<'e>(event: &'e Event, arg: &FieldArg) -> Values<'e> {
    let found = match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => event.args.get(*index).map(|arg| &arg.value),
        FieldArg::Key(name) => event.arg(name),
    };
    Values::optional(match found {
        Some(ArgValue::Int(number)) => Some(Value::Int(*number)),
        Some(ArgValue::Flags(bits, _)) => i64::try_from(*bits).ok().map(Value::Int),
        _ => None,
    })
}

fn arguments(event: &Event) -> String {
    let mut line = String::new();
    if let Outcome::Confirmed(code) = event.outcome {
        line = format!("res={code}");
    }
    for arg in &event.args {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&arg.name);
        line.push('=');
        line.push_str(&arg.value.to_string());
    }
    line
}

/// `O_CREAT`, the same on x86-64 and arm64.
const O_CREAT: u64 = 0o100;
/// `O_TMPFILE` without `O_DIRECTORY`.
const O_TMPFILE: u64 = 0o20_000_000;

fn creates(event: &Event) -> bool {
    event.kind == fargard_model::EventType::Creat
        || (event.kind.is_open() && event.flag_bits().is_some_and(|bits| bits & (O_CREAT | O_TMPFILE) != 0))
}

fn is_open_exec(event: &Event) -> bool {
    let executable = match event.arg("mode") {
        Some(ArgValue::Int(mode)) => mode & 0o111 != 0,
        Some(ArgValue::Flags(mode, _)) => mode & 0o111 != 0,
        Some(ArgValue::Text(mode)) => i64::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o111 != 0),
        _ => false,
    };
    creates(event) && executable
}
