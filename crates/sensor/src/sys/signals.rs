//! Signals: blocking, waiting for them, and sending.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// A set of signals.
#[derive(Clone, Copy)]
pub(crate) struct Set(libc::sigset_t);

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Set")
    }
}

impl Set {
    /// Those signals.
    pub(crate) fn of(signals: &[i32]) -> Self {
        // SAFETY: all zero is a valid set, which the next call empties.
        let mut set = unsafe { std::mem::zeroed() };
        // SAFETY: the set is ours.
        unsafe { libc::sigemptyset(&raw mut set) };
        for &signal in signals {
            // SAFETY: the set is ours; an unknown number is refused.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        Self(set)
    }

    /// Every signal.
    pub(crate) fn all() -> Self {
        let mut set = Self::of(&[]);
        // SAFETY: the set is ours.
        unsafe { libc::sigfillset(&raw mut set.0) };
        set
    }

    fn change(&self, how: libc::c_int) -> Self {
        let mut before = Self::of(&[]);
        // SAFETY: reads one set of ours and writes the other.
        unsafe { libc::pthread_sigmask(how, &raw const self.0, &raw mut before.0) };
        before
    }

    /// Blocks these signals too; returns those that were blocked before.
    pub(crate) fn block(&self) -> Self {
        self.change(libc::SIG_BLOCK)
    }

    /// Blocks exactly these signals.
    pub(crate) fn set_blocked(&self) {
        self.change(libc::SIG_SETMASK);
    }

    /// A descriptor that is readable while one of these signals, which must be blocked, waits; reading takes it.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        // SAFETY: reads the set; a new descriptor is made.
        let number = unsafe { libc::signalfd(-1, &raw const self.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if number == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    }

    /// Takes the next of these signals, which must be blocked: its number, and whether a process sent it.
    pub(crate) fn next(&self) -> io::Result<(i32, bool)> {
        // SAFETY: all zero is valid, and the call writes it.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: reads the set and writes the information, both ours.
        let signal = unsafe { libc::sigwaitinfo(&raw const self.0, &raw mut info) };
        if signal == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok((signal, matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL)))
    }
}

/// Sends a signal.
pub(crate) fn send(pid: u32, signal: i32) {
    // SAFETY: takes numbers only. An error means that the process is gone.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

/// Gives a signal its default action.
pub(crate) fn default_action(signal: i32) {
    // SAFETY: sets a disposition without a handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Ends this process as that signal ends a process, without a core file; returns when it does not end it.
pub(crate) fn end_by(signal: i32) {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    default_action(signal);
    // SAFETY: sends the signal to this thread; it is delivered when it is let through.
    unsafe { libc::raise(signal) };
    Set::of(&[signal]).change(libc::SIG_UNBLOCK);
}
