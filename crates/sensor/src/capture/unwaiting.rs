//! Opens that do not wait (`O_NONBLOCK`): the kernel refuses them with EAGAIN where there is a lease, which no program
//! expects. So they are stopped, and held for the moment it takes the engine to give the lease back.
//!
//! Two kinds of them are frequent and not stopped: those of directories, on which there is no lease, and those with
//! no other flag, as web servers open the files they serve.

use std::{
    ffi::CStr,
    os::fd::OwnedFd,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use fargard_model::EventType;
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2},
    io::Errno,
};

use super::{
    calls::{self, AARCH64},
    layout::{MOST_PUT_OFF, Shared, Word},
    leased,
    proc::ProcPath,
    record::{MAX_TEXT, Reader},
};
use crate::sys::seccomp::Notification;

const O_CLOEXEC: u32 = 0o2_000_000;
const O_NOCTTY: u32 = 0o400;
const O_NONBLOCK: u32 = 0o4_000;
const O_PATH: u32 = 0o10_000_000;
/// Between two looks whether a lease is gone.
pub(super) const LOOK: Duration = Duration::from_micros(300);
/// After this time it is asked again, and from then on each time: the engine may have died.
const ASK_AGAIN: Duration = Duration::from_millis(60);
/// No call is held for longer, whatever the engine does.
const LONGEST: Duration = Duration::from_secs(2);

/// Flags of `open`, whose numbers are the architecture's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlagBits {
    pub(crate) nonblock: u32,
    /// Opens with one of these meet no lease: directories, and handles that open nothing.
    pub(crate) never: u32,
    /// Opens that do not wait and have one of these are stopped.
    pub(crate) others: u32,
}

impl FlagBits {
    pub(crate) fn of(arch: u32) -> Self {
        let (directory, nofollow) =
            if arch == AARCH64 { (0o40_000, 0o100_000) } else { (0o200_000, 0o400_000) };
        Self { nonblock: O_NONBLOCK, never: directory | O_PATH, others: O_CLOEXEC | O_NOCTTY | nofollow }
    }

    fn match_with(self, flags: u32) -> bool {
        flags & self.nonblock != 0 && flags & self.never == 0
    }
}

/// Which argument of an open has its flags: `Some(None)` where they are in memory, `None` for another call.
pub(crate) fn flags_of(kind: EventType) -> Option<Option<u8>> {
    match kind {
        EventType::Open => Some(Some(1)),
        EventType::Openat => Some(Some(2)),
        EventType::Openat2 => Some(None),
        _ => None,
    }
}

/// A stopped open that may meet a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwaiting {
    /// The directory's descriptor, and the path's address.
    directory: i32,
    path: u64,
    /// It is stopped for the lease alone: nothing else wants to know of it.
    pub(super) only_for_leases: bool,
}

/// The open that a call is, where leases are taken.
pub(super) fn of(shared: &Shared, call: &Notification) -> Option<Unwaiting> {
    if shared.word(Word::TakesLeases).load(SeqCst) == 0 {
        return None;
    }
    let kind = calls::lookup(call.arch, call.nr)?.kind;
    let [first, second, third, ..] = call.args;
    let (directory, path, flags) = match kind {
        EventType::Open => (libc::AT_FDCWD, first, Some(second)),
        EventType::Openat => (first as i32, second, Some(third)),
        EventType::Openat2 => (first as i32, second, None),
        _ => return None,
    };
    let bits = FlagBits::of(call.arch);
    let flags = flags.map(|flags| flags as u32);
    if flags.is_some_and(|flags| !bits.match_with(flags)) {
        return None;
    }
    let writes = |flags| flags & fargard_model::trap::OPEN_WRITE_FLAGS != 0;
    Some(Unwaiting { directory, path, only_for_leases: flags.is_some_and(|flags| !writes(flags)) })
}

impl Unwaiting {
    /// Asks for the lease on the file, if there is one: what is then to be held on to. Nothing that is looked up here
    /// waits for anybody but a disk.
    pub(super) fn ask(self, shared: &Shared, tid: u32, reader: Reader) -> Option<Asked> {
        let file = self.file(tid, reader)?;
        let data = fstat(&file).ok()?;
        if FileType::from_raw_mode(data.st_mode) != FileType::RegularFile {
            return None;
        }
        let entry = leased::find(shared, data.st_dev, data.st_ino)?;
        (leased::pass(shared, entry, tid) && is_in_the_way(&file)).then_some(Asked { file, entry, tid })
    }

