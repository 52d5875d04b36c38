//! `fd.*` of files and of descriptors in general.

use fargard_model::{Event, Outcome, event::ArgValue};

use super::{
    ArgKind::{None as NoArg, OptionalIndex},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    NumberForm::Hexadecimal,
    Text as FieldText, Use, Value, Values,
    container::id as container_id,
    field, known, null, text_field,
};

const LAYER: &str = "the sensor does not ask which layer a file is in";
const STAT: &str = "the sensor does not look at what was opened";

pub(super) const FIELDS: &[Field] = &[
    Field {
        while_attempt: Some(expected_number),
        ..field("fd.num", Int, NoArg, "descriptor number", |event, _| {
            number(event).map_or(Values::Missing, Values::int)
        })
        .typed("INT64")
    },
    text_field("fd.type", "type: file, directory, ipv4, ipv6, unix, pipe, ...", |event| {
        typechar(event).map(type_name)
    }),
    field(
        "fd.typechar",
        Text,
        NoArg,
        "type: f file, d directory, 4 6 IP, u unix, p pipe, o other",
        |event, _| typechar(event).map_or(Values::Missing, |char| Values::text(type_text(char))),
    ),
    null("fd.types", Text, OptionalIndex, "types of all descriptors", "an event has only its own descriptor")
        .listed()
        .only(Use::NoField),
    text_field("fd.name", "resolved path, or local->remote", name),
    text_field("fd.nameraw", "path as the process gave it", |event| {
        event.fd.as_ref().and_then(|fd| known(&fd.nameraw))
    }),
    text_field("fd.directory", "directory of a file", |event| path(event).map(directory)),
    text_field("fd.filename", "last part of a file's path", |event| {
        path(event).map(|path| path.rsplit('/').next().unwrap_or(path))
    }),
    field("fd.uid", Text, NoArg, "thread id with the descriptor's number behind it", |event, _| {
        number(event).map_or(Values::Missing, |number| Values::text(format!("{}{number}", event.tid)))
    }),
    field("fd.containername", Text, NoArg, "container id and name as id:name", |event, _| {
        within(event, name(event))
    }),
    field("fd.containerdirectory", Text, NoArg, "container id and directory as id:directory", |event, _| {
        within(event, path(event).map(directory))
    }),
    field("fd.dev", Int, NoArg, "device of the file's file system", |event, _| device(event, |dev| dev))
        .typed("INT32")
        .absent(STAT)
        .shown(Hexadecimal),
    field("fd.dev.major", Int, NoArg, "its major number", |event, _| device(event, |dev| dev >> MINOR_BITS))
        .typed("INT32")
        .absent(STAT),
    field("fd.dev.minor", Int, NoArg, "its minor number", |event, _| {
        device(event, |dev| dev & ((1 << MINOR_BITS) - 1))
    })
    .typed("INT32")
    .absent(STAT),
    field("fd.ino", Int, NoArg, "inode number of the file", |event, _| {
        event.fd.as_ref().and_then(|fd| fd.ino).map_or(Values::Missing, Values::int)
    })
    .typed("INT64")
    .absent(STAT),
    field("fd.is_upper_layer", Bool, NoArg, "the file did not come with the image", |event, _| {
        layer(event, |upper| upper)
    })
    .absent(LAYER),
    field("fd.is_lower_layer", Bool, NoArg, "the file came with the image", |event, _| {
        layer(event, |upper| !upper)
    })
    .absent(LAYER),
];

/// Bits of the minor number in the kernel's `dev_t`.
const MINOR_BITS: u32 = 20;

fn device(event: &Event, part: fn(u32) -> u32) -> Values<'_> {
    event.fd.as_ref().and_then(|fd| fd.dev).map_or(Values::Missing, |dev| Values::int(part(dev)))
}

fn layer(event: &Event, read: fn(bool) -> bool) -> Values<'_> {
    let upper = event.fd.as_ref().and_then(|fd| fd.upper_layer);
    Values::optional(upper.map(|upper| Value::Bool(read(upper))))
}

fn within<'e>(event: &'e Event, name: Option<&str>) -> Values<'e> {
    name.map_or(Values::Missing, |name| Values::text(format!("{}:{name}", container_id(event))))
}

/// What `fd.num` is for a condition while an open's result is unknown: the largest descriptor number there can
/// be. So `fd.num >= 0`, Falco's way to say "the open worked", holds for an attempt, and no test for one of the
/// standard streams does.
const EXPECTED_NUMBER: i64 = i32::MAX as i64;

/// The number; that of an open is its result, -1 when it failed, as in Falco.
fn number(event: &Event) -> Option<i64> {
    let known = event.fd.as_ref().map(|fd| fd.num).filter(|number| *number >= 0);
    match (known, event.outcome) {
        (None, Outcome::Confirmed(code)) if event.kind.is_open() => Some(code.max(-1)),
        (known, _) => known,
    }
}

fn expected_number<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    match number(event) {
        Some(number) => Values::int(number),
        None if event.kind.is_open() => Values::int(EXPECTED_NUMBER),
        None => Values::Missing,
    }
}

/// `O_DIRECTORY` on x86-64; arm64 has it at another bit, so the flags' names decide.
fn opens_directory(event: &Event) -> bool {
    match event.arg("flags") {
        Some(ArgValue::Flags(_, names)) => names.contains("O_DIRECTORY"),
        Some(ArgValue::Text(names)) => names.contains("O_DIRECTORY"),
        _ => false,
    }
}

/// The type. An open whose file could not be looked at is taken for a regular file unless it asks for a directory.
pub(super) fn typechar(event: &Event) -> Option<char> {
    let known = event.fd.as_ref().and_then(|fd| fd.typechar);
    if known.is_some() || !event.kind.is_open() {
        return known;
    }
    Some(if opens_directory(event) { 'd' } else { 'f' })
}

/// The character as text.
fn type_text(typechar: char) -> FieldText<'static> {
    const KNOWN: &str = "fd46upeslitbmro";
    match KNOWN.find(typechar).and_then(|at| KNOWN.get(at..=at)) {
        Some(known) => known.into(),
        None => typechar.to_string().into(),
    }
}

pub(super) fn type_name(typechar: char) -> &'static str {
    match typechar {
        'f' => "file",
        'd' => "directory",
        '4' => "ipv4",
        '6' => "ipv6",
        'u' => "unix",
        'p' => "pipe",
        'e' => "event",
        's' => "signalfd",
        'l' => "eventpoll",
        'i' => "inotify",
        't' => "timerfd",
        'b' => "bpf",
        'm' => "memfd",
        'r' => "io_uring",
        _ => "other",
    }
}

/// The name. That of a descriptor of which no more is known than that the call is about it is empty, as in Falco.
fn name(event: &Event) -> Option<&str> {
    let given = event.fd.as_ref().map(|fd| fd.name.as_str());
    let known = given.filter(|name| !name.is_empty());
    let opened = || event.path("name").filter(|_| event.kind.is_open());
    known.or_else(opened).or(given)
}

fn path(event: &Event) -> Option<&str> {
    let is_file = typechar(event).is_some_and(|char| matches!(char, 'f' | 'd'));
    name(event).filter(|name| is_file && name.starts_with('/'))
}

fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => path.get(..at).unwrap_or_default(),
        _ => "/",
    }
}
