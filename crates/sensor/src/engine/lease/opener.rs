//! Who waits in a call that opens a file: threads show in `/proc/TID/syscall` which call they are in.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileExt as _, MetadataExt as _},
    },
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use fargard_model::EventType;

use crate::engine::paths::MAX_PATH;

/// Between two looks at all threads, while the opener is still on its way into its sleep.
const PAUSE: Duration = Duration::from_micros(100);
/// So many looks at least.
const LOOKS: u32 = 3;
/// Most processes and threads of one that are looked at.
const MAX_ENTRIES: usize = 8192;
const AT_FDCWD: i32 = -100;

/// A file by device and inode number.
pub(super) type FileId = (u64, u64);

/// A thread in a call on the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opener {
    /// Thread.
    pub(super) tid: u32,
    /// The open; `None` for an execution and for a truncation.
    pub(super) open: Option<Open>,
    /// The path as given.
    pub(super) raw: String,
    /// The directory it is relative to: `AT_FDCWD` or a descriptor.
    pub(super) dirfd: i32,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// Which call.
    pub(super) kind: EventType,
    /// `O_RDONLY`, ...
    pub(super) flags: u64,
    /// Of a new file.
    pub(super) mode: u64,
}

/// A call that a lease makes wait, by its number.
struct Shape {
    number: u64,
    kind: Option<EventType>,
    dirfd: Option<usize>,
    path: usize,
    how: How,
}

/// Where the flags are.
#[derive(Clone, Copy)]
enum How {
    /// In that argument, the mode in the next.
    Argument(usize),
    /// In the structure that argument points to.
    Structure(usize),
    /// There are none.
    Nowhere,
}

const fn at_path(number: u64, kind: Option<EventType>, how: How) -> Shape {
    Shape { number, kind, dirfd: None, path: 0, how }
}

const fn at_directory(number: u64, kind: Option<EventType>, how: How) -> Shape {
    Shape { number, kind, dirfd: Some(0), path: 1, how }
}

/// open, openat, openat2, execve, execveat, truncate: `arch/x86/entry/syscalls/syscall_64.tbl`, then those of
/// `syscall_32.tbl` (a number does not say which table it is from; that the path is the file's decides).
#[cfg(target_arch = "x86_64")]
const SHAPES: [Shape; 12] = [
    at_path(2, Some(EventType::Open), How::Argument(1)),
    at_directory(257, Some(EventType::Openat), How::Argument(2)),
    at_directory(437, Some(EventType::Openat2), How::Structure(2)),
    at_path(59, None, How::Nowhere),
    at_path(520, None, How::Nowhere),
    at_directory(322, None, How::Nowhere),
    at_path(76, None, How::Nowhere),
    at_path(5, Some(EventType::Open), How::Argument(1)),
    at_directory(295, Some(EventType::Openat), How::Argument(2)),
    at_path(11, None, How::Nowhere),
    at_directory(358, None, How::Nowhere),
    at_path(92, None, How::Nowhere),
];
/// The same of `include/uapi/asm-generic/unistd.h`.
#[cfg(not(target_arch = "x86_64"))]
const SHAPES: [Shape; 5] = [
    at_directory(56, Some(EventType::Openat), How::Argument(2)),
    at_directory(437, Some(EventType::Openat2), How::Structure(2)),
    at_path(221, None, How::Nowhere),
    at_directory(281, None, How::Nowhere),
    at_path(45, None, How::Nowhere),
];
/// Set in the number of an x32 call.
const X32_BIT: u64 = 0x4000_0000;

/// The threads that wait for the file, looked for until one is found or the time is over. A few looks are taken at
/// least, unless that takes until `end`: the first may come before the opener has fallen asleep.
pub(super) fn find(file: FileId, until: Instant, end: Instant) -> Vec<Opener> {
    let mut looks = 0;
    loop {
        let mut found = Vec::new();
        look_at_all(file, end, &mut found);
        looks += 1;
        let now = Instant::now();
        if !found.is_empty() || (now >= until && looks >= LOOKS) || now >= end {
            return found;
        }
        thread::park_timeout(PAUSE);
    }
}

/// First the main thread of each process, the youngest first: what opens such files is mostly short-lived. The other
/// threads only when that finds nobody: an opener is waiting.
fn look_at_all(file: FileId, until: Instant, found: &mut Vec<Opener>) {
    let mut pids = numbers(&PathBuf::from("/proc"));
    pids.sort_unstable_by_key(|pid| std::cmp::Reverse(*pid));
    for pid in &pids {
        found.extend(in_call(*pid, file));
        if Instant::now() >= until {
            return;
        }
    }
    if !found.is_empty() {
        return;
    }
    for pid in &pids {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        // A directory has a link for each directory in it and two of its own.
        if fs::metadata(&tasks).is_ok_and(|data| data.nlink() > 3) {
            for tid in numbers(&tasks).into_iter().filter(|tid| tid != pid) {
                found.extend(in_call(tid, file));
                if Instant::now() >= until {
                    return;
                }
            }
        }
    }
}

fn numbers(directory: &PathBuf) -> Vec<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.take(MAX_ENTRIES).collect()
}

