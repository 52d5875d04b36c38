//! A process the keeper started.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::super::channel::Channel;
use crate::sys::{
    process::{self, Status},
    signals,
};

/// A process the keeper started, and the channel to it.
pub(super) struct Child {
    pid: u32,
    pub(super) channel: Channel,
    /// Readable when it has ended, and not before: taking note of that end then waits for nothing.
    handle: Option<OwnedFd>,
    started: Instant,
}

impl Child {
    pub(super) fn new(pid: u32, channel: Channel) -> Self {
        let handle =
            Pid::from_raw(pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Self { pid, channel, handle, started: Instant::now() }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Something to read means its end. Without handles (Linux before 5.3) that is the channel's end.
    pub(super) fn end(&self) -> BorrowedFd<'_> {
        self.handle.as_ref().map_or(self.channel.as_fd(), AsFd::as_fd)
    }

    /// How long it has been there.
    pub(super) fn lived(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn kill(&self) {
        signals::send(self.pid, libc::SIGKILL);
    }

    /// Takes note of its end; whether a signal ended it. What should have ended and has not is killed.
    pub(super) fn reap(self) -> bool {
        let status = process::reap(self.pid).map_or_else(
            || {
                self.kill();
                process::wait(Some(self.pid)).ok().map(|(_, status)| status)
            },
            Some,
        );
        matches!(status, Some(Status::Signaled(_)))
    }
}
