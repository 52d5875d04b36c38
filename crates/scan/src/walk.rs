//! Visiting every regular file of a root file system, within limits.

use std::{
    ffi::CStr,
    fs::File,
    io,
    ops::ControlFlow,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Instant,
};

use fargard_model::foreign::printable;
use rustix::{
    fs::{AtFlags, Dir, FileType, Stat},
    io::Errno,
};

use crate::{
    Limits,
    confined::{Kind, Root, open_directory_at, open_regular},
};

/// Names kept in a report for each kind of trouble; the rest is counted.
const NAMED: usize = 16;

/// A regular file or a symbolic link met on a walk.
#[derive(Debug)]
pub struct Entry<'walk> {
    /// Its path from the root, starting with `/`; any bytes but NUL.
    pub path: &'walk [u8],
    /// Its metadata.
    pub stat: &'walk Stat,
    directory: BorrowedFd<'walk>,
    name: &'walk CStr,
}

impl Entry<'_> {
    /// Whether it is a regular file and not a link.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        FileType::from_raw_mode(self.stat.st_mode) == FileType::RegularFile
    }

    /// What a link says; `None` when it is none or is gone.
    #[must_use]
    pub fn link_target(&self) -> Option<Vec<u8>> {
        rustix::fs::readlinkat(self.directory, self.name, Vec::new()).ok().map(std::ffi::CString::into_bytes)
    }

    /// Opens it for reading; `None` when it is no longer a regular file.
    ///
    /// # Errors
    /// The file is gone or cannot be read.
    pub fn open(&self) -> io::Result<Option<(File, Stat)>> {
        open_regular(self.directory, self.name)
    }
}

/// What a walk saw and what it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkReport {
    /// Regular files visited.
    pub files: u64,
    /// Bytes of those files as their metadata says.
    pub bytes: u64,
    /// Directories entered.
    pub directories: u64,
    /// Directories and files that could not be read.
    pub unreadable: u64,
    /// The first of those, with the reason.
    pub unreadable_named: Vec<String>,
    /// Mounts not entered (kernel, remote, or all of them unless asked for).
    pub mounts_skipped: Vec<String>,
    /// The bound that ended the walk or cut off a part of it; `None` when everything was seen.
    pub cut_short: Option<String>,
}

impl WalkReport {
    /// Notes something that could not be read.
    pub fn note_unreadable(&mut self, path: &[u8], error: &io::Error) {
        self.unreadable += 1;
        if self.unreadable_named.len() < NAMED {
            self.unreadable_named.push(format!("{}: {error}", printable(path)));
        }
    }

    /// Why the walk proves nothing about what it did not see; `None` when it saw everything it should.
    #[must_use]
    pub fn incomplete(&self) -> Option<String> {
        if let Some(reason) = &self.cut_short {
            return Some(reason.clone());
        }
        let first = self.unreadable_named.first()?;
        Some(format!("{} not readable, the first {first}", self.unreadable))
    }
}

/// A directory being read, and how long the path was before its name was added.
struct Frame {
    entries: Dir,
    handle: OwnedFd,
    path_length: usize,
    device: u64,
}

/// Visits every regular file and every link below `root`. Directories are read as streams and links are not followed, so memory
/// does not grow with the tree. The visitor ends the walk by breaking.
///
/// # Errors
/// The root itself cannot be read; troubles below it are in the report.
pub fn walk(
    root: &Path,
    limits: &Limits,
    mut visitor: impl FnMut(&Entry<'_>, &mut WalkReport) -> ControlFlow<()>,
) -> io::Result<WalkReport> {
    let opened = Root::open(root)?.open_directory(b"/")?;
    let mut walker = Walker {
        limits,
        deadline: Instant::now().checked_add(limits.time),
        path: Vec::new(),
        stack: Vec::new(),
        seen: 0,
        report: WalkReport::default(),
    };
    walker.push(opened, 0)?;
    while let Some(frame) = walker.stack.last_mut() {
        let Some(next) = frame.entries.read() else {
            walker.leave();
            continue;
        };
        let entry = match next {
            Ok(entry) => entry,
            Err(error) => {
                walker.report.note_unreadable(&walker.path, &error.into());
                walker.leave();
                continue;
            }
        };
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        if walker.spent() {
            break;
        }
        if walker.step(entry.file_name(), &mut visitor).is_break() {
            break;
        }
    }
    Ok(walker.report)
}

struct Walker<'limits> {
    limits: &'limits Limits,
    deadline: Option<Instant>,
    path: Vec<u8>,
    stack: Vec<Frame>,
    seen: u64,
    report: WalkReport,
}