/// The thread, if it is in a call on that file.
fn in_call(tid: u32, file: FileId) -> Option<Opener> {
    let mut text = [0; 256];
    let length = File::open(format!("/proc/{tid}/syscall")).ok()?.read_at(&mut text, 0).ok()?;
    let (number, args) = parse(text.get(..length)?)?;
    let shape = SHAPES.iter().find(|shape| shape.number == number & !X32_BIT)?;
    let argument = |at: usize| args.get(at).copied().unwrap_or(0);
    let dirfd = shape.dirfd.map_or(AT_FDCWD, |at| argument(at) as u32 as i32);
    let memory = File::open(format!("/proc/{tid}/mem")).ok()?;
    let path = read_text(&memory, argument(shape.path))?;
    let data = fs::metadata(path_of(tid, dirfd, &path)).ok()?;
    if (data.dev(), data.ino()) != file {
        return None;
    }
    let (flags, mode) = match shape.how {
        How::Argument(at) => (argument(at) & u64::from(u32::MAX), argument(at + 1) & 0o7777),
        How::Structure(at) => {
            let word = |offset: u64| {
                let mut bytes = [0; 8];
                memory.read_exact_at(&mut bytes, argument(at).wrapping_add(offset)).ok()?;
                Some(u64::from_ne_bytes(bytes))
            };
            (word(0)?, word(8)? & 0o7777)
        }
        How::Nowhere => (0, 0),
    };
    let open = shape.kind.map(|kind| Open { kind, flags, mode });
    Some(Opener { tid, open, raw: String::from_utf8_lossy(&path).into_owned(), dirfd })
}

/// `NUMBER 0xARG 0xARG 0xARG 0xARG 0xARG 0xARG 0xSP 0xPC`, or `running`, or `-1 0xSP 0xPC` (proc_pid_syscall(5)).
fn parse(text: &[u8]) -> Option<(u64, [u64; 6])> {
    let mut words = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some((number, args))
}

/// Text up to its NUL; read up to the end of a page first, since the next may not be there.
fn read_text(memory: &File, address: u64) -> Option<Vec<u8>> {
    const PAGE: u64 = 4096;
    let mut text = vec![0; MAX_PATH];
    let first = usize::try_from(PAGE - address % PAGE).ok()?.min(MAX_PATH);
    let mut length = 0;
    for end in [first, MAX_PATH] {
        let at = address.checked_add(u64::try_from(length).ok()?)?;
        length += memory.read_at(text.get_mut(length..end)?, at).ok()?;
        if let Some(nul) = text.get(..length)?.iter().position(|byte| *byte == 0) {
            text.truncate(nul);
            return Some(text);
        }
        if length < end {
            return None;
        }
    }
    None
}

/// The path as the thread's own root and directory have it.
fn path_of(tid: u32, dirfd: i32, path: &[u8]) -> PathBuf {
    let base = match (path.first(), dirfd) {
        (Some(b'/'), _) => format!("/proc/{tid}/root"),
        (_, AT_FDCWD) => format!("/proc/{tid}/cwd/"),
        (_, dirfd) => format!("/proc/{tid}/fd/{dirfd}/"),
    };
    let mut whole = base.into_bytes();
    whole.extend_from_slice(path);
    PathBuf::from(OsStr::from_bytes(&whole))
}

/// A process that has the file open, and the number of its descriptor; not one of `except`.
pub(super) fn holder(file: FileId, except: &[u32], until: Instant) -> Option<(u32, u32)> {
    let mut pids = numbers(&PathBuf::from("/proc"));
    pids.sort_unstable_by_key(|pid| std::cmp::Reverse(*pid));
    for pid in pids.into_iter().filter(|pid| !except.contains(pid)) {
        let directory = PathBuf::from(format!("/proc/{pid}/fd"));
        for number in numbers(&directory) {
            let data = fs::metadata(directory.join(number.to_string()));
            if data.is_ok_and(|data| (data.dev(), data.ino()) == file) {
                return Some((pid, number));
            }
            if Instant::now() >= until {
                return None;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, path_of};

    #[test]
    fn a_threads_call_is_read() {
        let text = b"257 0xffffff9c 0x7ffd1 0x80000 0x0 0x0 0x1f 0x7ffd2 0x7f3\n";
        assert_eq!(parse(text), Some((257, [0xffff_ff9c, 0x7ffd1, 0x80000, 0, 0, 0x1f])));
        for other in [&b"running\n"[..], b"-1 0x7ffd2 0x7f3\n", b"", b"257 0x", b"257 1 2 3 4 5 6"] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn paths_lead_through_the_thread() {
        assert_eq!(path_of(7, -100, b"/etc/x").to_str(), Some("/proc/7/root/etc/x"));
        assert_eq!(path_of(7, 5, b"/etc/x").to_str(), Some("/proc/7/root/etc/x"));
        assert_eq!(path_of(7, -100, b"../x").to_str(), Some("/proc/7/cwd/../x"));
        assert_eq!(path_of(7, 3, b"x").to_str(), Some("/proc/7/fd/3/x"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&text);
        }
    }
}
