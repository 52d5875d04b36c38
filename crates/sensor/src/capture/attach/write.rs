//! What the attacher saw, as records: an execution learned of after it happened.

use super::super::{
    calls::{EXECVE, NATIVE},
    notify::now,
    proc::ProcPath,
};
use crate::raw::{Head, ItemKind, MAX_RECORD, Writer};

const MAX_STAT: usize = 1024;
const MAX_STATUS: usize = 1536;
const MAX_PATH: usize = 4096;
const MAX_STRINGS: usize = 4096;

/// The record of the program a process runs, as `/proc` shows it. `None` when it is gone.
pub(super) fn execution(pid: u32, environment: bool) -> Option<Vec<u8>> {
    let head = Head { seq: 0, time: now(), tid: pid, nr: EXECVE.cast_signed(), arch: NATIVE, args: [0; 6] };
    let mut buffer = vec![0; MAX_RECORD];
    let mut writer = Writer::new(&mut buffer, &head);
    let path = |name| ProcPath::of(pid, name);
    let mut there = false;
    writer.item(ItemKind::Stat, 0, |room| path("stat").read(room.get_mut(..MAX_STAT)?));
    writer.item(ItemKind::Status, 0, |room| path("status").read(room.get_mut(..MAX_STATUS)?));
    writer.item(ItemKind::Text, 0, |room| {
        let (length, more) = path("exe").link(room.get_mut(..MAX_PATH)?)?;
        there = true;
        Some((without_deleted(&room[..length]), more))
    });
    writer.item(ItemKind::Argv, 1, |room| path("cmdline").read(room.get_mut(..MAX_STRINGS)?));
    if environment {
        writer.item(ItemKind::Env, 2, |room| path("environ").read(room.get_mut(..MAX_STRINGS)?));
    }
    writer.bytes(ItemKind::Result, 0, &0_i64.to_ne_bytes());
    let length = writer.finish();
    buffer.truncate(length);
    there.then_some(buffer)
}

/// Length of a link's text without what the kernel adds when the file was removed.
fn without_deleted(link: &[u8]) -> usize {
    link.strip_suffix(b" (deleted)")
        .filter(|path| !path.starts_with(b"/memfd:"))
        .map_or(link.len(), <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::{execution, without_deleted};
    use crate::raw::{ItemKind, RawEvent};

    #[test]
    fn a_running_program_is_described() {
        let record = execution(std::process::id(), true).unwrap();
        let event = RawEvent::parse(&record).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(event.item(ItemKind::Text, 0).unwrap().bytes, exe.to_str().unwrap().as_bytes());
        assert!(event.item(ItemKind::Argv, 1).unwrap().bytes.starts_with(b"/"));
        assert!(event.item(ItemKind::Status, 0).unwrap().bytes.starts_with(b"Name:"));
        assert_eq!(event.item(ItemKind::Result, 0).unwrap().bytes, [0; 8]);
        assert_eq!(execution(u32::MAX, false), None);
    }

    #[test]
    fn the_mark_of_a_removed_file_is_taken_off() {
        assert_eq!(without_deleted(b"/bin/x (deleted)"), 6);
        assert_eq!(without_deleted(b"/bin/x"), 6);
        assert_eq!(without_deleted(b"/memfd:x (deleted)"), 18);
    }
}
