//! `proc.*` of the executable's file and of the standard streams.

use fargard_model::{Event, ExeFile, Process, StdStream};

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Int, Text},
    Value, Values,
    fd::type_name,
    field, of_process,
};

pub(super) const FIELDS: &[Field] = &[
    of_process(
        "proc.is_exe_writable",
        Bool,
        NoArg,
        "the process's user may write the executable",
        |own, _| Values::bool(own.exe_writable),
    ),
    of_process(
        "proc.is_exe_upper_layer",
        Bool,
        NoArg,
        "the executable did not come with the image",
        |own, _| Values::optional(own.exe_upper_layer.map(Value::Bool)),
    ),
    of_process("proc.is_exe_lower_layer", Bool, NoArg, "the executable came with the image", |own, _| {
        Values::optional(own.exe_upper_layer.map(|upper| Value::Bool(!upper)))
    }),
    of_process(
        "proc.is_exe_from_memfd",
        Bool,
        NoArg,
        "the executable is an anonymous memory file",
        |own, _| Values::bool(own.exe_from_memfd),
    ),
    field("proc.exe_ino", Int, NoArg, "inode number of the executable", |event, _| {
        file(event, |file, _| Some(file.inode))
    })
    .typed("INT64"),
    field("proc.exe_ino.ctime", Int, NoArg, "last change of the executable's inode", |event, _| {
        file(event, |file, _| Some(file.ctime))
    })
    .typed("ABSTIME"),
    field("proc.exe_ino.mtime", Int, NoArg, "last change of the executable's content", |event, _| {
        file(event, |file, _| Some(file.mtime))
    })
    .typed("ABSTIME"),
    field(
        "proc.exe_ino.ctime_duration_proc_start",
        Int,
        NoArg,
        "nanoseconds from the last change of the executable's inode to the process's start",
        |event, _| file(event, |file, event| event.process.started_at.checked_sub(file.ctime)),
    )
    .typed("ABSTIME"),
    field(
        "proc.exe_ino.ctime_duration_pidns_start",
        Int,
        NoArg,
        "nanoseconds from the container's start to the last change of the executable's inode",
        |event, _| file(event, |file, event| file.ctime.checked_sub(event.container.started_at)),
    )
    .typed("ABSTIME"),
    field("proc.pidns_init_start_ts", Int, NoArg, "start of the container", |event, _| {
        match event.container.started_at {
            0 => Values::Missing,
            at => Values::int(at),
        }
    }),
    of_process("proc.stdin.type", Text, NoArg, "type of standard input", |own, _| kind(own, 0)),
    of_process("proc.stdout.type", Text, NoArg, "type of standard output", |own, _| kind(own, 1)),
    of_process("proc.stderr.type", Text, NoArg, "type of standard error", |own, _| kind(own, 2)),
    of_process("proc.stdin.name", Text, NoArg, "name of standard input", |own, _| name(own, 0)),
    of_process("proc.stdout.name", Text, NoArg, "name of standard output", |own, _| name(own, 1)),
    of_process("proc.stderr.name", Text, NoArg, "name of standard error", |own, _| name(own, 2)),
];

/// A number of the executable's file; 0 is none.
fn file(event: &Event, read: fn(&ExeFile, &Event) -> Option<u64>) -> Values<'_> {
    let number = event.process.exe_file.as_ref().and_then(|file| read(file, event));
    number.filter(|number| *number > 0).map_or(Values::Missing, Values::int)
}

fn stream(own: &Process, number: usize) -> Option<&StdStream> {
    own.stdio.get(number)
}

fn kind(own: &Process, number: usize) -> Values<'_> {
    let typechar = stream(own, number).and_then(|stream| stream.typechar);
    typechar.map_or(Values::Missing, |typechar| Values::text(type_name(typechar)))
}

fn name(own: &Process, number: usize) -> Values<'_> {
    stream(own, number).map_or(Values::Missing, |stream| Values::known(&stream.name))
}
