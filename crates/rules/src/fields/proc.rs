//! `proc.*`: who made the call, and its ancestors.

use std::sync::Arc;

use fargard_model::{Event, Process};

use super::{
    ArgKind::{None as NoArg, Optional, OptionalIndex, OptionalKey},
    Field, FieldArg,
    FieldType::{Int, Text},
    ReadProcess, Use, Value, Values, field,
};

/// Most ancestors that are asked for a variable of their environment, as in Falco.
const MAX_ENVIRONMENTS: usize = 20;

pub(super) const FIELDS: &[Field] = &[
    field("proc.exe", Text, NoArg, "first element of argv", |event, _| Values::known(&event.process.exe)),
    field("proc.pexe", Text, NoArg, "parent's first element of argv", |event, _| {
        of_parent(event, |parent| &parent.exe)
    }),
    field("proc.aexe", Text, OptionalIndex, "argv[0] of an ancestor; without index, of any", |event, arg| {
        ancestors(event, arg, |process| known(&process.exe))
    })
    .only(Use::Alone),
    field("proc.exepath", Text, NoArg, "path of the executable", |event, _| {
        Values::known(&event.process.exepath)
    }),
    field("proc.pexepath", Text, NoArg, "path of the parent's executable", |event, _| {
        of_parent(event, |parent| &parent.exepath)
    }),
    field(
        "proc.aexepath",
        Text,
        OptionalIndex,
        "executable of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| known(&process.exepath)),
    )
    .only(Use::Alone),
    field("proc.name", Text, NoArg, "short name, at most 15 bytes", |event, _| {
        Values::known(&event.process.name)
    }),
    field("proc.pname", Text, NoArg, "parent's name", |event, _| of_parent(event, |parent| &parent.name)),
    field("proc.aname", Text, OptionalIndex, "name of an ancestor; without index, of any", |event, arg| {
        ancestors(event, arg, |process| known(&process.name))
    })
    .only(Use::Alone),
    field(
        "proc.args",
        Text,
        OptionalIndex,
        "arguments, or one of them by position from 0",
        |event, arg| match arg {
            FieldArg::Index(index) => Values::optional(event.process.args.get(*index).map(|arg| text(arg))),
            _ => Values::text(event.process.args_line()),
        },
    ),
    field(
        "proc.aargs",
        Text,
        OptionalIndex,
        "arguments of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(text(process.args_line()))),
    )
    .only(Use::Alone),
    field("proc.cmdline", Text, NoArg, "name and arguments", |event, _| Values::text(event.process.cmdline())),
    field("proc.pcmdline", Text, NoArg, "parent's name and arguments", |event, _| {
        Values::optional(parent(event).map(|parent| text(parent.cmdline())))
    }),
    field(
        "proc.acmdline",
        Text,
        OptionalIndex,
        "command line of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(text(process.cmdline()))),
    )
    .only(Use::Alone),
    field("proc.cmdnargs", Int, NoArg, "number of arguments", |event, _| {
        Values::int(event.process.args.len())
    }),
    field("proc.cmdlenargs", Int, NoArg, "length of all arguments without the blanks between", |event, _| {
        Values::int(event.process.args.iter().map(String::len).sum::<usize>())
    }),
    field("proc.exeline", Text, NoArg, "first element of argv and arguments", |event, _| {
        Values::text(event.process.exeline())
    }),
    field("proc.env", Text, OptionalKey, "environment, or one variable by name", |event, arg| match arg {
        FieldArg::Key(name) => Values::optional(variable(&event.process, name)),
        _ => Values::known(event.process.env_line()),
    }),
    field(
        "proc.aenv",
        Text,
        Optional,
        "environment of an ancestor by number; a variable by name of the nearest that has it; without, of any",
        |event, arg| match arg {
            FieldArg::Key(name) => {
                let mut above = event.process.lineage().skip(1).take(MAX_ENVIRONMENTS);
                Values::optional(above.find_map(|process| variable(process, name)))
            }
            _ => ancestors(event, arg, |process| Some(text(process.env_line()))),
        },
    )
    .only(Use::Alone),
    field("proc.cwd", Text, NoArg, "working directory, ended by a slash", |event, _| {
        Values::known(event.process.cwd_directory())
    }),
    field("proc.tty", Int, NoArg, "controlling terminal, 0 for none", |event, _| {
        Values::int(event.process.tty)
    })
    .typed("UINT32"),
    field("proc.pid", Int, NoArg, "process id in the sensor's namespace", |event, _| {
        Values::int(event.process.pid)
    })
    .typed("INT64"),
    field("proc.ppid", Int, NoArg, "parent's process id", |event, _| Values::int(event.process.ppid))
        .typed("INT64"),
    field(
        "proc.apid",
        Int,
        OptionalIndex,
        "process id of an ancestor; without index, of any",
        |event, arg| ancestors(event, arg, |process| Some(Value::Int(process.pid.into()))),
    )
    .typed("INT64")
    .only(Use::Alone),
    field("proc.vpid", Int, NoArg, "process id as the process sees it", |event, _| {
        Values::int(event.process.vpid)
    })
    .typed("INT64"),
    field("proc.pvpid", Int, NoArg, "parent's process id as it sees itself", |event, _| {
        Values::optional(parent(event).map(|parent| Value::Int(parent.vpid.into())))
    })
    .typed("INT64"),
    field("proc.duration", Int, NoArg, "nanoseconds since the process started", |event, _| {
        age(event, Some(&event.process))
    })
    .typed("RELTIME"),
    field("proc.ppid.duration", Int, NoArg, "nanoseconds since the parent started", |event, _| {
        age(event, parent(event))
    })
    .typed("RELTIME"),
    field("proc.pid.ts", Int, NoArg, "start of the process, nanoseconds since the epoch", |event, _| {
        Values::optional(started(&event.process))
    })
    .typed("RELTIME"),
    field("proc.ppid.ts", Int, NoArg, "start of the parent", |event, _| {
        Values::optional(parent(event).and_then(|parent| started(parent)))
    })
    .typed("RELTIME"),
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
