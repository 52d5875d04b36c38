//! Who did it: calls on monitored paths that were stopped lately, to be joined with what is seen of the files.

use std::{collections::HashMap, path::Path, sync::Arc};

use fargard_model::{Change, Event, EventType, Outcome, Process, Timestamp, Writer};

use super::policy::is_virtual;
use crate::engine::written_path;

/// A call that comes this much before the first notice of a change may have made it.
const BEFORE: u64 = 3_000_000_000;
/// A notice is read this much later than the call that caused it at most, on an idle machine; clocks are the same.
const AFTER: u64 = 500_000_000;
/// Calls kept of a path, and paths.
const MAX_CALLS: usize = 8;
const MAX_PATHS: usize = 4096;
/// Descriptors of a process that are looked at.
const MAX_DESCRIPTORS: usize = 1024;

/// A call that may change a file.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: Vec<u8>,
    pub(crate) time: Timestamp,
    kind: EventType,
    process: Arc<Process>,
    /// What it can change.
    explains: &'static [Change],
    /// It gives a descriptor, with which the file can be changed later.
    opens: bool,
}

/// Whether an event can be a call of interest, and the path it names is only known after a look.
pub(crate) fn needs_look(kind: EventType) -> bool {
    matches!(kind, EventType::Fchmod | EventType::Fchown)
}

/// What an event may have changed; most calls nothing.
pub(crate) fn calls(event: &Event) -> Vec<Call> {
    use Change::{Content, Create, Delete, Link, Mode, Owner, Rename, Shrink};
    if matches!(event.outcome, Outcome::Confirmed(result) if result < 0) {
        return Vec::new();
    }
    let mut calls = Vec::new();
    let mut add = |path: Option<&str>, explains: &'static [Change], opens: bool| {
        if let Some(path) = path.filter(|path| path.starts_with('/') && !is_virtual(path.as_bytes())) {
            calls.push(Call {
                path: path.as_bytes().to_vec(),
                time: event.time,
                kind: event.kind,
                process: Arc::clone(&event.process),
                explains,
                opens,
            });
        }
    };
    let first = event.paths.first().map(|(_, path)| path.as_str());
    match event.kind {
        EventType::Rename | EventType::Renameat | EventType::Renameat2 => {
            add(event.path("oldpath"), &[Delete, Rename], false);
            add(event.path("newpath"), &[Create, Rename, Content, Shrink, Mode, Owner, Link], false);
        }
        EventType::Link | EventType::Linkat => {
            add(event.path("oldpath"), &[Link], false);
            add(event.path("newpath"), &[Create, Link], false);
        }
        EventType::Symlink | EventType::Symlinkat => add(written_path(event), &[Create, Content], false),
        EventType::Unlink | EventType::Unlinkat | EventType::Rmdir => add(first, &[Delete, Link], false),
        EventType::Mkdir | EventType::Mkdirat => add(first, &[Create], false),
        EventType::Chmod | EventType::Fchmodat | EventType::Fchmodat2 => add(first, &[Mode], false),
        EventType::Chown | EventType::Lchown | EventType::Fchownat => add(first, &[Owner, Mode], false),
        EventType::Fchmod => add(event.fd.as_ref().map(|fd| fd.name.as_str()), &[Mode], false),
        EventType::Fchown => add(event.fd.as_ref().map(|fd| fd.name.as_str()), &[Owner, Mode], false),
        kind if kind.is_open() => add(written_path(event), &[Create, Content, Shrink, Mode, Owner], true),
        _ => {}
    }
    calls
}

/// Calls by path.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    calls: HashMap<Vec<u8>, Vec<Call>>,
}

impl Writers {
    /// Remembers a call. Returns how many others had to be forgotten.
    pub(crate) fn add(&mut self, call: Call) -> u64 {
        let mut forgotten = 0;
        if self.calls.len() >= MAX_PATHS && !self.calls.contains_key(&call.path) {
            let mut times: Vec<u64> =
                self.calls.values().filter_map(|calls| calls.last()).map(|call| call.time.0).collect();
            let middle = times.len() / 2;
            let (_, oldest, _) = times.select_nth_unstable(middle);
            let oldest = *oldest;
            let before = self.calls.len();
            self.calls.retain(|_, calls| calls.last().is_some_and(|call| call.time.0 > oldest));
            forgotten = (before - self.calls.len()) as u64;
        }
        let calls = self.calls.entry(call.path.clone()).or_default();
        if calls.len() == MAX_CALLS {
            calls.remove(0);
        }
        calls.push(call);
        forgotten
    }

