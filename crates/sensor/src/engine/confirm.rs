//! Did the call succeed? What is captured at a call's entry is an attempt. Shortly after, the file system and
//! `/proc` often show what became of it. Nothing is claimed that they do not show: an event that cannot be
//! decided stays an attempt.

use std::{
    borrow::Cow,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use fargard_model::{EventType, Outcome, Process};

use super::{heads::head_of, paths, procfs::Procfs};

/// Kernels stamp files with the time of the last tick: up to 10 ms before the call.
const TICK: u64 = 10_000_000;
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
const CAP_FOWNER: u64 = 1 << 3;
const WRITE: u32 = 0o2;
const READ: u32 = 0o4;
const O_CREAT: u64 = 0o100;
const O_EXCL: u64 = 0o200;
/// Most descriptors of a process that are looked at.
const MAX_FDS: usize = 64;

/// A call on files, as far as its result can be decided from them.
#[derive(Debug)]
pub(crate) struct FileCall<'a> {
    /// Which call.
    pub(crate) kind: EventType,
    /// Its entry, nanoseconds since the epoch.
    pub(crate) time: u64,
    /// Flags of an open.
    pub(crate) flags: u64,
    /// Mode of a chmod.
    pub(crate) mode: u64,
    /// Its resolved paths in the order of the parameters.
    pub(crate) paths: &'a [(Cow<'static, str>, String)],
    /// Who made it.
    pub(crate) process: &'a Process,
    /// The first path was written by a watched process before: it may have come and gone.
    pub(crate) seen_written: bool,
}

/// What the file system says of the call.
pub(crate) fn file_outcome(call: &FileCall<'_>, procfs: &Procfs) -> Outcome {
    decide(call, procfs).map_or(Outcome::Attempt, Outcome::Confirmed)
}

fn decide(call: &FileCall<'_>, procfs: &Procfs) -> Option<i64> {
    let file = |at: usize| {
        let (_, path) = call.paths.get(at).filter(|(_, path)| !path.is_empty())?;
        Some(procfs.in_root(call.process.pid, path))
    };
    match call.kind {
        kind if kind.is_open() => opened(call, procfs, &file(0)?),
        EventType::Mkdir | EventType::Mkdirat => made(call, &file(0)?, Metadata::is_dir),
        EventType::Symlink | EventType::Symlinkat => made(call, &file(0)?, Metadata::is_symlink),
        EventType::Unlink | EventType::Unlinkat | EventType::Rmdir => removed(call, &file(0)?),
        EventType::Rename | EventType::Renameat | EventType::Renameat2 => renamed(call, &file(0)?, &file(1)?),
        EventType::Link | EventType::Linkat => linked(call, &file(0)?, &file(1)?),
        EventType::Chmod | EventType::Fchmodat | EventType::Fchmodat2 => mode_changed(call, &file(0)?),
        _ => None,
    }
}

fn opened(call: &FileCall<'_>, procfs: &Procfs, file: &Path) -> Option<i64> {
    let writes = call.kind == EventType::Creat || call.flags & 0o3 != 0;
    let creates = call.kind == EventType::Creat || call.flags & O_CREAT != 0;
    match fs::metadata(file) {
        Ok(data) => {
            if let Some(number) = descriptor_of(call.process.pid, &data, procfs) {
                return Some(number);
            }
            if creates && call.flags & O_EXCL != 0 && !is_recent(&data, call.time) {
                return Some(errno(libc::EEXIST));
            }
            let wanted = if writes { WRITE } else { READ };
            // Only a file that was there before says whether it could be opened: the creator of a file may write
            // it whatever its mode.
            let denied = !is_recent(&data, call.time) && may(call.process, &data, wanted) == Some(false);
            denied.then(|| errno(libc::EACCES))
        }
        Err(error) if is_missing(&error) => {
            if creates {
                return missing_reason(call.process, file);
            }
            (!call.seen_written).then(|| errno(libc::ENOENT))
        }
        Err(_) => None,
    }
}

