//! `evt.*` of calls: which call, its arguments, its result.

use fargard_model::{Event, EventType};

use super::{
    ArgKind::{Dotted, None as NoArg, OptionalDotted, OptionalIndex},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    Use, Values, arguments,
    call::category,
    field,
    fspaths::{Part, resolved_at},
    null, outcome, truth_field,
};

pub(super) const FIELDS: &[Field] = &[
    field("evt.type", Text, NoArg, "name of the call", |event, _| Values::text(event.kind.name())),
    field("syscall.type", Text, NoArg, "name of the call", |event, _| Values::text(event.kind.name())),
    field("evt.type.is", Int, Dotted, "1 when the call is the named one, else 0", |event, arg| match arg {
        FieldArg::Key(name) => Values::int(i64::from(*name == event.kind.name())),
        _ => Values::Missing,
    })
    .typed("UINT32"),
    field("evt.category", Text, NoArg, "what the call is about: file, net, process, ...", |event, _| {
        Values::text(category(event.kind).name(event))
    }),
    field("evt.dir", Text, NoArg, "always '<', the end of a call", |_, _| Values::text("<")).deprecated(),
    null("evt.cpu", Int, NoArg, "processor it ran on", "neither seen by the sensor nor kept of captures")
        .typed("INT16"),
    null(
        "evt.outputtime",
        Text,
        NoArg,
        "time in the form a command-line option asks for",
        "there is no such option: use evt.time",
    ),
    field(
        "evt.arg",
        Text,
        Dotted,
        "an argument by name (evt.arg.name) or position (evt.arg[0]); paths are resolved",
        arguments::text,
    ),
    field("evt.rawarg", Int, Dotted, "an argument by name as the kernel has it", arguments::raw)
        .typed("DYNAMIC")
        .only(Use::Alone),
    field("evt.args", Text, OptionalIndex, "all arguments as name=value(meaning)", all_arguments),
    field("evt.info", Text, NoArg, "the same as evt.args", |event, _| Values::text(arguments::line(event))),
    field(
        "evt.abspath",
        Text,
        OptionalDotted,
        "path resolved against the call's directory descriptor; .src and .dst where there are two",
        |event, arg| match arg {
            FieldArg::Key(which) if which == "dst" => resolved_at(event, Part::Target),
            FieldArg::Key(which) if which != "src" => Values::Missing,
            _ => resolved_at(event, Part::Source),
        },
    ),
    field("evt.res", Text, NoArg, "SUCCESS or the error's name; no value while it is unknown", outcome::text),
    field(
        "evt.rawres",
        Int,
        NoArg,
        "return value, negative for an error; no value while it is unknown",
        outcome::number,
    )
    .typed("INT64"),
    field("evt.failed", Bool, NoArg, "the call failed; no value while that is unknown", outcome::failed),
    truth_field("evt.is_open_read", "an open for reading", |event| Some(event.is_open_read())),
    truth_field("evt.is_open_write", "an open for writing", |event| Some(event.is_open_write())),
    truth_field("evt.is_open_exec", "an open or creat that creates a file with an execute bit", |event| {
        Some(creates(event) && arguments::mode(event).is_some_and(|mode| mode & 0o111 != 0))
    }),
    truth_field("evt.is_open_create", "an open that may create the file", |event| Some(creates(event))),
];

fn all_arguments<'e>(event: &'e Event, arg: &FieldArg) -> Values<'e> {
    match arg {
        FieldArg::Index(_) => arguments::text(event, arg),
        _ => Values::text(arguments::line(event)),
    }
}

/// `O_CREAT`, the same on x86-64 and arm64.
const O_CREAT: u64 = 0o100;
/// `O_TMPFILE` without `O_DIRECTORY`.
const O_TMPFILE: u64 = 0o20_000_000;

fn creates(event: &Event) -> bool {
    event.kind == EventType::Creat
        || (event.kind.is_open() && event.flag_bits().is_some_and(|bits| bits & (O_CREAT | O_TMPFILE) != 0))
}
