//! Processes: making them, becoming another program, ending.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::BorrowedFd,
};

use super::check;

/// On which side of a fork one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    /// In the new process.
    Child,
    /// In the old one; the process id of the child.
    Parent(u32),
}

fn side(pid: libc::c_long) -> Fork {
    if pid == 0 { Fork::Child } else { Fork::Parent(u32::try_from(pid).unwrap_or_default()) }
}

/// Forks the calling process. With a single thread the child may do anything; with more it must take no memory and no
/// lock, which a thread that the child lacks may hold.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the child is in a state the C library allows, and keeps to what it may do (requirement above).
    check(unsafe { libc::fork() }.into()).map(side)
}

/// As [`fork`], but the child's end sends no signal, and `wait` of the parent (and of the program it becomes)
/// does not report it unless asked with `__WALL` or `__WCLONE`.
pub(crate) fn fork_hidden() -> io::Result<Fork> {
    clone(0)
}

/// As [`fork_hidden`], and the child has the same descriptor table: what one opens or closes, the other does too.
pub(crate) fn fork_with_descriptors() -> io::Result<Fork> {
    clone(libc::CLONE_FILES)
}

fn clone(flags: libc::c_int) -> io::Result<Fork> {
    // SAFETY: without CLONE_VM and with no new stack this is a fork; the caller has a single thread.
    check(unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), 0, 0, 0, 0) }).map(side)
}

/// The open descriptor with that number, which is known to stay open until this process ends.
pub(crate) fn borrow_descriptor(number: u32) -> BorrowedFd<'static> {
    // SAFETY: open for as long as this process lives (requirement of this function), and not -1.
    unsafe { BorrowedFd::borrow_raw((number & 0x7fff_ffff).cast_signed()) }
}

/// `SCHED_FLAG_RESET_ON_FORK` of `linux/sched.h`.
const SCHED_FLAG_RESET_ON_FORK: u64 = 1;

/// `struct sched_attr` in its first size (sched_setattr(2)).
#[repr(C)]
struct SchedulingAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Asks the scheduler to let this thread run sooner, for as long as its turns are short: with slices of that many
/// nanoseconds, of at least 100,000 (Linux 6.12 and later; others do not look at it).
pub(crate) fn prefer_short_turns(nanoseconds: u64) {
    let attributes = SchedulingAttributes {
        size: 48,
        policy: 0,
        // What is forked has turns of the usual length.
        flags: SCHED_FLAG_RESET_ON_FORK,
        // Given again as it is: the call sets it.
        nice: rustix::process::getpriority_process(None).unwrap_or(0),
        priority: 0,
        runtime: nanoseconds,
        deadline: 0,
        period: 0,
    };
    // SAFETY: reads the structure, which is of the size it says. Refused, it changes nothing.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

/// This thread's reads and writes of disks wait until nobody else has any, where the disk's scheduler heeds that.
pub(crate) fn read_when_idle() {
    /// `IOPRIO_WHO_PROCESS`, and `IOPRIO_CLASS_IDLE` in its place of `linux/ioprio.h`.
    const WHO: libc::c_long = 1;
    const IDLE: libc::c_long = 3 << 13;
    // SAFETY: takes numbers only; 0 is the calling thread. Refused, it changes nothing.
    unsafe { libc::syscall(libc::SYS_ioprio_set, WHO, 0, IDLE) };
}

/// Ends the process at once: no destructors, no flushing.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code.into()) }
}

/// How a process changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It ended by itself.
    Exited(i32),
    /// A signal ended it.
    Signaled(i32),
    /// It stopped (traced): the stopping signal, and the ptrace event or 0.
    Stopped(i32, i32),
}