/// The number of the process's newest descriptor that refers to that file.
fn descriptor_of(pid: u32, data: &Metadata, procfs: &Procfs) -> Option<i64> {
    procfs
        .descriptors(pid, MAX_FDS)
        .into_iter()
        .filter(|number| procfs.descriptor_file(pid, *number) == Some((data.dev(), data.ino())))
        .max()
        .map(i64::from)
}

/// Why a file that should have been created is not there; `None` when it may have been removed since.
fn missing_reason(process: &Process, file: &Path) -> Option<i64> {
    let directory = file.parent()?;
    match fs::metadata(directory) {
        Ok(data) if !data.is_dir() => Some(errno(libc::ENOTDIR)),
        Ok(data) if may(process, &data, WRITE) == Some(false) => Some(errno(libc::EACCES)),
        Ok(_) => is_read_only(directory).then(|| errno(libc::EROFS)),
        Err(error) if is_missing(&error) => Some(errno(libc::ENOENT)),
        Err(_) => None,
    }
}

fn made(call: &FileCall<'_>, file: &Path, right_type: impl Fn(&Metadata) -> bool) -> Option<i64> {
    match fs::symlink_metadata(file) {
        Ok(data) if is_recent(&data, call.time) && right_type(&data) => Some(0),
        Ok(data) if !is_recent(&data, call.time) => Some(errno(libc::EEXIST)),
        Ok(_) => None,
        Err(error) if is_missing(&error) => missing_reason(call.process, file),
        Err(_) => None,
    }
}

fn removed(call: &FileCall<'_>, file: &Path) -> Option<i64> {
    // That a file is gone does not say that it was there, so only failures can be told.
    let directory = file.parent()?;
    match fs::metadata(directory) {
        Ok(data) if may(call.process, &data, WRITE) == Some(false) => Some(errno(libc::EACCES)),
        Ok(_) if fs::symlink_metadata(file).is_ok() && is_read_only(directory) => Some(errno(libc::EROFS)),
        Err(error) if is_missing(&error) && !call.seen_written => Some(errno(libc::ENOENT)),
        _ => None,
    }
}

fn renamed(call: &FileCall<'_>, from: &Path, to: &Path) -> Option<i64> {
    let target = fs::symlink_metadata(to);
    let source_is_gone = fs::symlink_metadata(from).is_err_and(|error| is_missing(&error));
    match target {
        Ok(data) if source_is_gone && is_recent(&data, call.time) => Some(0),
        Err(error) if is_missing(&error) && !source_is_gone => missing_reason(call.process, to),
        _ => None,
    }
}

fn linked(call: &FileCall<'_>, from: &Path, to: &Path) -> Option<i64> {
    let target = match fs::symlink_metadata(to) {
        Ok(target) => target,
        Err(error) if is_missing(&error) => return missing_reason(call.process, to),
        Err(_) => return None,
    };
    let source = fs::metadata(from).ok()?;
    let same = (target.dev(), target.ino()) == (source.dev(), source.ino());
    (same && is_recent(&target, call.time)).then_some(0)
}

fn mode_changed(call: &FileCall<'_>, file: &Path) -> Option<i64> {
    match fs::metadata(file) {
        Ok(data) if is_recent(&data, call.time) && u64::from(data.mode() & 0o7777) == call.mode & 0o7777 => {
            Some(0)
        }
        Ok(data) => {
            let privileged = call.process.euid == 0 || call.process.cap_effective & CAP_FOWNER != 0;
            (!privileged && data.uid() != call.process.euid).then(|| errno(libc::EPERM))
        }
        Err(error) if is_missing(&error) && !call.seen_written => Some(errno(libc::ENOENT)),
        Err(_) => None,
    }
}