    /// A handle of the file that opens nothing.
    fn file(self, tid: u32, reader: Reader) -> Option<OwnedFd> {
        let mut text = [0; MAX_TEXT];
        let (length, more) = reader.text(tid, self.path, &mut text)?;
        let text = text.get(..length).filter(|_| !more)?;
        let mut path = [0; 2 * MAX_TEXT];
        let mut end = 0;
        if text.first() != Some(&b'/') {
            let base = match self.directory {
                libc::AT_FDCWD => ProcPath::of(tid, "cwd"),
                number => ProcPath::descriptor(tid, number),
            };
            let (length, cut) = base.link(path.get_mut(..MAX_TEXT - 1)?)?;
            if cut {
                return None;
            }
            *path.get_mut(length)? = b'/';
            end = length + 1;
        }
        // The rest is zero, as the end of the path.
        path.get_mut(end..end + length)?.copy_from_slice(text);
        let path = CStr::from_bytes_until_nul(&path).ok()?;
        let own = || open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
        // Of another user's process the root is not told; it mostly is this one's.
        let root = ProcPath::of(tid, "root").directory().or_else(own)?;
        look_up(&root, path)
    }
}

/// Looks a path up without asking another machine for it: a file server that does not answer is not to hold up who
/// answers calls. A file with a lease is open, so the way to it is in the cache, unless it leads through links.
fn look_up(root: &OwnedFd, path: &CStr) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::CACHED);
    match found {
        Ok(file) => Some(file),
        // Not everything on the way is in the cache, or (before 5.12) the kernel cannot keep to it.
        Err(Errno::AGAIN | Errno::INVAL) => {
            openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_XDEV).ok()
        }
        Err(_) => None,
    }
}

/// Whether an open of the file that does not wait is refused; this one asks its holder for the lease.
fn is_in_the_way(file: &OwnedFd) -> bool {
    let path = ProcPath::own_descriptor(file);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    path.open(flags).is_err_and(|error| error == Errno::AGAIN)
}

/// A file whose lease was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    file: OwnedFd,
    entry: usize,
    tid: u32,
}

#[derive(Debug)]
struct PutOff {
    id: u64,
    asked: Asked,
    since: Instant,
}

/// Calls that wait for leases to be given back.
#[derive(Debug)]
pub(super) struct PutOffs {
    shared: Shared,
    all: [Option<PutOff>; MOST_PUT_OFF],
}

impl PutOffs {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, all: [const { None }; MOST_PUT_OFF] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.iter().all(Option::is_none)
    }

    /// Holds a call; `false` when there are too many.
    pub(super) fn add(&mut self, id: u64, asked: Asked) -> bool {
        let free = self.all.iter_mut().enumerate().find(|(_, place)| place.is_none());
        let Some((number, place)) = free else { return false };
        // Whoever has to take this one's place finds it there.
        self.shared.put_off(number).store(id, SeqCst);
        *place = Some(PutOff { id, asked, since: Instant::now() });
        true
    }

    /// Gives out a call that need not wait any longer.
    pub(super) fn next_free(&mut self) -> Option<u64> {
        for (number, place) in self.all.iter_mut().enumerate() {
            if let Some(call) = place.take_if(|call| !call.waits(&self.shared)) {
                self.shared.put_off(number).store(0, SeqCst);
                return Some(call.id);
            }
        }
        None
    }
}

impl PutOff {
    fn waits(&self, shared: &Shared) -> bool {
        let waited = self.since.elapsed();
        let lease = leased::pass(shared, self.asked.entry, self.asked.tid);
        lease && waited < LONGEST && (waited < ASK_AGAIN || is_in_the_way(&self.asked.file))
    }
}

/// The calls that a killed process held.
pub(super) fn left_behind(shared: &Shared) -> impl Iterator<Item = u64> {
    (0..MOST_PUT_OFF).map(|place| shared.put_off(place).swap(0, SeqCst)).filter(|id| *id != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{Mode, OFlags, open};

    use super::look_up;

    #[test]
    fn paths_are_looked_up_below_the_root_and_through_links() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("d/file"), "x").unwrap();
        std::os::unix::fs::symlink("/d/file", at("link")).unwrap();
        std::os::unix::fs::symlink("/proc/self/status", at("out")).unwrap();
        let root = open(place.path(), OFlags::PATH, Mode::empty()).unwrap();
        let inode =
            |path: &std::ffi::CStr| look_up(&root, path).map(|file| rustix::fs::fstat(file).unwrap().st_ino);
        let expected = rustix::fs::stat(at("d/file")).unwrap().st_ino;
        for path in [c"/d/file", c"d/../d/file", c"/../../d/file", c"/link"] {
            assert_eq!(inode(path), Some(expected), "{path:?}");
        }
        assert_eq!((inode(c"/out"), inode(c"/none")), (None, None));
    }
}
