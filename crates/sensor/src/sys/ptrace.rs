//! Tracing processes without changing their behaviour.

use std::io;

use super::check;

/// A child was made by fork, vfork or clone, or a filter selected a call.
pub(crate) const EVENT_FORK: i32 = libc::PTRACE_EVENT_FORK;
pub(crate) const EVENT_VFORK: i32 = libc::PTRACE_EVENT_VFORK;
pub(crate) const EVENT_CLONE: i32 = libc::PTRACE_EVENT_CLONE;
pub(crate) const EVENT_SECCOMP: i32 = libc::PTRACE_EVENT_SECCOMP;
/// A new tracee's first stop, or a group-stop.
pub(crate) const EVENT_STOP: i32 = libc::PTRACE_EVENT_STOP;

/// `PTRACE_GET_SYSCALL_INFO` and `PTRACE_SYSCALL_INFO_SECCOMP` of `linux/ptrace.h`.
const GET_SYSCALL_INFO: Request = 0x420e;
const SYSCALL_INFO_SECCOMP: u8 = 3;

/// The C libraries differ in the type of a request.
#[cfg(target_env = "musl")]
type Request = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

fn request(request: Request, tid: u32, address: usize, data: usize) -> io::Result<libc::c_long> {
    // SAFETY: only called with requests whose address and data are numbers, or memory of that size (below).
    check(unsafe { libc::ptrace(request, tid.cast_signed(), address, data) })
}

/// Becomes the tracer of a process and of all it will make; it is not stopped by that.
pub(crate) fn seize(tid: u32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE;
    request(libc::PTRACE_SEIZE, tid, 0, options as usize).map(drop)
}

/// Lets a stopped tracee go on, with a signal or 0.
pub(crate) fn proceed(tid: u32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize).map(drop)
}

/// Leaves a tracee in its group-stop until something happens to it.
pub(crate) fn listen(tid: u32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// A call at which a tracee is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoppedCall {
    pub(crate) nr: i32,
    pub(crate) arch: u32,
    pub(crate) args: [u64; 6],
}

/// The call at which a filter stopped a tracee.
pub(crate) fn stopped_call(tid: u32) -> Option<StoppedCall> {
    // struct ptrace_syscall_info (linux/ptrace.h): op, arch, two pointers, number, six arguments, data.
    let mut info = [0u64; 11];
    let size = size_of_val(&info);
    request(GET_SYSCALL_INFO, tid, size, (&raw mut info).expose_provenance()).ok()?;
    let head = info[0].to_ne_bytes();
    let [op, _, _, _, arch @ ..] = head;
    if op != SYSCALL_INFO_SECCOMP {
        return None;
    }
    let [_, _, _, nr, args @ .., _] = info;
    Some(StoppedCall { nr: nr as i32, arch: u32::from_ne_bytes(arch), args })
}
