//! Seccomp filters and user notifications (`linux/seccomp.h`).

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use super::{check, shared::Mapping};

const SET_MODE_FILTER: libc::c_uint = 1;
const GET_ACTION_AVAIL: libc::c_uint = 2;
const GET_NOTIF_SIZES: libc::c_uint = 3;
const TSYNC: libc::c_ulong = 1 << 0;
const SPEC_ALLOW: libc::c_ulong = 1 << 2;
const NEW_LISTENER: libc::c_ulong = 1 << 3;
const TSYNC_ESRCH: libc::c_ulong = 1 << 4;
const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;
const RECV: u64 = 0xc050_2100;
const SEND: u64 = 0xc018_2101;
const ID_VALID: u64 = 0x4008_2102;
const SET_FLAGS: u64 = 0x4008_2104;
const SYNC_WAKE_UP: u64 = 1;
const CONTINUE: u32 = 1;
/// Bytes of `struct seccomp_notif` as this program knows it.
const NOTIFICATION: usize = 80;
/// Bytes of the largest response the kernel may ever read.
const RESPONSE_ROOM: usize = 128;

/// One instruction of a filter; `struct sock_filter`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SockFilter {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

#[repr(C)]
struct SockProgram {
    len: libc::c_ushort,
    filter: *const SockFilter,
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) tid: u32,
    pub(crate) nr: i32,
    pub(crate) arch: u32,
    pub(crate) args: [u64; 6],
}

fn seccomp(
    operation: libc::c_uint,
    flags: libc::c_ulong,
    args: *const libc::c_void,
) -> io::Result<libc::c_long> {
    // SAFETY: `args` is null or what the operation takes; null makes it fail before it changes anything.
    check(unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, args) })
}

/// Whether the kernel knows an action (`SECCOMP_RET_*`).
pub(crate) fn knows_action(action: u32) -> bool {
    seccomp(GET_ACTION_AVAIL, 0, (&raw const action).cast()).is_ok()
}

fn knows_flags(flags: libc::c_ulong) -> bool {
    // A filter at address 0: known flags get as far as reading it.
    seccomp(SET_MODE_FILTER, flags, std::ptr::null())
        .is_err_and(|error| error.raw_os_error() == Some(libc::EFAULT))
}

/// Whether filters with a listener are known.
pub(crate) fn knows_listener() -> bool {
    knows_flags(NEW_LISTENER)
}

/// Whether a call that is being looked at can be kept from being interrupted.
pub(crate) fn knows_wait_killable() -> bool {
    knows_flags(NEW_LISTENER | WAIT_KILLABLE_RECV)
}

/// Whether a filter with a listener can be put on all threads at once (`SECCOMP_FILTER_FLAG_TSYNC_ESRCH`).
pub(crate) fn knows_thread_sync() -> bool {
    knows_flags(NEW_LISTENER | TSYNC | TSYNC_ESRCH)
}

/// Leaves the processor's speculation to what the program itself chose (4.17). Otherwise kernels before 5.16 turn off
/// speculative stores, and with them some of its speed, in whoever has a filter.
fn as_it_was() -> libc::c_ulong {
    if knows_flags(SPEC_ALLOW) { SPEC_ALLOW } else { 0 }
}

fn install(program: &[SockFilter], flags: libc::c_ulong) -> io::Result<libc::c_long> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = SockProgram { len, filter: program.as_ptr() };
    seccomp(SET_MODE_FILTER, flags | as_it_was(), (&raw const program).cast())
}

/// Filters this thread and all it will make; the listener is told of every call the filter selects.
pub(crate) fn install_with_listener(program: &[SockFilter], wait_killable: bool) -> io::Result<OwnedFd> {
    let flags = if wait_killable { NEW_LISTENER | WAIT_KILLABLE_RECV } else { NEW_LISTENER };
    let descriptor = install(program, flags)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as libc::c_int) })
}

/// Filters this thread and all it will make.
pub(crate) fn install_plain(program: &[SockFilter]) -> io::Result<()> {
    install(program, 0).map(drop)
}

/// Whether this process may install a filter only after giving up rights by setuid programs.
pub(crate) fn needs_no_new_privs() -> bool {
    // One instruction at address 0: the kernel looks at privileges before it reads it.
    let program = SockProgram { len: 1, filter: std::ptr::null() };
    seccomp(SET_MODE_FILTER, 0, (&raw const program).cast())
        .is_err_and(|error| error.raw_os_error() == Some(libc::EACCES))
}