impl Walker<'_> {
    /// Whether a bound on the whole walk is reached; counts the entry.
    fn spent(&mut self) -> bool {
        self.seen += 1;
        if self.seen > self.limits.entries {
            self.report.cut_short = Some(format!("more than {} entries", self.limits.entries));
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.report.cut_short = Some(format!("not finished after {} s", self.limits.time.as_secs()));
        } else {
            return false;
        }
        true
    }

    /// Looks at one entry of the directory on top: visits a file, enters a directory.
    fn step(
        &mut self,
        name: &CStr,
        visitor: &mut impl FnMut(&Entry<'_>, &mut WalkReport) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(frame) = self.stack.last() else { return ControlFlow::Break(()) };
        let path_length = self.path.len();
        self.path.push(b'/');
        self.path.extend_from_slice(name.to_bytes());
        let stat = rustix::fs::statat(&frame.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        let flow = match stat.as_ref().map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Directory) => {
                let entered = match open_directory_at(frame.handle.as_fd(), name) {
                    Ok(directory) => self.enter(directory, path_length),
                    Err(error) => {
                        self.report.note_unreadable(&self.path, &error.into());
                        false
                    }
                };
                if entered {
                    return ControlFlow::Continue(());
                }
                ControlFlow::Continue(())
            }
            Ok(FileType::RegularFile) => match &stat {
                Ok(stat) => {
                    self.report.files += 1;
                    self.report.bytes =
                        self.report.bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
                    let entry = Entry { path: &self.path, stat, directory: frame.handle.as_fd(), name };
                    visitor(&entry, &mut self.report)
                }
                Err(_) => ControlFlow::Continue(()),
            },
            Ok(FileType::Symlink) => match &stat {
                Ok(stat) => {
                    let entry = Entry { path: &self.path, stat, directory: frame.handle.as_fd(), name };
                    visitor(&entry, &mut self.report)
                }
                Err(_) => ControlFlow::Continue(()),
            },
            // Removed since it was listed: nothing to look at.
            Ok(_) | Err(&Errno::NOENT) => ControlFlow::Continue(()),
            Err(&error) => {
                self.report.note_unreadable(&self.path, &error.into());
                ControlFlow::Continue(())
            }
        };
        self.path.truncate(path_length);
        flow
    }

    /// Goes down into an opened directory unless a bound forbids it.
    fn enter(&mut self, directory: OwnedFd, path_length: usize) -> bool {
        if self.stack.len() > self.limits.depth {
            let depth = self.limits.depth;
            self.report.cut_short = Some(format!("deeper than {depth} levels: {}", printable(&self.path)));
            return false;
        }
        match self.push(directory, path_length) {
            Ok(entered) => entered,
            Err(error) => {
                self.report.note_unreadable(&self.path, &error.into());
                false
            }
        }
    }

    /// Puts a directory on the stack; `false` when it is a mount that is not to be entered.
    fn push(&mut self, directory: OwnedFd, path_length: usize) -> rustix::io::Result<bool> {
        let device = rustix::fs::fstat(&directory)?.st_dev;
        if self.stack.last().is_some_and(|above| above.device != device)
            && (!self.limits.cross_mounts || Kind::of(directory.as_fd())? != Kind::Storage)
        {
            if self.report.mounts_skipped.len() < NAMED {
                self.report.mounts_skipped.push(printable(&self.path));
            }
            return Ok(false);
        }
        let entries = Dir::read_from(&directory)?;
        self.report.directories += 1;
        self.stack.push(Frame { entries, handle: directory, path_length, device });
        Ok(true)
    }

    /// Leaves the directory on top.
    fn leave(&mut self) {
        if let Some(frame) = self.stack.pop() {
            self.path.truncate(frame.path_length);
        }
    }
}
