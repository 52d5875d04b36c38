//! `proc.*`: who made the call, and its ancestors.

use fargard_model::{Event, Process};

use super::{
    ArgKind::{None as NoArg, Optional, OptionalIndex, OptionalKey},
    Field, FieldArg,
    FieldType::{Int, Text},
    ReadProcess, Use, Value, Values, field, int_field, known, of_process, text_field,
};

/// Most ancestors that are asked for a variable of their environment, as in Falco.
const MAX_ENVIRONMENTS: usize = 20;

pub(super) const FIELDS: &[Field] = &[
    text_field("proc.exe", "first element of argv", |event| known(&event.process.exe)),
    text_field("proc.pexe", "parent's first element of argv", |event| of_parent(event, |parent| &parent.exe)),
    of_process("proc.aexe", Text, OptionalIndex, "argv[0] of an ancestor; without index, of any", |own, arg| {
        ancestors(own, arg, |process| known_value(&process.exe))
    })
    .only(Use::Alone),
    text_field("proc.exepath", "path of the executable", |event| known(&event.process.exepath)),
    text_field("proc.pexepath", "path of the parent's executable", |event| {
        of_parent(event, |parent| &parent.exepath)
    }),
    of_process(
        "proc.aexepath",
        Text,
        OptionalIndex,
        "executable of an ancestor; without index, of any",
        |own, arg| ancestors(own, arg, |process| known_value(&process.exepath)),
    )
    .only(Use::Alone),
    text_field("proc.name", "short name, at most 15 bytes", |event| known(&event.process.name)),
    text_field("proc.pname", "parent's name", |event| of_parent(event, |parent| &parent.name)),
    of_process("proc.aname", Text, OptionalIndex, "name of an ancestor; without index, of any", |own, arg| {
        ancestors(own, arg, |process| known_value(&process.name))
    })
    .only(Use::Alone),
    of_process(
        "proc.args",
        Text,
        OptionalIndex,
        "arguments, or one of them by position from 0",
        |own, arg| match arg {
            FieldArg::Index(index) => Values::optional(own.args.get(*index).map(|arg| text(arg))),
            _ => Values::text(own.args_line()),
        },
    ),
    of_process(
        "proc.aargs",
        Text,
        OptionalIndex,
        "arguments of an ancestor; without index, of any",
        |own, arg| ancestors(own, arg, |process| Some(text(process.args_line()))),
    )
    .only(Use::Alone),
    text_field("proc.cmdline", "name and arguments", |event| Some(event.process.cmdline())),
    of_process("proc.pcmdline", Text, NoArg, "parent's name and arguments", |own, _| {
        Values::optional(parent(own).map(|parent| text(parent.cmdline())))
    }),
    of_process(
        "proc.acmdline",
        Text,
        OptionalIndex,
        "command line of an ancestor; without index, of any",
        |own, arg| ancestors(own, arg, |process| Some(text(process.cmdline()))),
    )
    .only(Use::Alone),
    of_process("proc.cmdnargs", Int, NoArg, "number of arguments", |own, _| {
        Values::int(own.args.len())
    }),
    of_process("proc.cmdlenargs", Int, NoArg, "length of all arguments without the blanks between", |own, _| {
        Values::int(own.args.iter().map(String::len).sum::<usize>())
    }),
    of_process("proc.exeline", Text, NoArg, "first element of argv and arguments", |own, _| {
        Values::text(own.exeline())
    }),
    of_process("proc.env", Text, OptionalKey, "environment, or one variable by name", |own, arg| match arg {
        FieldArg::Key(name) => Values::optional(variable(own, name)),
        _ => Values::known(own.env_line()),
    }),
    of_process(
        "proc.aenv",
        Text,
        Optional,
        "environment of an ancestor by number; a variable by name of the nearest that has it; without, of any",
        |own, arg| match arg {
            FieldArg::Key(name) => {
                let mut above = own.lineage().skip(1).take(MAX_ENVIRONMENTS);
                Values::optional(above.find_map(|process| variable(process, name)))
            }
            _ => ancestors(own, arg, |process| Some(text(process.env_line()))),
        },
    )
    .only(Use::Alone),
    of_process("proc.cwd", Text, NoArg, "working directory, ended by a slash", |own, _| {
        Values::known(own.cwd_directory())
    }),
    int_field("proc.tty", Int, "controlling terminal, 0 for none", |event| Some(event.process.tty.into()))
    .typed("UINT32"),
    of_process("proc.pid", Int, NoArg, "process id in the sensor's namespace", |own, _| {
        Values::int(own.pid)
    })
    .typed("INT64"),
    of_process("proc.ppid", Int, NoArg, "parent's process id", |own, _| Values::int(own.ppid))
        .typed("INT64"),
    of_process(
        "proc.apid",
        Int,
        OptionalIndex,
        "process id of an ancestor; without index, of any",
        |own, arg| ancestors(own, arg, |process| Some(Value::Int(process.pid.into()))),
    )
    .typed("INT64")
    .only(Use::Alone),
    of_process("proc.vpid", Int, NoArg, "process id as the process sees it", |own, _| {
        Values::int(own.vpid)
    })
    .typed("INT64"),
    of_process("proc.pvpid", Int, NoArg, "parent's process id as it sees itself", |own, _| {
        Values::optional(parent(own).map(|parent| Value::Int(parent.vpid.into())))
    })
    .typed("INT64"),
    field("proc.duration", Int, NoArg, "nanoseconds since the process started", |event, _| {
        age(event, Some(&event.process))
    })
    .typed("RELTIME"),
    field("proc.ppid.duration", Int, NoArg, "nanoseconds since the parent started", |event, _| {
        age(event, parent(&event.process))
    })
    .typed("RELTIME"),
    of_process("proc.pid.ts", Int, NoArg, "start of the process, nanoseconds since the epoch", |own, _| {
        Values::optional(started(own))
    })
    .typed("RELTIME"),
    of_process("proc.ppid.ts", Int, NoArg, "start of the parent", |own, _| {
        Values::optional(parent(own).and_then(started))
    })
    .typed("RELTIME"),
];

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn known_value(text: &str) -> Option<Value<'_>> {
    known(text).map(|text| Value::Text(text.into()))
}

fn parent(own: &Process) -> Option<&Process> {
    own.parent.as_deref()
}

fn of_parent(event: &Event, read: fn(&Process) -> &String) -> Option<&str> {
    parent(&event.process).and_then(|parent| known(read(parent)))
}

/// With an index, that ancestor (0 is the process itself); without, any ancestor.
fn ancestors<'e>(own: &'e Process, arg: &FieldArg, read: ReadProcess) -> Values<'e> {
    match arg {
        FieldArg::Index(index) => Values::optional(own.lineage().nth(*index).and_then(read)),
        _ => Values::Ancestors(own, read),
    }
}

fn started(process: &Process) -> Option<Value<'static>> {
    let at = i64::try_from(process.started_at).ok()?;
    (at > 0).then_some(Value::Int(at))
}

fn age<'e>(event: &'e Event, process: Option<&Process>) -> Values<'e> {
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
