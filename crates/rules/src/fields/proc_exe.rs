//! `proc.*` of the executable's file and of the standard streams.

use fargard_model::{Event, ExeFile, StdStream};

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Int, Text},
    Value, Values,
    fd::type_name,
    field,
};

pub(super) const FIELDS: &[Field] = &[
    field("proc.is_exe_writable", Bool, NoArg, "the process's user may write the executable", |event, _| {
        Values::bool(event.process.exe_writable)
    }),
    field(
        "proc.is_exe_upper_layer",
        Bool,
        NoArg,
        "the executable did not come with the image",
        |event, _| Values::optional(event.process.exe_upper_layer.map(Value::Bool)),
    ),
    field("proc.is_exe_lower_layer", Bool, NoArg, "the executable came with the image", |event, _| {
        Values::optional(event.process.exe_upper_layer.map(|upper| Value::Bool(!upper)))
    }),
    field("proc.is_exe_from_memfd", Bool, NoArg, "the executable is an anonymous memory file", |event, _| {
        Values::bool(event.process.exe_from_memfd)
    }),
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
    field("proc.stdin.type", Text, NoArg, "type of standard input", |event, _| kind(event, 0)),
    field("proc.stdout.type", Text, NoArg, "type of standard output", |event, _| kind(event, 1)),
    field("proc.stderr.type", Text, NoArg, "type of standard error", |event, _| kind(event, 2)),
    field("proc.stdin.name", Text, NoArg, "name of standard input", |event, _| name(event, 0)),
    field("proc.stdout.name", Text, NoArg, "name of standard output", |event, _| name(event, 1)),
    field("proc.stderr.name", Text, NoArg, "name of standard error", |event, _| name(event, 2)),
];

/// A number of the executable's file; 0 is none.
fn file(event: &Event, read: fn(&ExeFile, &Event) -> Option<u64>) -> Values<'_> {
    let number = event.process.exe_file.as_ref().and_then(|file| read(file, event));
    number.filter(|number| *number > 0).map_or(Values::Missing, Values::int)
}

fn stream(event: &Event, number: usize) -> Option<&StdStream> {
    event.process.stdio.get(number)
}

fn kind(event: &Event, number: usize) -> Values<'_> {
    let typechar = stream(event, number).and_then(|stream| stream.typechar);
    typechar.map_or(Values::Missing, |typechar| Values::text(type_name(typechar)))
}

fn name(event: &Event, number: usize) -> Values<'_> {
    stream(event, number).map_or(Values::Missing, |stream| Values::known(&stream.name))
}
