//! Asking the kernel what it would allow, by calls that cannot have an effect: their arguments are invalid behind
//! the checks of rights, or they are made in a process that ends at once.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use super::{
    check,
    process::{self, Fork, Status},
    seccomp::{self, SockFilter},
};

/// What a question came to: 0 for success, else the error number.
pub(crate) type Answer = i32;

/// What is asked.
pub(crate) type Question = fn() -> Answer;

/// Answered in a child that ends at once. The child inherits only the calling thread, so it must not allocate and
/// must not wait. An error number above 254 is given as 254.
pub(crate) fn in_child(question: impl Fn() -> Answer) -> io::Result<Answer> {
    match process::fork()? {
        Fork::Child => process::exit(u8::try_from(question()).unwrap_or(254)),
        Fork::Parent(child) => match process::wait(Some(child))? {
            (_, Status::Exited(code)) => Ok(code),
            _ => Err(io::Error::other("a signal ended the question")),
        },
    }
}

fn answer(result: libc::c_long) -> Answer {
    check(result).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |_| 0)
}

/// A call with arguments that are numbers, or null.
fn call(number: libc::c_long, args: [usize; 5]) -> Answer {
    let [a, b, c, d, e] = args;
    // SAFETY: only called (below) with arguments that make the call fail behind its checks of rights, or whose
    // effect ends with the child it is made in; no argument points to memory of this process.
    answer(unsafe { libc::syscall(number, a, b, c, d, e) })
}

const NOBODY: usize = usize::MAX;

/// Calls that profiles of container runtimes often refuse: name, and the answer. To be asked in a child.
pub(crate) const CALLS: &[(&str, Question)] = &[
    // No process has the id.
    ("ptrace", || call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, 0x7fff_fff0, 0, 0, 0])),
    ("process_vm_readv", || call(libc::SYS_process_vm_readv, [0x7fff_fff0, 0, 0, 0, 0])),
    ("pidfd_open", || call(libc::SYS_pidfd_open, [0x7fff_fff0, 0, 0, 0, 0])),
    ("pidfd_getfd", || call(libc::SYS_pidfd_getfd, [NOBODY, 0, 0, 0, 0])),
    ("pidfd_send_signal", || call(libc::SYS_pidfd_send_signal, [NOBODY, 0, 0, 0, 0])),
    ("bpf", || call(libc::SYS_bpf, [0, 0, 0, 0, 0])),
    ("perf_event_open", || call(libc::SYS_perf_event_open, [0, 0, 0, 0, 0])),
    // FAN_CLASS_NOTIF with FAN_REPORT_FID, which needs no rights since 5.13.
    ("fanotify_init", || call(libc::SYS_fanotify_init, [0x200, 0, 0, 0, 0])),
    ("userfaultfd", || call(libc::SYS_userfaultfd, [0, 0, 0, 0, 0])),
    ("io_uring_setup", || call(libc::SYS_io_uring_setup, [0, 0, 0, 0, 0])),
    ("unshare", || call(libc::SYS_unshare, [0, 0, 0, 0, 0])),
    ("setns", || call(libc::SYS_setns, [NOBODY, 0, 0, 0, 0])),
    ("mount", || call(libc::SYS_mount, [0, 0, 0, 0, 0])),
    ("clone3", || call(libc::SYS_clone3, [0, 0, 0, 0, 0])),
    ("keyctl", || call(libc::SYS_keyctl, [0, NOBODY, 0, 0, 0])),
    ("open_by_handle_at", || call(libc::SYS_open_by_handle_at, [NOBODY, 0, 0, 0, 0])),
];

/// Whether a process may be traced; it is let go when the asking child ends.
pub(crate) fn trace(pid: u32) -> Answer {
    // SAFETY: seizing stops nothing and takes numbers only.
    answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid.cast_signed(), 0_usize, 0_usize) })
}

/// Whether a filter with a listener can be installed, with these flags beside. Only in a child: it stays.
pub(crate) fn listen(wait_killable: bool) -> Answer {
    let Ok(()) = seccomp::set_no_new_privs() else { return libc::EACCES };
    installed(wait_killable).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |_| 0)
}

fn installed(wait_killable: bool) -> io::Result<std::os::fd::OwnedFd> {
    const RETURN_ALLOW: SockFilter = SockFilter { code: 6, jt: 0, jf: 0, k: 0x7fff_0000 };
    seccomp::install_with_listener(&[RETURN_ALLOW], wait_killable)
}

/// Whether a listener wakes its caller on the same processor. Only in a child.
pub(crate) fn sync_wake_up() -> Answer {
    let _ = seccomp::set_no_new_privs();
    installed(false).map_or(libc::EACCES, |listener| {
        if seccomp::set_sync_wake_up(std::os::fd::AsFd::as_fd(&listener)) { 0 } else { libc::EINVAL }
    })
}

/// Whether a listener can give the caller a descriptor (`SECCOMP_IOCTL_NOTIF_ADDFD`). Only in a child.
pub(crate) fn add_descriptor() -> Answer {
    const ADDFD: u64 = 0x4018_2103;
    let _ = seccomp::set_no_new_privs();
    installed(false).map_or(libc::EACCES, |listener| {
        // SAFETY: the request's structure is at address 0: a kernel that knows the request fails to read it.
        let found = answer(unsafe { libc::ioctl(listener.as_raw_fd(), ADDFD as _, 0_usize) }.into());
        if found == libc::EFAULT { 0 } else { found }
    })
}

/// Whether a file can be leased for writing. The lease is given back at once. Only in a child: a break of the lease
/// in between ends the process that holds it.
pub(crate) fn lease(file: BorrowedFd<'_>) -> Answer {
    const F_SETLEASE: libc::c_int = 1024;
    // SAFETY: takes numbers only.
    let taken = answer(unsafe { libc::fcntl(file.as_raw_fd(), F_SETLEASE, libc::F_WRLCK) }.into());
    if taken == 0 {
        // SAFETY: as above.
        unsafe { libc::fcntl(file.as_raw_fd(), F_SETLEASE, libc::F_UNLCK) };
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::{in_child, trace};

    #[test]
    fn a_question_is_answered_in_a_child() {
        assert_eq!(in_child(|| 13).unwrap(), 13);
        assert_eq!(in_child(|| 1000).unwrap(), 254);
        assert_eq!(in_child(|| trace(0x7fff_fff0)).unwrap(), libc::ESRCH);
    }
}
