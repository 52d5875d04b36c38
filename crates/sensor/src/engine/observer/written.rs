//! Which files were written: what the origin of later executions is told by.

use fargard_model::{Event, EventType, Outcome};

use super::Observer;
use crate::engine::confirm;

impl Observer {
    /// Remembers what the call wrote, unless it is known to have failed. Where that was not looked for and matters,
    /// it is now: once for each path.
    pub(crate) fn remember(&mut self, event: &mut Event) {
        let Some(path) = written_path(event) else { return };
        if self.origins.was_written(path) {
            return;
        }
        if event.outcome == Outcome::Attempt && !surely_writes(event) {
            self.confirm_file(event);
        }
        if !matches!(event.outcome, Outcome::Confirmed(result) if result < 0)
            && let Some(path) = written_path(event)
        {
            self.origins.written(path);
        }
    }
}

/// An open for writing that no rights and no earlier file of that name refuse.
fn surely_writes(event: &Event) -> bool {
    const O_EXCL: u64 = 0o200;
    event.kind.is_open()
        && event.flag_bits().is_none_or(|bits| bits & O_EXCL == 0)
        && confirm::ignores_modes(&event.process)
}

/// The path a call creates or writes, if it does.
pub(crate) fn written_path(event: &Event) -> Option<&str> {
    let path = match event.kind {
        EventType::Rename
        | EventType::Renameat
        | EventType::Renameat2
        | EventType::Link
        | EventType::Linkat => event.path("newpath"),
        EventType::Symlink | EventType::Symlinkat => event.path("linkpath"),
        kind if kind.is_open() && writes(event) => event.paths.first().map(|(_, path)| path.as_str()),
        _ => None,
    };
    path.filter(|path| !path.is_empty())
}

fn writes(event: &Event) -> bool {
    const O_CREAT_OR_TRUNC: u64 = 0o1_100;
    event.is_open_write() || event.flag_bits().is_some_and(|bits| bits & O_CREAT_OR_TRUNC != 0)
}