/// Whether an execution can have happened: the file is there and may be executed.
pub(crate) fn exec_failure(process: &Process, file: &Path, seen_written: bool) -> Option<i64> {
    match fs::metadata(file) {
        Ok(data) if !data.is_file() || data.mode() & 0o111 == 0 => Some(errno(libc::EACCES)),
        Ok(data) if process.euid != 0 && may(process, &data, 0o1) == Some(false) => Some(errno(libc::EACCES)),
        Ok(_) => has_unknown_format(file).then(|| errno(libc::ENOEXEC)),
        Err(error) if is_missing(&error) && !seen_written => Some(errno(libc::ENOENT)),
        Err(_) => None,
    }
}

/// The file is a script whose interpreter stands in it as `interpreter` says, and is none itself (`program`).
pub(crate) fn is_plain_script(file: &Path, interpreter: &str, program: &Path) -> bool {
    let plain = head_of(file).is_some_and(|head| {
        let line = head.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
        let ended = head.contains(&b'\n');
        let text = line.unwrap_or_default().trim_ascii_start();
        let rest = text.strip_prefix(interpreter.as_bytes());
        ended && rest.is_some_and(|rest| rest.first().is_none_or(|byte| b" \t".contains(byte)))
    });
    plain && head_of(program).is_some_and(|head| !head.starts_with(b"#!"))
}

/// The file is missing, or one the kernel runs by itself.
pub(crate) fn is_native(file: &Path) -> bool {
    head_of(file).is_none_or(|head| head.starts_with(b"#!") || head.starts_with(b"\x7fELF"))
}

/// The kernel runs ELF files and scripts with `#!`, and what is registered with binfmt_misc; shells try others too
/// and then read them as scripts of their own.
fn has_unknown_format(file: &Path) -> bool {
    let registered = Path::new("/proc/sys/fs/binfmt_misc/register").exists();
    let known = |head: &[u8]| head.starts_with(b"#!") || head.starts_with(b"\x7fELF");
    !registered && head_of(file).is_some_and(|head| !known(&head))
}

/// The process's user may write the file.
pub(crate) fn is_writable(process: &Process, file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| may(process, &data, WRITE) == Some(true)) && !is_read_only(file)
}

/// The process reads and writes files whatever their modes.
pub(crate) fn ignores_modes(process: &Process) -> bool {
    // Capabilities of a process that was gone before they could be read are not known.
    process.cap_effective & CAP_DAC_OVERRIDE != 0 || (process.euid == 0 && process.cap_effective == 0)
}

/// Whether the mode lets the process do that; `None` when it depends on groups that are not known.
fn may(process: &Process, data: &Metadata, wanted: u32) -> Option<bool> {
    if ignores_modes(process) {
        return Some(true);
    }
    let allows = |class: u32| (data.mode() >> class) & wanted == wanted;
    if data.uid() == process.euid {
        return Some(allows(6));
    }
    if data.gid() == process.gid {
        return Some(allows(3));
    }
    (allows(3) == allows(0)).then(|| allows(0))
}

fn is_recent(data: &Metadata, time: u64) -> bool {
    let seconds = u64::try_from(data.ctime()).unwrap_or(0);
    let changed =
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(data.ctime_nsec()).unwrap_or(0));
    changed.saturating_add(TICK) >= time
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|data| data.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

fn errno(number: i32) -> i64 {
    -i64::from(number)
}

/// The interpreter a script names after `#!`, and its argument.
pub(crate) fn interpreter_of(file: &Path) -> Option<(String, Option<String>)> {
    parse_interpreter(&head_of(file)?)
}

fn parse_interpreter(head: &[u8]) -> Option<(String, Option<String>)> {
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let text = String::from_utf8_lossy(line);
    let text = text.trim_matches([' ', '\t']);
    let (interpreter, option) = match text.split_once([' ', '\t']) {
        Some((interpreter, option)) => (interpreter, Some(option.trim_matches([' ', '\t']).to_owned())),
        None => (text, None),
    };
    (!interpreter.is_empty())
        .then(|| (paths::resolve("/", interpreter), option.filter(|text| !text.is_empty())))
}

#[cfg(test)]
mod tests;
