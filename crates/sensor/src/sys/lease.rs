//! File leases (fcntl(2), "Leases") and the signals they speak by.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use super::{check, signals::Set};

/// From `asm-generic/fcntl.h`; the C libraries do not all name them.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
const F_SETLEASE: libc::c_int = 1024;
const F_GETLEASE: libc::c_int = 1025;
const F_WRLCK: libc::c_int = 1;
const F_UNLCK: libc::c_int = 2;
const F_OWNER_TID: libc::c_int = 0;
/// `struct signalfd_siginfo`: its size, and where the signal's number and the descriptor stand (signalfd(2)).
const SIGINFO: usize = 128;
const SIGINFO_SIGNAL: usize = 0;
const SIGINFO_FD: usize = 20;

/// The signal that tells of a lease: a real-time one, which says of which file.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 7
}

/// What a lease's signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Somebody wants the file of that descriptor.
    Broken(i32),
    /// More signals were sent than the kernel keeps: any lease may be broken.
    Some,
}

/// Where the signals of this thread's leases arrive.
#[derive(Debug)]
pub(crate) struct Listener {
    signals: OwnedFd,
    thread: i32,
}

impl Listener {
    /// For leases of the calling thread, in which these signals are blocked from now on.
    pub(crate) fn new() -> io::Result<Self> {
        let set = Set::of(&[signal(), libc::SIGIO]);
        set.block();
        let signals = set.descriptor()?;
        Ok(Self { signals, thread: rustix::thread::gettid().as_raw_nonzero().get() })
    }

    /// Can be waited for.
    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.signals
    }

    /// Takes the next signal, if one is there.
    pub(crate) fn next(&self) -> Option<Told> {
        let mut info = [0; SIGINFO];
        let length = rustix::io::read(&self.signals, &mut info).ok()?;
        let word = |at: usize| info.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
        if length < SIGINFO {
            return None;
        }
        Some(match word(SIGINFO_SIGNAL)? {
            number if number == signal() => Told::Broken(word(SIGINFO_FD)?),
            _ => Told::Some,
        })
    }

    /// Takes a write lease: nobody else can open the file before [`release`], and the wish to is told here.
    ///
    /// # Errors
    /// `EAGAIN` while anybody has the file open, `EACCES` without `CAP_LEASE` for a file of another user, `EINVAL`
    /// where the file system knows no leases.
    pub(crate) fn take(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        #[repr(C)]
        struct Owner {
            kind: libc::c_int,
            pid: libc::pid_t,
        }
        let owner = Owner { kind: F_OWNER_TID, pid: self.thread };
        let number = file.as_raw_fd();
        // Releasing a lease forgets signal and owner, so they are set each time.
        // SAFETY: takes a number.
        check(unsafe { libc::fcntl(number, F_SETSIG, signal()) }.into())?;
        // SAFETY: reads the structure, which has the layout of `struct f_owner_ex`.
        check(unsafe { libc::fcntl(number, F_SETOWN_EX, &raw const owner) }.into())?;
        // SAFETY: takes a number.
        check(unsafe { libc::fcntl(number, F_SETLEASE, F_WRLCK) }.into())?;
        Ok(())
    }
}

/// Gives a lease back: who waits for the file goes on.
pub(crate) fn release(file: BorrowedFd<'_>) {
    // SAFETY: takes a number. An error means that there is no lease.
    unsafe { libc::fcntl(file.as_raw_fd(), F_SETLEASE, F_UNLCK) };
}

/// Whether somebody waits for the file, or would if there were a lease.
pub(crate) fn is_broken(file: BorrowedFd<'_>) -> bool {
    // SAFETY: takes no argument.
    let kind = unsafe { libc::fcntl(file.as_raw_fd(), F_GETLEASE) };
    kind != F_WRLCK
}