    /// The latest call on a path that explains one of the changes, which were noticed from `first` to `last`.
    pub(crate) fn find(
        &self,
        path: &[u8],
        changes: &[Change],
        first: Timestamp,
        last: Timestamp,
    ) -> Option<Writer> {
        let fits = |call: &&Call| {
            call.time.0 <= last.0.saturating_add(AFTER)
                && call.explains.iter().any(|change| changes.contains(change))
                && (call.time.0 >= first.0.saturating_sub(BEFORE) || (call.opens && is_open(call)))
        };
        let call = self.calls.get(path)?.iter().filter(fits).max_by_key(|call| call.time)?;
        Some(Writer { time: call.time, call: call.kind, process: Arc::clone(&call.process) })
    }

    /// What was done to a path until then is dealt with: only who still holds it open may do more.
    pub(crate) fn settle(&mut self, path: &[u8], until: Timestamp) {
        if let Some(calls) = self.calls.get_mut(path) {
            calls.retain(|call| call.time > until || (call.opens && is_open(call)));
            if calls.is_empty() {
                self.calls.remove(path);
            }
        }
    }
}

/// Whether the process still has a descriptor of the file.
fn is_open(call: &Call) -> bool {
    let Ok(descriptors) = std::fs::read_dir(Path::new("/proc").join(call.process.pid.to_string()).join("fd"))
    else {
        return false;
    };
    descriptors.take(MAX_DESCRIPTORS).flatten().any(|descriptor| {
        std::fs::read_link(descriptor.path())
            .is_ok_and(|link| std::os::unix::ffi::OsStrExt::as_bytes(link.as_os_str()) == call.path)
    })
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Arc};

    use fargard_model::{Change, EventType, Process, Timestamp};

    use super::{AFTER, BEFORE, Call, MAX_PATHS, Writers};

    fn call(path: &str, time: u64, kind: EventType, explains: &'static [Change], pid: u32) -> Call {
        Call {
            path: path.into(),
            time: Timestamp(time),
            kind,
            process: Arc::new(Process { pid, ..Process::default() }),
            explains,
            opens: kind.is_open(),
        }
    }

    #[test]
    fn the_latest_call_that_explains_the_change_in_its_time_made_it() {
        const SECOND: u64 = 1_000_000_000;
        let mut writers = Writers::default();
        writers.add(call("/f", 100 * SECOND, EventType::Chmod, &[Change::Mode], 1));
        writers.add(call("/f", 101 * SECOND, EventType::Fchmodat, &[Change::Mode], 2));
        let find = |writers: &Writers, change, first: u64| {
            writers
                .find(b"/f", &[change], Timestamp(first), Timestamp(first))
                .map(|writer| writer.process.pid)
        };
        assert_eq!(find(&writers, Change::Mode, 101 * SECOND), Some(2));
        assert_eq!(find(&writers, Change::Content, 101 * SECOND), None, "chmod writes nothing");
        assert_eq!(find(&writers, Change::Mode, 101 * SECOND + BEFORE + 1), None, "too long ago");
        assert_eq!(find(&writers, Change::Mode, 100 * SECOND - AFTER - 1), None, "not yet");
        writers.settle(b"/f", Timestamp(100 * SECOND));
        assert_eq!(find(&writers, Change::Mode, 101 * SECOND), Some(2));
        writers.settle(b"/f", Timestamp(101 * SECOND));
        assert_eq!(find(&writers, Change::Mode, 101 * SECOND), None);
    }

    #[test]
    fn who_holds_the_file_open_may_write_for_ever() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let path = path.as_str();
        let held = File::open(path).unwrap();
        let mut writers = Writers::default();
        writers.add(call(path, 1, EventType::Openat, &[Change::Content], std::process::id()));
        let late = Timestamp(u64::MAX / 2);
        writers.settle(path.as_bytes(), late);
        assert!(writers.find(path.as_bytes(), &[Change::Content], late, late).is_some());
        drop(held);
        drop(file.into_temp_path());
        assert!(writers.find(path.as_bytes(), &[Change::Content], late, late).is_none());
    }

    #[test]
    fn the_table_is_bounded() {
        let mut writers = Writers::default();
        let forgotten: u64 = (0..3 * MAX_PATHS as u64)
            .map(|time| {
                writers.add(call(&format!("/{time}"), time, EventType::Openat, &[Change::Content], 1))
            })
            .sum();
        assert!(writers.calls.len() <= MAX_PATHS);
        assert_eq!(forgotten + writers.calls.len() as u64, 3 * MAX_PATHS as u64);
        assert!(writers.calls.contains_key(format!("/{}", 3 * MAX_PATHS - 1).as_bytes()));
    }
}
