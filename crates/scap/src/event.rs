//! From a capture's event to one that rules look at.

use std::{fmt::Write as _, sync::Arc};

use fargard_model::{
    Arg, Container, Event, EventType, Outcome, Process, Source, Task, Timestamp, event::ArgValue,
};

use crate::{
    address::{Address, Tuple},
    apply::{About, Change, WORKING_DIRECTORY},
    bytes::{Bytes, signed, text, unsigned},
    flags,
    raw::RawEvent,
    schema::{Form, Kind, call},
    state::{Full, ThreadId},
};

/// Bytes of read and written data that are kept; captures hold the first 80 unless told otherwise.
const MAX_DATA: usize = 4096;

/// What all events of a capture share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// There is no task.
    task: Arc<Task>,
    /// Stands for who made an event that no thread made: no user, rather than root.
    nobody: Arc<Process>,
    /// What is in no container.
    outside: Arc<Container>,
}

impl Default for Shared {
    fn default() -> Self {
        let nobody = Process { uid: u32::MAX, euid: u32::MAX, gid: u32::MAX, ..Process::default() };
        Self { task: Arc::default(), nobody: Arc::new(nobody), outside: Arc::default() }
    }
}

/// Makes the event; the state is as after it.
pub(crate) fn build(
    change: &mut Change<'_, '_>,
    about: About,
    num: u64,
    shared: &Shared,
) -> Result<Event, Full> {
    let raw = change.raw;
    let kind = change.kind;
    let process = about.thread.and_then(|id| change.state.threads.snapshot(id));
    let process = process.unwrap_or_else(|| Arc::clone(&shared.nobody));
    let container = match about.thread {
        Some(thread) => change.state.container_of(thread)?,
        None => Arc::clone(&shared.outside),
    };
    let mut args = Vec::with_capacity(kind.params.len());
    let mut paths = Vec::new();
    for (position, param) in kind.params.iter().enumerate() {
        let bytes = raw.params.get(position);
        let is_outcome = param.form == Form::Result && param.name == "res";
        if is_outcome || bytes.is_empty() {
            continue;
        }
        let value = match param.form {
            Form::Path | Form::Relative => {
                let given = text(bytes).into_owned();
                let resolved = about.thread.map(|thread| path_of(change, &about, thread, position, &given));
                if let Some(resolved) = resolved {
                    paths.push((param.name.into(), resolved));
                }
                ArgValue::Path(given)
            }
            // The descriptor's name is made of it.
            Form::Tuple if about.fd.as_ref().is_some_and(|fd| fd.remote.is_some()) => {
                ArgValue::Text(about.fd.as_ref().map(|fd| fd.name.clone()).unwrap_or_default())
            }
            form => value(bytes, form),
        };
        args.push(Arg { name: param.name.into(), value });
    }
    Ok(Event {
        num,
        time: Timestamp(raw.time),
        source: Source::Syscall,
        kind: named(kind, raw),
        tid: u32::try_from(raw.tid).unwrap_or(0),
        process,
        args,
        paths,
        fd: about.fd,
        outcome: change.result().map_or(Outcome::Attempt, Outcome::Confirmed),
        evidence: fargard_model::Evidence::default(),
        task: Arc::clone(&shared.task),
        container,
    })
}

/// An open has resolved its path already.
fn path_of(
    change: &mut Change<'_, '_>,
    about: &About,
    thread: ThreadId,
    position: usize,
    given: &str,
) -> String {
    match &about.fd {
        Some(fd) if fd.nameraw == given && change.kind.has_result && !fd.name.is_empty() => fd.name.clone(),
        _ => change.resolve(thread, position, given),
    }
}

/// The type; that of a generic event is the call it names.
fn named(kind: &Kind, raw: &RawEvent<'_>) -> EventType {
    if kind.event != EventType::Syscall {
        return kind.event;
    }
    unsigned(raw.params.get(0)).and_then(call).unwrap_or(kind.event)
}

fn value(bytes: &[u8], form: Form) -> ArgValue {
    match form {
        Form::Result | Form::Int | Form::Fd => ArgValue::Int(signed(bytes).unwrap_or(0)),
        Form::Uint => ArgValue::Int(whole(bytes)),
        Form::Id => ArgValue::Int(match unsigned(bytes) {
            Some(0xffff_ffff) | None => -1,
            Some(id) => i64::try_from(id).unwrap_or(i64::MAX),
        }),
        Form::Dirfd => match signed(bytes) {
            Some(WORKING_DIRECTORY) => ArgValue::Text("AT_FDCWD".to_owned()),
            number => ArgValue::Int(number.unwrap_or(-1)),
        },
        Form::Hex => {
            let number = unsigned(bytes).unwrap_or(0);
            ArgValue::Flags(number, format!("{number:X}").into())
        }
        Form::Octal => ArgValue::Text(match unsigned(bytes) {
            Some(0) | None => "0".to_owned(),
            Some(mode) => format!("0{mode:o}"),
        }),
        Form::Flags(table) => {
            let (bits, names) = flags::flags(unsigned(bytes).unwrap_or(0), table);
            ArgValue::Flags(bits, names)
        }
        Form::Enum(table) => {
            let (number, name) = flags::value(unsigned(bytes).unwrap_or(0), table);
            ArgValue::Flags(number, name)
        }
        Form::Call => {
            let number = unsigned(bytes).unwrap_or(0);
            ArgValue::Text(call(number).map_or_else(|| number.to_string(), |call| call.name().to_owned()))
        }
        Form::Path | Form::Relative | Form::Text => ArgValue::Text(text(bytes).into_owned()),
        Form::Strings => ArgValue::Text(printable(bytes)),
        Form::Bytes => ArgValue::Bytes(bytes.get(..MAX_DATA).unwrap_or(bytes).to_vec()),
        Form::Tuple => ArgValue::Text(Tuple::read(bytes).map(|tuple| tuple.name()).unwrap_or_default()),
        Form::Address => ArgValue::Text(Address::read(bytes).map(|end| end.name()).unwrap_or_default()),
        Form::Fds => ArgValue::Text(polled(bytes)),
    }
}

fn whole(bytes: &[u8]) -> i64 {
    unsigned(bytes).map_or(0, |number| i64::try_from(number).unwrap_or(i64::MAX))
}

/// Strings as Falco shows them: what cannot be printed, and what ends each, is a dot.
fn printable(bytes: &[u8]) -> String {
    let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { *byte } else { b'.' };
    String::from_utf8(bytes.iter().map(shown).collect()).unwrap_or_default()
}

/// Descriptors and what is waited for: their number, then each with its flags.
fn polled(bytes: &[u8]) -> String {
    let mut bytes = Bytes(bytes);
    let mut line = String::new();
    for _ in 0..bytes.u16().unwrap_or(0) {
        let (Some(number), Some(flags)) = (bytes.i64(), bytes.u16()) else { break };
        if !line.is_empty() {
            line.push(' ');
        }
        let _ = write!(line, "{number}:{flags:x}");
    }
    line
}
