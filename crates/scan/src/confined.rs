//! Opening files of a root file system without ever leaving it.
//!
//! Paths are walked one component at a time from the root's descriptor. Symbolic links are read as text and
//! resolved inside the root, `..` stops at the root, and the kernel is never asked to follow a link, so neither
//! a hostile link nor one swapped in during the walk leads outside. Only regular files are opened: a FIFO would
//! block, and opening some devices acts on the machine.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat},
    io::Errno,
    path::Arg,
};

/// Links followed in one path before it is taken for a loop; Linux's own limit.
const MAX_LINKS: u32 = 40;

/// Longest path accepted in bytes; Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// The root directory of a file system under scan.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

impl Root {
    /// Opens the root. Its own path is trusted and may contain links, as `/proc/PID/root` is one.
    ///
    /// # Errors
    /// The path does not lead to a directory that can be entered.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { directory: rustix::fs::openat(CWD, path, flags, Mode::empty())? })
    }

    /// Opens a regular file by its path inside the root; `None` when it is something else.
    ///
    /// # Errors
    /// The path leads nowhere, loops, is too long, or the file cannot be read.
    pub fn open_file(&self, path: &[u8]) -> io::Result<Option<(File, Stat)>> {
        let resolved = self.resolve(path)?;
        match resolved.last {
            Some(name) => open_regular(resolved.directory.as_fd(), name.as_slice()),
            None => Ok(None),
        }
    }

    /// As [`Root::open_file`], with the path without links that the file has inside the root.
    ///
    /// # Errors
    /// As [`Root::open_file`].
    pub fn open_real(&self, path: &[u8]) -> io::Result<Option<(Vec<u8>, File, Stat)>> {
        let resolved = self.resolve(path)?;
        let Some(name) = resolved.last else { return Ok(None) };
        let opened = open_regular(resolved.directory.as_fd(), name.as_slice())?;
        Ok(opened.map(|(file, stat)| ([resolved.path.as_slice(), b"/", &name].concat(), file, stat)))
    }

    /// The link that stands at a path; `None` when it is none.
    ///
    /// # Errors
    /// As [`Root::open_file`].
    pub fn link_at(&self, path: &[u8]) -> io::Result<Option<Link>> {
        let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        let path = path.get(..end).unwrap_or_default();
        let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (above, name) = path.split_at_checked(start).unwrap_or_default();
        if matches!(name, b"" | b"." | b"..") {
            return Ok(None);
        }
        let resolved = self.resolve(above)?;
        if resolved.last.is_some() {
            return Err(Errno::NOTDIR.into());
        }
        let stat = rustix::fs::statat(&resolved.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(None);
        }
        let target = rustix::fs::readlinkat(&resolved.directory, name, Vec::new())?.into_bytes();
        Ok(Some(Link { path: [resolved.path.as_slice(), b"/", name].concat(), stat, target }))
    }

    /// The status of what a path inside the root leads to.
    ///
    /// # Errors
    /// The path leads nowhere, loops or is too long.
    pub fn status(&self, path: &[u8]) -> io::Result<Stat> {
        let resolved = self.resolve(path)?;
        Ok(match resolved.last {
            Some(name) => rustix::fs::statat(&resolved.directory, name, AtFlags::SYMLINK_NOFOLLOW)?,
            None => rustix::fs::fstat(&resolved.directory)?,
        })
    }

    /// Opens a directory by its path inside the root for listing.
    ///
    /// # Errors
    /// The path leads nowhere or to something else, or the directory cannot be read.
    pub fn open_directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let resolved = self.resolve(path)?;
        let name = resolved.last.unwrap_or_else(|| b".".to_vec());
        Ok(open_directory_at(resolved.directory.as_fd(), name.as_slice())?)
    }

    /// Walks a path to its last component that is not a link.
    fn resolve(&self, path: &[u8]) -> io::Result<Resolved> {
        if path.len() > MAX_PATH {
            return Err(Errno::NAMETOOLONG.into());
        }
        let mut pending: VecDeque<Vec<u8>> = components(path).collect();
        let mut above: Vec<(OwnedFd, usize)> = Vec::new();
        let mut here = self.directory.try_clone()?;
        let mut real: Vec<u8> = Vec::new();
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            if name == b".." {
                if let Some((parent, length)) = above.pop() {
                    here = parent;
                    real.truncate(length);
                }
                continue;
            }
            let stat = rustix::fs::statat(&here, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => {
                    links += 1;
                    let target = rustix::fs::readlinkat(&here, name.as_slice(), Vec::new())?.into_bytes();
                    if links > MAX_LINKS || pending.len() + target.len() / 2 > MAX_PATH {
                        return Err(Errno::LOOP.into());
                    }
                    if target.first() == Some(&b'/') {
                        above.clear();
                        real.clear();
                        here = self.directory.try_clone()?;
                    }
                    for part in components(&target).collect::<Vec<_>>().into_iter().rev() {
                        pending.push_front(part);
                    }
                }
                FileType::Directory => {
                    let below = enter(here.as_fd(), name.as_slice())?;
                    above.push((std::mem::replace(&mut here, below), real.len()));
                    real.push(b'/');
                    real.extend_from_slice(&name);
                }
                _ if pending.is_empty() => {
                    return Ok(Resolved { directory: here, path: real, last: Some(name) });
                }
                _ => return Err(Errno::NOTDIR.into()),
            }
        }
        Ok(Resolved { directory: here, path: real, last: None })
    }
}

/// A symbolic link.
#[derive(Debug)]
pub struct Link {
    /// Its path inside the root, without links before it.
    pub path: Vec<u8>,
    /// Its own status.
    pub stat: Stat,
    /// What it says.
    pub target: Vec<u8>,
}

