//! `evt.*` of reading and writing: contents and lengths, and what was once measured at both ends of a call.

use fargard_model::{Event, Outcome, event::ArgValue};

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Bytes, Int, Text},
    NumberForm::NineDigits,
    Value, Values,
    call::{reads, waits, writes},
    field, null,
};

/// Why reads and writes are missing on Fargate: such calls are never stopped there.
const CONTENT: &str = "reads and writes are not observed on Fargate; captures have them";
const PREVIOUS: &str = "relative to the event before, which rules do not see";
const LATENCY: &str = "always 0: only ends of calls are seen, as in Falco";

pub(super) const FIELDS: &[Field] = &[
    field("evt.latency", Int, NoArg, LATENCY, |_, _| Values::int(0)).typed("RELTIME").deprecated(),
    field("evt.latency.s", Int, NoArg, LATENCY, |_, _| Values::int(0)).typed("RELTIME").deprecated(),
    field("evt.latency.ns", Int, NoArg, LATENCY, |_, _| Values::int(0))
        .typed("RELTIME")
        .shown(NineDigits)
        .deprecated(),
    field("evt.latency.quantized", Int, NoArg, LATENCY, |_, _| Values::int(0)).deprecated(),
    field("evt.latency.human", Text, NoArg, "always 0ns: only ends of calls are seen", |_, _| {
        Values::text("0ns")
    })
    .deprecated(),
    null("evt.deltatime", Int, NoArg, "nanoseconds since the event before", PREVIOUS).typed("RELTIME"),
    null("evt.deltatime.s", Int, NoArg, "seconds since the event before", PREVIOUS).typed("RELTIME"),
    null("evt.deltatime.ns", Int, NoArg, "fraction of the time since the event before", PREVIOUS)
        .typed("RELTIME")
        .shown(NineDigits),
    field("evt.buffer", Bytes, NoArg, "first bytes of what was read or written", |event, _| {
        Values::optional(data(event).map(Value::Bytes))
    })
    .absent(CONTENT),
    field("evt.buflen", Int, NoArg, "how many bytes were read or written", |event, _| {
        length(event, true, ANY)
    })
    .absent(CONTENT),
    field("evt.buflen.in", Int, NoArg, "how many bytes were read", |event, _| {
        length(event, reads(event.kind), ANY)
    })
    .absent(CONTENT),
    field("evt.buflen.out", Int, NoArg, "how many bytes were written", |event, _| {
        length(event, writes(event.kind), ANY)
    })
    .absent(CONTENT),
    field("evt.buflen.file", Int, NoArg, "how many bytes of a file were read or written", |event, _| {
        length(event, true, FILE)
    })
    .absent(CONTENT),
    field("evt.buflen.file.in", Int, NoArg, "how many bytes of a file were read", |event, _| {
        length(event, reads(event.kind), FILE)
    })
    .absent(CONTENT),
    field("evt.buflen.file.out", Int, NoArg, "how many bytes were written to a file", |event, _| {
        length(event, writes(event.kind), FILE)
    })
    .absent(CONTENT),
    field("evt.buflen.net", Int, NoArg, "how many bytes were sent or received", |event, _| {
        length(event, true, NET)
    })
    .absent(CONTENT),
    field("evt.buflen.net.in", Int, NoArg, "how many bytes were received", |event, _| {
        length(event, reads(event.kind), NET)
    })
    .absent(CONTENT),
    field("evt.buflen.net.out", Int, NoArg, "how many bytes were sent", |event, _| {
        length(event, writes(event.kind), NET)
    })
    .absent(CONTENT),
    field("evt.is_io", Bool, NoArg, "the call reads from or writes to a descriptor", |event, _| {
        Values::bool(reads(event.kind) || writes(event.kind))
    }),
    field("evt.is_io_read", Bool, NoArg, "the call reads from a descriptor", |event, _| {
        Values::bool(reads(event.kind))
    }),
    field("evt.is_io_write", Bool, NoArg, "the call writes to a descriptor", |event, _| {
        Values::bool(writes(event.kind))
    }),
    field("evt.io_dir", Text, NoArg, "'read' or 'write'", |event, _| {
        match (writes(event.kind), reads(event.kind)) {
            (true, _) => Values::text("write"),
            (false, true) => Values::text("read"),
            (false, false) => Values::Missing,
        }
    }),
    field("evt.is_wait", Bool, NoArg, "the call makes the thread wait", |event, _| {
        Values::bool(waits(event.kind))
    }),
    field("evt.wait_latency", Int, NoArg, LATENCY, |_, _| Values::int(0)).typed("RELTIME").deprecated(),
    field("evt.is_syslog", Bool, NoArg, "a write to /dev/log", |event, _| {
        let to_log = event.fd.as_ref().is_some_and(|fd| fd.name.contains("/dev/log"));
        Values::bool(writes(event.kind) && to_log)
    }),
];

const ANY: &[char] = &[];
const FILE: &[char] = &['f'];
const NET: &[char] = &['4', '6'];

fn data(event: &Event) -> Option<&[u8]> {
    match event.arg("data") {
        Some(ArgValue::Bytes(bytes)) => Some(bytes),
        Some(ArgValue::Text(text)) => Some(text.as_bytes()),
        _ => None,
    }
}

/// The result of a read or write that worked, on a descriptor of one of these types.
fn length<'e>(event: &'e Event, wanted: bool, types: &[char]) -> Values<'e> {
    let is_io = reads(event.kind) || writes(event.kind);
    let fits =
        |typechar: Option<char>| types.is_empty() || typechar.is_some_and(|char| types.contains(&char));
    match (&event.fd, event.outcome) {
        (Some(fd), Outcome::Confirmed(count)) if wanted && is_io && count >= 0 && fits(fd.typechar) => {
            Values::int(count)
        }
        _ => Values::Missing,
    }
}
