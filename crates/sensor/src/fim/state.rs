//! What a path leads to: looked at without following links, without blocking and without any effect on the file.

use std::{
    fs::File,
    io::Read as _,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use fargard_model::{FileKind, FileState};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, openat, openat2},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::pace::Pace;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// What is kept of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) hash: Option<Hash>,
    /// Type and permission bits as `st_mode` has them.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) links: u32,
    pub(crate) size: u64,
    pub(crate) inode: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime: u64,
    pub(crate) ctime: u64,
}

/// What a look gave.
#[derive(Debug)]
pub(crate) enum Look {
    /// There is nothing.
    Gone,
    /// It is there. `complete` is false when its content should have been hashed and could not be.
    Is { state: State, complete: bool },
    /// It was changed while it was read: look again.
    InFlux,
    /// It cannot be looked at.
    Unreadable,
}

/// Whether and how content is hashed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashing {
    /// Largest file that is hashed; 0 for none.
    pub(crate) most: u64,
    /// The state known, whose hash stands as long as the file's times, size and inode do.
    pub(crate) known: Option<State>,
}

impl State {
    fn of(stat: &Stat) -> Self {
        let nanoseconds = |seconds: i64, rest: u64| {
            u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(rest)
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        Self {
            hash: None,
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            links: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
            // A directory's size says how many names it has or had.
            size: if kind == FileType::Directory { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) },
            inode: stat.st_ino,
            mtime: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    pub(crate) fn kind(&self) -> FileKind {
        match FileType::from_raw_mode(self.mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Other,
        }
    }

    /// The same file with nothing done to it since.
    pub(crate) fn is_untouched(&self, other: &Self) -> bool {
        (self.inode, self.size, self.mtime, self.ctime) == (other.inode, other.size, other.mtime, other.ctime)
    }

    /// As records tell it.
    pub(crate) fn to_record(self) -> FileState {
        FileState {
            kind: self.kind(),
            mode: self.mode & 0o7777,
            uid: self.uid,
            gid: self.gid,
            size: self.size,
            mtime: self.mtime,
            links: u64::from(self.links),
            sha256: self.hash.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

/// The root below which paths are looked at.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
    /// The kernel, and what filters its calls, let `openat2` be used: then no component is a link.
    strict: AtomicBool,
}

impl Root {
    /// Opens a root.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { directory, strict: AtomicBool::new(true) })
    }

    /// A handle of what is at an absolute path, through no link, that opens nothing.
    pub(crate) fn handle(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below: &[u8] = match path.iter().position(|byte| *byte != b'/') {
            Some(at) => path.get(at..).unwrap_or_default(),
            None => b".",
        };
        if self.strict.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match openat2(&self.directory, below, flags, Mode::empty(), resolve) {
                Err(Errno::NOSYS | Errno::PERM) => self.strict.store(false, Ordering::Relaxed),
                outcome => return outcome,
            }
        }
        openat(&self.directory, below, flags, Mode::empty())
    }

    /// Looks at a path.
    pub(crate) fn look(&self, path: &[u8], hashing: Hashing, pace: &mut Pace) -> Look {
        let handle = match self.handle(path) {
            Ok(handle) => handle,
            // A link where a directory was is another path.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Look::Gone,
            Err(_) => return Look::Unreadable,
        };
        let Ok(stat) = rustix::fs::fstat(&handle) else { return Look::Unreadable };
        let mut state = State::of(&stat);
        if hashing.most == 0 {
            return Look::Is { state, complete: true };
        }
        if let Some(known) = hashing.known.filter(|known| known.hash.is_some() && known.is_untouched(&state))
        {
            state.hash = known.hash;
            return Look::Is { state, complete: true };
        }
        match state.kind() {
            FileKind::Symlink => {
                let target = rustix::fs::readlinkat(&handle, "", Vec::new());
                state.hash = target.ok().map(|target| Sha256::digest(target.as_bytes()).into());
                Look::Is { state, complete: state.hash.is_some() }
            }
            FileKind::File if state.size > hashing.most => Look::Is { state, complete: false },
            FileKind::File => hash(handle.as_fd(), state, pace),
            FileKind::Directory | FileKind::Other => Look::Is { state, complete: true },
        }
    }
}

/// Hashes a regular file.
fn hash(handle: BorrowedFd<'_>, state: State, pace: &mut Pace) -> Look {
    let Some(mut file) = reopen(handle) else { return Look::Is { state, complete: false } };
    let mut sha = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut length = 0_u64;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                sha.update(buffer.get(..read).unwrap_or_default());
                length += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Look::Is { state, complete: false },
        }
        if length > state.size {
            // It grows: reading on might never end.
            break;
        }
        pace.rest();
    }
    let Ok(after) = rustix::fs::fstat(handle) else { return Look::Is { state, complete: false } };
    let after = State::of(&after);
    if length != state.size || !after.is_untouched(&state) {
        return Look::InFlux;
    }
    Look::Is { state: State { hash: Some(sha.finalize().into()), ..state }, complete: true }
}

