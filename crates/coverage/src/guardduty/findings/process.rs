//! `runtimeDetails`: the process that did it, those it descends from, and what the call was about.

use fargard_model::{Detection, Event, EventType, FileChange, Process, Task, event::ArgValue};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{super::list_coverage::epoch, put};
use fargard_model::Timestamp;

/// Longest lineage that is shown.
const MAX_LINEAGE: usize = 32;

/// The details of a detection.
pub(super) fn of_detection(detection: &Detection) -> Value {
    let event = &detection.event;
    json!({"process": process(&event.process, &event.task), "context": context(event)})
}

/// The details of a file's change, as far as its writer is known.
pub(super) fn of_change(change: &FileChange) -> Value {
    let context = json!({
        "filePath": change.path,
        "fileOperation": change.what(),
        "modifiedAt": epoch(change.time),
    });
    let mut details = json!({"context": context});
    if let Some(writer) = &change.writer {
        details["process"] = process(&writer.process, &change.task);
    }
    details
}

fn process(process: &Process, task: &Task) -> Value {
    let mut shown = bare(process, task);
    put(&mut shown, "pwd", &process.cwd);
    put(&mut shown, "user", &process.user);
    let lineage: Vec<Value> =
        process.lineage().skip(1).take(MAX_LINEAGE).map(|ancestor| bare(ancestor, task).into()).collect();
    shown.insert("lineage".to_owned(), lineage.into());
    shown.into()
}

/// The members that a process and an ancestor share.
fn bare(process: &Process, task: &Task) -> Map<String, Value> {
    let mut shown = Map::new();
    put(&mut shown, "name", &process.name);
    put(&mut shown, "executablePath", &process.exepath);
    for (member, number) in [
        ("pid", process.pid),
        ("namespacePid", process.vpid),
        ("userId", process.uid),
        ("euid", process.euid),
    ] {
        // Clients have signed 32 bits for them; an id that is not known is all ones.
        if let Ok(number) = i32::try_from(number) {
            shown.insert(member.to_owned(), number.into());
        }
    }
    if process.started_at != 0 {
        shown.insert("startTime".to_owned(), epoch(Timestamp(process.started_at)).into());
    }
    shown.insert("uuid".to_owned(), identity(process, task).into());
    if let Some(parent) = &process.parent {
        shown.insert("parentUuid".to_owned(), identity(parent, task).into());
    }
    shown
}

/// A process's name among all there ever were: the same in every finding.
fn identity(process: &Process, task: &Task) -> String {
    let mut hash = Sha256::new();
    hash.update(&task.arn);
    hash.update([0]);
    hash.update(process.pid.to_le_bytes());
    hash.update(process.started_at.to_le_bytes());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn text(event: &Event, name: &str) -> Option<String> {
    event.path(name).map(str::to_owned).or_else(|| event.arg(name).map(ToString::to_string))
}

/// What the call was about, in GuardDuty's members.
fn context(event: &Event) -> Value {
    let mut context = Map::new();
    let mut take = |member: &str, value: Option<String>| {
        if let Some(value) = value {
            put(&mut context, member, &value);
        }
    };
    let file = event.fd.as_ref().filter(|fd| fd.remote.is_none()).map(|fd| fd.name.clone());
    match event.kind {
        EventType::Mount => {
            take("mountSource", text(event, "dev"));
            take("mountTarget", text(event, "dir"));
            take("fileSystemType", text(event, "type"));
            if let Some(ArgValue::Flags(_, names)) = event.arg("flags") {
                let names: Vec<&str> = names.split('|').filter(|name| !name.is_empty()).collect();
                context.insert("flags".to_owned(), names.into());
            }
        }
        EventType::InitModule | EventType::FinitModule => take("moduleFilePath", file),
        kind if kind.is_exec() => take("commandLineExample", Some(event.process.cmdline().to_owned())),
        _ if event.fd.as_ref().is_some_and(|fd| fd.remote.is_some()) => {
            let fd = event.fd.as_ref();
            let family =
                fd.and_then(|fd| fd.remote).map(|to| if to.is_ipv4() { "AF_INET" } else { "AF_INET6" });
            take("addressFamily", family.map(str::to_owned));
            let protocol = match fd.and_then(|fd| fd.l4proto.as_deref()) {
                Some("tcp") => Some(6),
                Some("udp") => Some(17),
                Some("icmp") => Some(1),
                _ => None,
            };
            if let Some(protocol) = protocol {
                context.insert("ianaProtocolNumber".to_owned(), protocol.into());
            }
        }
        kind => {
            let mut paths = event.paths.iter().map(|(_, path)| path.as_str());
            let path = paths.next().map(str::to_owned).or(file);
            if path.is_some() {
                take("fileOperation", Some(kind.name().to_owned()));
                take("filePath", path);
                let related: Vec<&str> = paths.take(25).collect();
                if !related.is_empty() {
                    context.insert("relatedFilePaths".to_owned(), related.into());
                }
            }
        }
    }
    context.into()
}