/// Gives up rights by setuid programs for this process and all it will make, which is what an unprivileged filter
/// needs.
pub(crate) fn set_no_new_privs() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true).map_err(io::Error::from)
}

/// Whether the kernel's structures fit into `notification` bytes and what this program answers with.
pub(crate) fn sizes_fit(notification: usize) -> bool {
    let mut sizes = [0u16; 3];
    let known = seccomp(GET_NOTIF_SIZES, 0, sizes.as_mut_ptr().cast_const().cast()).is_ok();
    known && usize::from(sizes[0]) <= notification && usize::from(sizes[1]) <= RESPONSE_ROOM
}

fn ioctl(listener: BorrowedFd<'_>, request: u64, data: *mut libc::c_void) -> io::Result<()> {
    // SAFETY: `data` points to memory of at least the size of the request's structure (callers below).
    check(unsafe { libc::ioctl(listener.as_raw_fd(), request as _, data) }.into()).map(drop)
}

/// Takes the next waiting call into `len` shared bytes at `offset`, where any process can see which call is in
/// flight: its id, at the start, is 0 when there is none.
pub(crate) fn receive(
    listener: BorrowedFd<'_>,
    mapping: &Mapping,
    offset: usize,
    len: usize,
) -> io::Result<Notification> {
    const ZERO: [u8; NOTIFICATION] = [0; NOTIFICATION];
    debug_assert!(len >= NOTIFICATION, "room for a notification");
    mapping.write(offset, &ZERO);
    ioctl(listener, RECV, mapping.address(offset, len))?;
    // The kernel wrote it before the call returned, and nobody else does.
    let mut bytes = ZERO;
    mapping.read(offset, &mut bytes);
    let mut words = [0u64; NOTIFICATION / 8];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    // id; pid, flags; nr, arch; instruction pointer; six arguments.
    let [id, pid, call, _, args @ ..] = words;
    let halves = |word: u64| {
        let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
        (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
    };
    let (nr, arch) = halves(call);
    Ok(Notification { id, tid: halves(pid).0, nr: nr.cast_signed(), arch, args })
}

/// Lets the call be made. An error means that it was interrupted or its thread is gone.
pub(crate) fn answer_continue(listener: BorrowedFd<'_>, id: u64) -> io::Result<()> {
    let mut response = [0u64; RESPONSE_ROOM / 8];
    response[0] = id;
    // id; value; error, flags.
    let [_, _, last, ..] = &mut response;
    *last = u64::from_ne_bytes({
        let [a, b, c, d] = CONTINUE.to_ne_bytes();
        [0, 0, 0, 0, a, b, c, d]
    });
    ioctl(listener, SEND, response.as_mut_ptr().cast())
}

/// Lets the call fail with that error, without being made. An error means that it was interrupted or its thread is
/// gone.
pub(crate) fn answer_error(listener: BorrowedFd<'_>, id: u64, error: i32) -> io::Result<()> {
    let mut response = [0u64; RESPONSE_ROOM / 8];
    response[0] = id;
    let [_, _, last, ..] = &mut response;
    *last = u64::from_ne_bytes({
        let [a, b, c, d] = (-error).to_ne_bytes();
        [a, b, c, d, 0, 0, 0, 0]
    });
    ioctl(listener, SEND, response.as_mut_ptr().cast())
}

/// Whether a descriptor is a filter's listener: only those know the ids of calls, and none has the id 0 now.
pub(crate) fn is_listener(descriptor: BorrowedFd<'_>) -> bool {
    let mut id = 0u64;
    ioctl(descriptor, ID_VALID, (&raw mut id).cast())
        .is_err_and(|error| error.raw_os_error() == Some(libc::ENOENT))
}

/// Asks for wake-ups on the caller's CPU; `false` when the kernel cannot.
pub(crate) fn set_sync_wake_up(listener: BorrowedFd<'_>) -> bool {
    // The flags are the argument itself.
    ioctl(listener, SET_FLAGS, std::ptr::without_provenance_mut(SYNC_WAKE_UP as usize)).is_ok()
}
