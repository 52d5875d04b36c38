//! `proc.*` and `thread.*`: who made the call.

use std::sync::Arc;

use fargard_model::{Event, Process};

use super::{
    ArgKind::{None as NoArg, OptionalIndex, OptionalKey},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    ReadProcess, Value, Values, capability, field,
};

pub(super) const FIELDS: &[Field] = &[
    field("proc.pid", Int, NoArg, "process id in the sensor's namespace", |event, _| {
        Values::int(event.process.pid)
    }),
    field("proc.vpid", Int, NoArg, "process id as the process sees it", |event, _| {
        Values::int(event.process.vpid)
    }),
    field("proc.name", Text, NoArg, "short name, at most 15 bytes", |event, _| {
        Values::known(&event.process.name)
    }),
    field("proc.exe", Text, NoArg, "first element of argv", |event, _| Values::known(&event.process.exe)),
    field("proc.exepath", Text, NoArg, "path of the executable", |event, _| {
        Values::known(&event.process.exepath)
    }),
    field(
        "proc.args",
        Text,
        OptionalIndex,
        "arguments, or one of them by position",
        |event, arg| match arg {
            FieldArg::Index(index) => Values::optional(event.process.args.get(*index).map(|arg| text(arg))),
            _ => Values::text(event.process.args_line()),
        },
    ),
    field("proc.cmdline", Text, NoArg, "name and arguments", |event, _| {
        Values::text(event.process.cmdline())
    }),
    field("proc.exeline", Text, NoArg, "first element of argv and arguments", |event, _| {
        Values::text(event.process.exeline())
    }),
    field("proc.cmdnargs", Int, NoArg, "number of arguments", |event, _| {
        Values::int(event.process.args.len())
    }),
    field("proc.cmdlenargs", Int, NoArg, "length of all arguments", |event, _| {
        Values::int(event.process.args.iter().map(String::len).sum::<usize>())
    }),
    field("proc.cwd", Text, NoArg, "working directory", |event, _| Values::known(&event.process.cwd)),
    field("proc.tty", Int, NoArg, "controlling terminal, 0 for none", |event, _| {
        Values::int(event.process.tty)
    }),
    field("proc.env", Text, OptionalKey, "environment, or one variable by name", |event, arg| match arg {
        FieldArg::Key(name) => Values::optional(variable(&event.process, name)),
        _ => Values::known(event.process.env_line()),
    }),
    field(
        "proc.aenv",
        Text,
        OptionalIndex,
        "environment of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(text(process.env_line()))),
    ),
    field("proc.sid", Int, NoArg, "session leader's process id", |event, _| Values::int(event.process.sid)),
    field("proc.sname", Text, NoArg, "session leader's name", |event, _| Values::known(&event.process.sname)),
    field("proc.is_sid_leader", Bool, NoArg, "is the session leader", |event, _| {
        Values::bool(event.process.sid == event.process.pid)
    }),
    field("proc.pgid", Int, NoArg, "process group id", |event, _| Values::int(event.process.pgid)),
    field("proc.is_pgid_leader", Bool, NoArg, "is the leader of its process group", leads_group),
    field("proc.is_vpgid_leader", Bool, NoArg, "is the leader of its process group", leads_group),
    field("proc.pid.ts", Int, NoArg, "start of the process, nanoseconds since the epoch", |event, _| {
        Values::optional(started(&event.process))
    }),
    field("proc.duration", Int, NoArg, "nanoseconds since the process started", |event, _| {
        age(event, Some(&event.process))
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
    field("proc.is_exe_writable", Bool, NoArg, "the process's user may write the executable", |event, _| {
        Values::bool(event.process.exe_writable)
    }),
    field("proc.ppid", Int, NoArg, "parent's process id", |event, _| Values::int(event.process.ppid)),
    field("proc.pvpid", Int, NoArg, "parent's process id as it sees itself", |event, _| {
        Values::optional(parent(event).map(|parent| Value::Int(parent.vpid.into())))
    }),
    field("proc.pname", Text, NoArg, "parent's name", |event, _| of_parent(event, |parent| &parent.name)),
    field("proc.pexe", Text, NoArg, "parent's first element of argv", |event, _| {
        of_parent(event, |parent| &parent.exe)
    }),
    field("proc.pexepath", Text, NoArg, "path of the parent's executable", |event, _| {
        of_parent(event, |parent| &parent.exepath)
    }),
    field("proc.pcmdline", Text, NoArg, "parent's name and arguments", |event, _| {
        Values::optional(parent(event).map(|parent| text(parent.cmdline())))
    }),
    field("proc.ppid.ts", Int, NoArg, "start of the parent", |event, _| {
        Values::optional(parent(event).and_then(|parent| started(parent)))
    }),
    field("proc.ppid.duration", Int, NoArg, "nanoseconds since the parent started", |event, _| {
        age(event, parent(event))
    }),
    field("proc.aname", Text, OptionalIndex, "name of an ancestor; without index, of any", |event, arg| {
        ancestors(event, arg, |process| known(&process.name))
    }),
    field("proc.aexe", Text, OptionalIndex, "argv[0] of an ancestor; without index, of any", |event, arg| {
        ancestors(event, arg, |process| known(&process.exe))
    }),
    field(
        "proc.aexepath",
        Text,
        OptionalIndex,
        "executable of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| known(&process.exepath)),
    ),
    field(
        "proc.acmdline",
        Text,
        OptionalIndex,
        "command line of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(text(process.cmdline()))),
    ),
    field(
        "proc.apid",
        Int,
        OptionalIndex,
        "process id of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(Value::Int(process.pid.into()))),
    ),
    field("thread.tid", Int, NoArg, "thread id", |event, _| Values::int(event.tid)),
    field("thread.ismain", Bool, NoArg, "is the main thread", |event, _| {
        Values::bool(event.tid == event.process.pid)
    }),
    field("thread.cap_effective", Text, NoArg, "effective capabilities", |event, _| {
        Values::text(event.process.cap_effective_text(capability::names))
    }),
    field("thread.cap_permitted", Text, NoArg, "permitted capabilities", |event, _| {
        Values::text(event.process.cap_permitted_text(capability::names))
    }),
];

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn known(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then(|| Value::Text(text.into()))
}

fn parent(event: &Event) -> Option<&Arc<Process>> {
    event.process.parent.as_ref()
}

fn of_parent(event: &Event, read: fn(&Process) -> &String) -> Values<'_> {
    parent(event).map_or(Values::Missing, |parent| Values::known(read(parent)))
}

/// With an index, that ancestor (0 is the process itself); without, any ancestor.
fn ancestors<'e>(event: &'e Event, arg: &FieldArg, read: ReadProcess) -> Values<'e> {
    match arg {
        FieldArg::Index(index) => Values::optional(event.process.lineage().nth(*index).and_then(read)),
        _ => Values::Ancestors(&event.process, read),
    }
}

fn leads_group<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    Values::bool(event.process.pgid == event.process.pid)
}

fn started(process: &Process) -> Option<Value<'static>> {
    let at = i64::try_from(process.started_at).ok()?;
    (at > 0).then_some(Value::Int(at))
}

fn age<'e>(event: &'e Event, process: Option<&Arc<Process>>) -> Values<'e> {
    match process {
        Some(process) if process.started_at > 0 => {
            Values::int(event.time.0.saturating_sub(process.started_at))
        }
        _ => Values::Missing,
    }
}

fn variable<'e>(process: &'e Process, name: &str) -> Option<Value<'e>> {
    let value = process.env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))?;
    Some(Value::Text(value.into()))
}
