//! Arguments of calls as text and as numbers.

use std::fmt::Write as _;

use fargard_model::{Arg, Event, EventType, Outcome, event::ArgValue};

use super::{FieldArg, FieldType, Text, Value, Values, errno};

/// An argument as text: a path is given resolved where the sensor resolved it.
pub(super) fn text<'e>(event: &'e Event, arg: &FieldArg) -> Values<'e> {
    match find(event, arg) {
        Found::Arg(arg) => match &arg.value {
            ArgValue::Text(text) => Values::text(text.as_str()),
            ArgValue::Path(raw) => Values::text(event.path(&arg.name).unwrap_or(raw)),
            ArgValue::Flags(_, names) => Values::text(&**names),
            ArgValue::Int(number) => Values::text(Text::number(*number)),
            bytes @ ArgValue::Bytes(_) => Values::text(bytes.to_string()),
        },
        Found::Result(code) if code < 0 => Values::text(errno::name(code)),
        Found::Result(code) => Values::text(Text::number(code)),
        Found::Nothing => Values::Missing,
    }
}

/// An argument as the kernel has it.
pub(super) fn raw<'e>(event: &'e Event, arg: &FieldArg) -> Values<'e> {
    let value = match find(event, arg) {
        Found::Arg(arg) => match &arg.value {
            ArgValue::Int(number) => Some(Value::Int(*number)),
            ArgValue::Flags(bits, _) => i64::try_from(*bits).ok().map(Value::Int),
            ArgValue::Text(text) if is_mode(&arg.name) => i64::from_str_radix(text, 8).ok().map(Value::Int),
            ArgValue::Text(text) | ArgValue::Path(text) => Some(Value::Text(text.as_str().into())),
            ArgValue::Bytes(bytes) => Some(Value::Bytes(bytes)),
        },
        Found::Result(code) => Some(Value::Int(code)),
        Found::Nothing => None,
    };
    Values::optional(value)
}

/// The type of the raw argument of that name: most are numbers.
pub(crate) fn raw_type(name: &str) -> FieldType {
    const TEXTS: [&str; 26] = [
        "args",
        "comm",
        "cwd",
        "dir",
        "dirfdpath",
        "exe",
        "filename",
        "home",
        "image",
        "key",
        "linkpath",
        "name",
        "newpath",
        "oldpath",
        "path",
        "pathname",
        "quotafilepath",
        "scope",
        "shell",
        "special",
        "target",
        "trusted_exepath",
        "uargs",
        "container_id",
        "desc",
        "json",
    ];
    match name {
        "data" | "msgcontrol" | "img" => FieldType::Bytes,
        _ if TEXTS.contains(&name) => FieldType::Text,
        _ => FieldType::Int,
    }
}

fn is_mode(name: &str) -> bool {
    name == "mode"
}

enum Found<'e> {
    Arg(&'e Arg),
    /// The result, which Falco counts as the first argument.
    Result(i64),
    Nothing,
}

fn find<'e>(event: &'e Event, arg: &FieldArg) -> Found<'e> {
    let result = result(event);
    let found = match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => match (result, index.checked_sub(1)) {
            (Some((_, code)), None) => return Found::Result(code),
            (Some(_), Some(index)) => event.args.get(index),
            (None, _) => event.args.get(*index),
        },
        FieldArg::Key(name) => match (event.args.iter().find(|arg| arg.name == *name), result) {
            (None, Some((own, code))) if own == name || name == "res" => return Found::Result(code),
            (found, _) => found,
        },
    };
    found.map_or(Found::Nothing, Found::Arg)
}

/// Falco's name of the result and its value, unless it is among the arguments already.
fn result(event: &Event) -> Option<(&'static str, i64)> {
    use EventType as E;
    let Outcome::Confirmed(code) = event.outcome else { return None };
    let name = match event.kind {
        E::Open | E::Openat | E::Openat2 | E::Creat | E::OpenByHandleAt => "fd",
        E::Socket | E::Accept | E::Accept4 | E::MemfdCreate | E::Bpf => "fd",
        E::Procexit => return None,
        _ => "res",
    };
    let is_there =
        event.args.first().is_some_and(|arg| arg.name == "res" || arg.name == "fd" && name == "fd");
    (!is_there).then_some((name, code))
}

/// Every argument as `name=value`, with what it means in parentheses.
pub(super) fn line(event: &Event) -> String {
    let mut line = String::new();
    if let Some((name, code)) = result(event) {
        let _ = write!(line, "{name}={code}");
        match &event.fd {
            _ if code < 0 => {
                let _ = write!(line, "({})", errno::name(code));
            }
            Some(fd) if name == "fd" && !fd.name.is_empty() => {
                let _ = write!(line, "(<{}>{})", fd.typechar.unwrap_or('o'), fd.name);
            }
            _ => {}
        }
    }
    for arg in &event.args {
        if !line.is_empty() {
            line.push(' ');
        }
        let _ = match &arg.value {
            ArgValue::Flags(bits, names) if names.is_empty() => write!(line, "{}={bits}", arg.name),
            ArgValue::Flags(bits, names) => write!(line, "{}={bits}({names})", arg.name),
            ArgValue::Path(raw) => match event.path(&arg.name).filter(|path| path != raw) {
                Some(path) => write!(line, "{}={raw}({path})", arg.name),
                None => write!(line, "{}={raw}", arg.name),
            },
            value => write!(line, "{}={value}", arg.name),
        };
    }
    line
}

/// The permission bits a call gives a file.
pub(super) fn mode(event: &Event) -> Option<i64> {
    match event.arg("mode")? {
        ArgValue::Int(mode) => Some(*mode),
        ArgValue::Flags(mode, _) => i64::try_from(*mode).ok(),
        ArgValue::Text(mode) => i64::from_str_radix(mode, 8).ok(),
        ArgValue::Path(_) | ArgValue::Bytes(_) => None,
    }
}
