//! Reading `/proc` without allocating.

use std::{
    ffi::CStr,
    io::Write,
    mem::MaybeUninit,
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::{
    fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, open, readlinkat_raw},
    io::Errno,
};

/// A path below `/proc/TID`, as the kernel's calls take it.
#[derive(Debug)]
pub(super) struct ProcPath([u8; 64]);

impl ProcPath {
    /// `/proc/TID/NAME`; `NAME` is short.
    pub(super) fn of(tid: u32, name: &str) -> Self {
        let mut path = [0; 64];
        let (room, _) = path.split_at_mut(63);
        let mut room = room;
        // What does not fit is cut off: the path then names nothing.
        let _ = write!(room, "/proc/{tid}/{name}");
        Self(path)
    }

    /// `/proc/TID/fd/N`.
    pub(super) fn descriptor(tid: u32, number: i32) -> Self {
        let mut path = Self::of(tid, "fd/");
        let end = path.0.iter().position(|byte| *byte == 0).unwrap_or(0);
        let (_, rest) = path.0.split_at_mut(end);
        let keep = rest.len().saturating_sub(1);
        let (mut room, _) = rest.split_at_mut(keep);
        let _ = write!(room, "{number}");
        path
    }

    /// `/proc/PID/task/TID`.
    pub(super) fn task(pid: u32, tid: u32) -> Self {
        let mut path = [0; 64];
        let (mut room, _) = path.split_at_mut(63);
        let _ = write!(room, "/proc/{pid}/task/{tid}");
        Self(path)
    }

    /// `/proc/self/fd/N` of a descriptor of this process.
    pub(super) fn own_descriptor(descriptor: &OwnedFd) -> Self {
        let mut path = [0; 64];
        let (mut room, _) = path.split_at_mut(63);
        let _ = write!(room, "/proc/self/fd/{}", descriptor.as_raw_fd());
        Self(path)
    }

    /// Opens what is there.
    pub(super) fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        open(self.text(), flags, Mode::empty())
    }

    /// A handle of the directory that is there.
    pub(super) fn directory(&self) -> Option<OwnedFd> {
        self.open(OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC).ok()
    }

    /// Whether there is such an entry.
    pub(super) fn exists(&self) -> bool {
        accessat(CWD, self.text(), Access::EXISTS, AtFlags::empty()).is_ok()
    }

    fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    /// What the link points to: bytes used, and whether there was more.
    pub(super) fn link(&self, into: &mut [u8]) -> Option<(usize, bool)> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        let room = into.len().min(buffer.len());
        let (link, _) = readlinkat_raw(CWD, self.text(), &mut buffer[..room]).ok()?;
        into[..link.len()].copy_from_slice(link);
        Some((link.len(), link.len() == room))
    }

    /// The start of the file: bytes used, and whether there may be more.
    pub(super) fn read(&self, into: &mut [u8]) -> Option<(usize, bool)> {
        let file = open(self.text(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let length = rustix::io::read(&file, &mut *into).ok()?;
        Some((length, length == into.len()))
    }

    /// Reads memory through `/proc/TID/mem`.
    pub(super) fn read_at(&self, address: u64, into: &mut [u8]) -> Option<usize> {
        let file = open(self.text(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        rustix::io::pread(&file, into, address).ok().filter(|length| *length > 0)
    }
}

/// The field of `/proc/TID/stat` with that number, counted from 1 as proc(5) does; from 3 on.
pub(super) fn stat_field(stat: &[u8], number: usize) -> Option<u64> {
    // The name before may hold anything, blanks and parentheses too.
    let after = stat.iter().rposition(|byte| *byte == b')')?;
    let field = stat.get(after + 1..)?.split(|byte| *byte == b' ').nth(number.checked_sub(2)?)?;
    std::str::from_utf8(field).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{ProcPath, stat_field};

    #[test]
    fn own_links_and_files_are_read() {
        let me = std::process::id();
        let mut buffer = [0; 4096];
        let (length, more) = ProcPath::of(me, "cwd").link(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], std::env::current_dir().unwrap().to_str().unwrap().as_bytes());
        assert!(!more);
        let (length, _) = ProcPath::of(me, "stat").read(&mut buffer).unwrap();
        assert_eq!(stat_field(&buffer[..length], 4), Some(std::os::unix::process::parent_id().into()));
        assert!(stat_field(&buffer[..length], 39).is_some());
        assert!(ProcPath::task(me, me).exists());
        assert!(!ProcPath::task(me, 1).exists());
    }

    #[test]
    fn descriptors_are_named_by_number() {
        let path = ProcPath::descriptor(12, -1);
        assert_eq!(path.text().to_str(), Ok("/proc/12/fd/-1"));
    }

    #[test]
    fn a_hostile_name_does_not_move_fields() {
        assert_eq!(stat_field(b"7 (a) b (c) S 42 1", 4), Some(42));
        assert_eq!(stat_field(b"no parenthesis", 4), None);
    }
}