/// Where a path led: a directory, and the name of something else in it unless the path named the directory.
struct Resolved {
    directory: OwnedFd,
    /// The directory's path inside the root without links; empty for the root.
    path: Vec<u8>,
    last: Option<Vec<u8>>,
}

/// The parts of a path that mean something.
fn components(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec)
}

/// A handle on a directory, enough to go on from, that needs no read permission.
fn enter(parent: BorrowedFd<'_>, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Opens a directory for listing, never through a link.
pub(crate) fn open_directory_at(parent: BorrowedFd<'_>, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Opens a regular file in a directory, never through a link; `None` for anything else, which is not opened.
///
/// # Errors
/// The file is gone or cannot be read.
pub(crate) fn open_regular(
    parent: BorrowedFd<'_>,
    name: impl Arg + Copy,
) -> io::Result<Option<(File, Stat)>> {
    let before = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if !is_regular(&before) {
        return Ok(None);
    }
    // Not a controlling terminal, in case it became something else since.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open_waiting(parent, name) {
        // There is no /proc.
        Err(Errno::NOENT) => rustix::fs::openat(parent, name, flags | OFlags::NONBLOCK, Mode::empty())?,
        file => file?,
    };
    let stat = rustix::fs::fstat(&file)?;
    if !is_regular(&stat) || Kind::of(file.as_fd())? == Kind::Kernel {
        return Ok(None);
    }
    Ok(Some((File::from(file), stat)))
}

/// Opens what a handle showed to be a regular file: it cannot block as a FIFO would. Only somebody's lease on it is
/// waited for, as the sensor has on files with secrets; an open that does not wait would be refused.
fn open_waiting(parent: BorrowedFd<'_>, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    if !is_regular(&rustix::fs::fstat(&handle)?) {
        return Ok(handle);
    }
    let link = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    // A scan leaves no trace in the time of access where it may.
    match rustix::fs::open(&link, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::open(&link, flags, Mode::empty()),
        opened => opened,
    }
}

/// Whether it is a regular file.
pub(crate) fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// What stands behind a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Files that somebody wrote.
    Storage,
    /// The kernel itself: reading may block or act.
    Kernel,
    /// Another machine or a process: reading may take for ever.
    Remote,
}

impl Kind {
    /// The kind of file system a descriptor is on.
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        // The magic numbers of Linux's uapi/linux/magic.h and fs/*.
        #[expect(clippy::cast_sign_loss, reason = "the type of f_type differs; the numbers are 32 bits")]
        #[expect(clippy::cast_possible_truncation, reason = "the numbers are 32 bits")]
        let magic = rustix::fs::fstatfs(descriptor)?.f_type as u32;
        Ok(match magic {
            // proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, pstore, configfs,
            // binfmt_misc, mqueue, autofs, nsfs, selinuxfs
            0x9fa0 | 0x6265_6572 | 0x1cd1 | 0x0027_e0eb | 0x6367_7270 | 0x6462_6720 | 0x7472_6163
            | 0x7363_6673 | 0xcafe_4a11 | 0x6165_676c | 0x6265_6570 | 0x4249_4e4d | 0x1980_0202 | 0x0187
            | 0x6e73_6673 | 0xf97c_ff8c => Self::Kernel,
            // nfs, fuse, 9p, cifs, smb2, ceph
            0x6969 | 0x6573_5546 | 0x0102_1997 | 0xff53_4d42 | 0xfe53_4d42 | 0x00c3_6400 => Self::Remote,
            _ => Self::Storage,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, os::unix::fs::symlink};

    use super::Root;

    fn read(root: &Root, path: &str) -> Option<String> {
        let (mut file, _) = root.open_file(path.as_bytes()).ok()??;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn links_resolve_inside_the_root_and_never_leave_it() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "outside").unwrap();
        let inside = outside.path().join("root");
        fs::create_dir_all(inside.join("usr/bin")).unwrap();
        fs::write(inside.join("usr/bin/tool"), "inside").unwrap();
        symlink("usr/bin", inside.join("bin")).unwrap();
        symlink("/usr/bin/tool", inside.join("absolute")).unwrap();
        symlink("../../../../usr/bin/tool", inside.join("usr/up")).unwrap();
        symlink(outside.path().join("secret"), inside.join("escape")).unwrap();
        symlink("../secret", inside.join("escape-up")).unwrap();
        symlink("loop-b", inside.join("loop-a")).unwrap();
        symlink("loop-a", inside.join("loop-b")).unwrap();

        let root = Root::open(&inside).unwrap();
        for path in ["/usr/bin/tool", "bin/tool", "absolute", "/usr/up", "./usr/../../bin//tool"] {
            assert_eq!(read(&root, path).as_deref(), Some("inside"), "{path}");
            let (real, _, _) = root.open_real(path.as_bytes()).unwrap().unwrap();
            assert_eq!(real, b"/usr/bin/tool", "{path}");
        }
        let link = root.link_at(b"/usr/../absolute/").unwrap().unwrap();
        assert_eq!(
            (link.path.as_slice(), link.target.as_slice()),
            (&b"/absolute"[..], &b"/usr/bin/tool"[..])
        );
        assert!(root.link_at(b"/bin/tool").unwrap().is_none() && root.link_at(b"/").unwrap().is_none());
        for path in ["escape", "escape-up", "../secret", "loop-a", "usr/bin/tool/more", "missing", "", "usr"]
        {
            assert_eq!(read(&root, path), None, "{path}");
        }
    }

    #[test]
    fn files_of_the_kernel_are_not_read() {
        let root = Root::open("/".as_ref()).unwrap();
        assert!(root.open_file(b"/proc/self/status").unwrap().is_none());
    }
}
