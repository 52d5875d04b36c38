//! What a capture knew when it began: lists of processes, descriptors, users and groups.

use fargard_model::{ExeFile, Fd, Process};

use crate::{
    address,
    bytes::{Bytes, strings, text},
    error::Problem,
    flags::upper_layer,
    state::{Full, NewThread, State, ThreadId, User, container_id},
};

/// The lists end with padding of less than this.
const PADDING: usize = 4;

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::TooMany { what: full.what, limit: full.limit }
    }
}

/// Entries of a list, by a reader of one entry; those of sized lists are cut to the length they state.
fn each(
    body: &[u8],
    sized: bool,
    list: &'static str,
    mut read: impl FnMut(&mut Bytes<'_>) -> Result<Option<()>, Problem>,
) -> Result<(), Problem> {
    let mut rest = Bytes(body);
    let mut entry = 0;
    while rest.0.len() >= PADDING {
        entry += 1;
        let damaged = Problem::Entry { list, entry };
        let mut own = rest;
        if sized {
            let Some(len) = own.u32() else { return Err(damaged) };
            // The length counts itself.
            let Some(bytes) = own.take((len as usize).saturating_sub(4)) else { return Err(damaged) };
            rest = own;
            if read(&mut Bytes(bytes))?.is_none() {
                return Err(damaged);
            }
        } else {
            if read(&mut own)?.is_none() || own.0.len() == rest.0.len() {
                return Err(damaged);
            }
            rest = own;
        }
    }
    Ok(())
}

/// Threads of a process list; entries of version 9 and later say how long they are.
pub(crate) fn processes(state: &mut State, body: &[u8], version: u8) -> Result<(), Problem> {
    each(body, version >= 9, "process", |bytes| {
        let Some(listed) = Listed::read(bytes, version) else { return Ok(None) };
        listed.add(state)?;
        Ok(Some(()))
    })
}

struct Listed {
    tid: i64,
    ptid: i64,
    process: Process,
}

impl Listed {
    fn read(bytes: &mut Bytes<'_>, version: u8) -> Option<Self> {
        let (tid, pid, ptid) = (bytes.i64()?, bytes.i64()?, bytes.i64()?);
        let sid = if version >= 6 { bytes.i64()? } else { 0 };
        let vpgid = if version >= 8 { id(bytes.i64()?) } else { 0 };
        let mut process = Process { pid: id(pid), sid: id(sid), pgid: vpgid, vpgid, ..Process::default() };
        process.name = text(bytes.counted()?).into_owned();
        process.exe = text(bytes.counted()?).into_owned();
        if version >= 7 {
            process.exepath = text(bytes.counted()?).into_owned();
        }
        process.args = strings(bytes.counted()?).map(Into::into).collect();
        process.cwd = directory(&text(bytes.counted()?));
        bytes.u64()?; // most descriptors
        bytes.u32()?; // clone flags
        process.uid = bytes.u32()?;
        process.euid = process.uid;
        process.gid = bytes.u32()?;
        if version >= 2 {
            bytes.take(3 * 4 + 2 * 8)?; // memory and page faults
        }
        if version >= 3 {
            process.env = strings(bytes.counted()?).map(Into::into).collect();
        }
        process.vpid = process.pid;
        if version >= 4 {
            bytes.i64()?; // thread id in its own namespace
            process.vpid = id(bytes.i64()?);
            let groups = bytes.counted()?;
            process.container_id =
                container_id(groups.split(|byte| *byte == 0)).unwrap_or_default().to_owned();
        }
        if version >= 5 {
            bytes.counted()?; // root directory
        }
        if version >= 9 {
            // Whatever else the writer knew; an entry may end after any of it.
            let _ = read_rest(bytes, &mut process);
        }
        Some(Self { tid, ptid, process })
    }

    fn add(mut self, state: &mut State) -> Result<(), Problem> {
        state.name_owner(&mut self.process);
        // A process's threads share its descriptors; whichever is listed first brings the table.
        let group = i64::from(self.process.pid);
        let files = state.threads.find(group).and_then(|id| state.threads.get(id)).map(|leader| leader.files);
        let files = match files {
            Some(files) => state.files.share(files),
            None => state.files.create(),
        };
        let Self { tid, ptid, process } = self;
        state.add_thread(NewThread { tid, ptid, files, process })?;
        Ok(())
    }
}

/// Fields that entries of version 9 got over time. Two of them came in the middle: entries without them are at most
/// as long as what follows (userspace/libscap, 0.10).
fn read_rest(bytes: &mut Bytes<'_>, process: &mut Process) -> Option<()> {
    const WITHOUT: usize = 4 + 1 + 3 * 8;
    if bytes.0.len() > WITHOUT {
        bytes.u64()?; // start of its pid namespace
        process.tty = bytes.u32()?;
    }
    process.loginuid = bytes.u32().map(some_id)?;
    process.exe_writable = bytes.u8()? != 0;
    process.cap_inheritable = Some(bytes.u64()?);
    process.cap_permitted = bytes.u64()?;
    process.cap_effective = bytes.u64()?;
    process.exe_upper_layer = Some(bytes.u8()? != 0);
    process.exe_file = Some(ExeFile { inode: bytes.u64()?, ctime: bytes.u64()?, mtime: bytes.u64()? });
    process.exe_from_memfd = bytes.u8()? != 0;
    Some(())
}

/// Descriptors of one thread.
pub(crate) fn descriptors(state: &mut State, body: &[u8], sized: bool) -> Result<(), Problem> {
    let mut bytes = Bytes(body);
    let Some(tid) = bytes.i64() else { return Err(Problem::Entry { list: "descriptor", entry: 0 }) };
    let files = state.threads.find(tid).and_then(|id| state.threads.get(id)).map(|thread| thread.files);
    each(bytes.0, sized, "descriptor", |bytes| {
        let Some(fd) = descriptor(bytes, sized) else { return Ok(None) };
        if let Some(files) = files {
            state.files.set(files, &fd, &mut state.budget)?;
        }
        Ok(Some(()))
    })
}

/// An entry of a descriptor list (`scap_fd_type` of Falco's libs).
fn descriptor(bytes: &mut Bytes<'_>, sized: bool) -> Option<Fd> {
    let mut fd = Fd { num: bytes.i64()?, ino: bytes.u64(), ..Fd::default() };
    let kind = bytes.u8()?;
    let is_v6 = matches!(kind, 4 | 6);
    let ip = |bytes: &mut Bytes<'_>| if is_v6 { address::v6(bytes) } else { address::v4(bytes) };
    match kind {
        3 | 4 => {
            let (local, remote) = (ip(bytes)?, ip(bytes)?);
            let (local, remote) = ((local, bytes.u16()?).into(), (remote, bytes.u16()?).into());
            fd.l4proto = protocol(bytes.u8()?);
            fd.name = format!("{}->{}", address::address(local), address::address(remote));
            (fd.local, fd.remote) = (Some(local), Some(remote));
        }
        5 | 6 => {
            let local = (ip(bytes)?, bytes.u16()?).into();
            fd.l4proto = protocol(bytes.u8()?);
            fd.name = address::address(local);
            fd.local = Some(local);
            fd.client = Some(false);
        }
        8 => {
            bytes.take(16)?; // kernel addresses of both ends
            fd.name = text(bytes.counted()?).into_owned();
        }
        16 => {
            let flags = u64::from(bytes.u32()?);
            fd.name = text(bytes.counted()?).into_owned();
            fd.upper_layer = upper_layer(flags);
            // Unsized entries end before it.
            fd.dev = if sized { bytes.u32() } else { None };
        }
        0 | 22.. => {}
        _ => fd.name = text(bytes.counted()?).into_owned(),
    }
    fd.typechar = Some(match kind {
        1 | 16 => 'f',
        2 => 'd',
        3 | 5 => '4',
        4 | 6 => '6',
        7 => 'p',
        8 => 'u',
        9 => 'e',
        11 => 's',
        12 => 'l',
        13 => 'i',
        14 => 't',
        15 => 'n',
        17 => 'b',
        18 => 'u',
        19 => 'r',
        20 => 'm',
        21 => 'P',
        _ => 'o',
    });
    fd.nameraw.clone_from(&fd.name);
    Some(fd)
}

fn protocol(number: u8) -> Option<String> {
    let name = match number {
        2 => "tcp",
        3 => "udp",
        4 => "icmp",
        5 => "raw",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Users and groups.
pub(crate) fn users(state: &mut State, body: &[u8], sized: bool) -> Result<(), Problem> {
    const USER: u8 = 0;
    each(body, sized, "user", |bytes| {
        let mut read = || {
            let kind = bytes.u8()?;
            let id = bytes.u32()?;
            if kind == USER {
                bytes.u32()?; // group
            }
            let mut user = User { name: text(bytes.counted()?).into_owned(), ..User::default() };
            if kind == USER {
                user.home = text(bytes.counted()?).into_owned();
                user.shell = text(bytes.counted()?).into_owned();
            }
            Some((kind, id, user))
        };
        let Some((kind, id, user)) = read() else { return Ok(None) };
        if kind == USER {
            state.accounts.set_user(id, user, &mut state.budget)?;
        } else {
            state.accounts.set_group(id, user.name, &mut state.budget)?;
        }
        Ok(Some(()))
    })
}

/// After the last list: what needs all of them.
pub(crate) fn complete(state: &mut State) -> Result<(), Full> {
    state.threads.count_children();
    for id in state.threads.ids() {
        complete_thread(state, id)?;
    }
    Ok(())
}

fn complete_thread(state: &mut State, id: ThreadId) -> Result<(), Full> {
    let Some(process) = state.threads.get(id).map(|thread| thread.process()) else { return Ok(()) };
    let mut owner = Process { euid: process.euid, gid: process.gid, ..Process::default() };
    let sid = process.sid;
    state.name_owner(&mut owner);
    let sname = state.session(sid);
    let stdio = state.stdio(id);
    state.threads.update(id, &mut state.budget, |process| {
        (process.user, process.home, process.shell) = (owner.user, owner.home, owner.shell);
        process.group = owner.group;
        process.sname = sname;
        process.stdio = stdio;
    })
}

/// An id; all ones stand for none.
pub(crate) fn some_id(number: u32) -> Option<u32> {
    (number != u32::MAX).then_some(number)
}

/// A process id; negative numbers stand for none.
pub(crate) fn id(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A working directory without the slash that captures end it with.
pub(crate) fn directory(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() { "/".to_owned() } else { trimmed.to_owned() }
}