/// Opens for reading what a handle of a regular file stands for. Its type is known, so this neither blocks nor acts
/// on a device; its time of access stays where that is allowed.
fn reopen(handle: BorrowedFd<'_>) -> Option<File> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let open = |more: i32| {
        File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | more).open(&path)
    };
    open(libc::O_NOATIME).or_else(|_| open(0)).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::Path,
    };

    use fargard_model::FileKind;

    use super::{Hashing, Look, Root, State};
    use crate::fim::pace::Pace;

    fn look(root: &Path, path: &str, most: u64) -> Look {
        Root::open(root).unwrap().look(path.as_bytes(), Hashing { most, known: None }, &mut Pace::unlimited())
    }

    fn state(look: Look) -> State {
        match look {
            Look::Is { state, .. } => state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn hashes_are_those_of_sha256sum() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a\nb"), vec![7; 300_000]).unwrap();
        let found = state(look(root.path(), "/a\nb", 1 << 20)).to_record().sha256.unwrap();
        let output = std::process::Command::new("sha256sum").arg(root.path().join("a\nb")).output().unwrap();
        let expected = String::from_utf8(output.stdout).unwrap();
        assert!(expected.contains(&found), "{expected} {found}");
    }

    #[test]
    fn nothing_else_than_files_is_opened() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o644.into(), 0)
            .unwrap();
        symlink("/etc/shadow", at("link")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        symlink(at("directory"), at("way")).unwrap();
        fs::write(at("directory/file"), "x").unwrap();
        let sparse = fs::File::create(at("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        assert_eq!(state(look(root.path(), "/fifo", 1 << 20)).kind(), FileKind::Other);
        let link = state(look(root.path(), "/link", 1 << 20));
        assert!(link.kind() == FileKind::Symlink && link.hash.is_some());
        assert!(matches!(look(root.path(), "/sparse", 1 << 20), Look::Is { complete: false, .. }));
        assert!(matches!(look(root.path(), "/way/file", 1 << 20), Look::Gone), "not through a link");
        assert!(matches!(look(root.path(), "/none", 1 << 20), Look::Gone));
        assert!(matches!(look(root.path(), "/directory/file/x", 1 << 20), Look::Gone));
    }

    #[test]
    fn an_untouched_file_keeps_its_hash_and_access_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "one").unwrap();
        let accessed = fs::metadata(&path).unwrap().accessed().unwrap();
        let before = state(look(root.path(), "/file", 100));
        let forged = State { hash: Some([9; 32]), ..before };
        let hashing = Hashing { most: 100, known: Some(forged) };
        let root_handle = Root::open(root.path()).unwrap();
        let kept = state(root_handle.look(b"/file", hashing, &mut Pace::unlimited()));
        assert_eq!(kept.hash, Some([9; 32]));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let again = state(root_handle.look(b"/file", hashing, &mut Pace::unlimited()));
        assert_eq!((again.hash, again.mode & 0o777), (before.hash, 0o600));
        assert_eq!(fs::metadata(&path).unwrap().accessed().unwrap(), accessed);
    }
}