/// Waits for a change of a child (or tracee) of any kind; `None` for any of them.
pub(crate) fn wait(pid: Option<u32>) -> io::Result<(u32, Status)> {
    loop {
        match wait_with(pid, 0) {
            Ok(Some(change)) => return Ok(change),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes note of a child's end without waiting; `None` while it lives.
pub(crate) fn reap(pid: u32) -> Option<Status> {
    wait_with(Some(pid), libc::WNOHANG).ok().flatten().map(|(_, status)| status)
}

/// A change of any child or tracee that is there already; `None` when there is none.
pub(crate) fn next_change() -> Option<(u32, Status)> {
    wait_with(None, libc::WNOHANG).ok().flatten()
}

fn wait_with(pid: Option<u32>, options: libc::c_int) -> io::Result<Option<(u32, Status)>> {
    let target = pid.map_or(-1, u32::cast_signed);
    let mut status = 0;
    // SAFETY: writes one integer.
    let pid = check(unsafe { libc::waitpid(target, &raw mut status, options | libc::__WALL) }.into())?;
    let change = if libc::WIFEXITED(status) {
        Status::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Status::Signaled(libc::WTERMSIG(status))
    } else if libc::WIFSTOPPED(status) {
        Status::Stopped(libc::WSTOPSIG(status), status >> 16)
    } else {
        return Ok(None);
    };
    Ok(u32::try_from(pid).ok().filter(|pid| *pid != 0).map(|pid| (pid, change)))
}

/// Whether this process traces nobody: what ordinary children it has does not count.
pub(crate) fn no_tracees() -> bool {
    // SAFETY: all zero is valid, and the call writes it.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WCLONE;
    // SAFETY: writes the information only, and takes no child's status away (WNOWAIT).
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD)
}

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

/// Takes the variables whose names start with `prefix` out of this process's environment and overwrites their
/// memory, so that neither a program it becomes nor `/proc/PID/environ` of it and its children shows them. The
/// process must have a single thread. The other variables keep their order and their bytes.
pub(crate) fn forget_variables(prefix: &[u8]) {
    // SAFETY: `environ` is null or an array of C strings that ends with null; both are writable memory of this
    // process, whose only thread is here (requirement of this function), and nobody keeps references into them:
    // the standard library copies what it reads.
    unsafe {
        let mut from = environ;
        let mut to = from;
        while !from.is_null() && !(*from).is_null() {
            let variable = *from;
            let length = libc::strlen(variable);
            if std::slice::from_raw_parts(variable.cast::<u8>(), length).starts_with(prefix) {
                std::ptr::write_bytes(variable, 0, length);
            } else {
                *to = variable;
                to = to.add(1);
            }
            from = from.add(1);
        }
        if !to.is_null() {
            *to = std::ptr::null_mut();
        }
    }
}

/// Becomes another program with the environment this process has. Returns only on failure.
pub(crate) fn exec(path: &CStr, args: &[CString]) -> io::Error {
    let mut argv: Vec<*const libc::c_char> = args.iter().map(|arg| arg.as_ptr()).collect();
    argv.push(std::ptr::null());
    // SAFETY: `argv` is an array of C strings that ends with null, and `environ` is the one the C library keeps;
    // nobody changes it, since the process has one thread.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), environ.cast_const().cast()) };
    io::Error::last_os_error()
}

/// Lets a process trace this one and read its memory where the Yama module restricts that.
pub(crate) fn allow_tracer(pid: u32) {
    // SAFETY: the call takes numbers only. An error means that there is no Yama.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::from(pid), 0, 0, 0) };
}

/// Closes every descriptor from `first` on that is not in `keep` (ascending).
pub(crate) fn close_others(first: u32, keep: &[u32]) {
    let mut from = first;
    for &one in keep.iter().filter(|one| **one >= first) {
        if one > from {
            close_range(from, one - 1);
        }
        from = one + 1;
    }
    close_range(from, u32::MAX);
}

/// Closes the descriptors with these numbers.
pub(crate) fn close_range(first: u32, last: u32) {
    // SAFETY: the descriptors belong to objects of the process this one was forked from, which are not used here.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == -1 {
        // An older kernel, or a profile that does not know the call.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(65_536);
        let end = u32::try_from(limit).unwrap_or(u32::MAX).min(65_536);
        for descriptor in first..=last.min(end) {
            // SAFETY: as above.
            unsafe { libc::close(descriptor.cast_signed()) };
        }
    }
}

/// The effective user can act on any process: whether `CAP_SYS_PTRACE` is effective.
pub(crate) fn has_capability(number: u32) -> bool {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // _LINUX_CAPABILITY_VERSION_3 (linux/capability.h): two sets of effective, permitted, inheritable.
    let header = Header { version: 0x2008_0522, pid: 0 };
    let mut sets = [0u32; 6];
    // SAFETY: the header and two sets are what this version of the call takes.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) };
    let effective = u64::from(sets[0]) | u64::from(sets[3]) << 32;
    result == 0 && effective & (1 << number) != 0
}
