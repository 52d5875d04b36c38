//! The attacher: takes hold of processes that do not descend from the app. Sessions of ECS Exec and health checks
//! come into the container from outside; under `pidMode: task` there are the other containers too.
//!
//! A look at `/proc` every few dozen milliseconds finds new **roots**: processes whose parent is outside of the pid
//! namespace. From the first hold on everything a root makes is reported by the kernel (ptrace events of fork and
//! exec), so that nothing of it is missed however short it lives. A root that has lived for a while can be given the
//! app's filter ([`inject`]); then it and its children are watched like the app, without a tracer.

mod follower;
#[cfg(target_arch = "x86_64")]
mod inject;
mod kin;
mod look;
mod notice;
mod refused;
mod scan;
mod write;

use std::{
    os::fd::{AsFd, OwnedFd},
    str::FromStr,
    time::Instant,
};

use rustix::event::{PollFd, PollFlags, poll};

pub(crate) use notice::{Hold, Notice};
pub(crate) use refused::Refused;

use self::{follower::Follower, scan::Scanner};
use super::{AttacherLink, answer_until_end, notify::timespec};
use crate::sys::signals::Set;

/// What is done about processes that do not descend from the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachMode {
    /// Nothing: they are not seen.
    Off,
    /// Their programs are seen, nothing else of them.
    #[default]
    Lifecycle,
    /// Those that live on are given the app's filter.
    Inject,
}

impl FromStr for AttachMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "lifecycle" => Ok(Self::Lifecycle),
            "inject" => Ok(Self::Inject),
            _ => Err("use off, lifecycle or inject".to_owned()),
        }
    }
}

/// Which processes are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those in this container.
    #[default]
    Container,
    /// Those of every container of the task whose processes can be seen.
    Task,
}

/// What the attacher is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attach {
    /// What is done.
    pub mode: AttachMode,
    /// To whom.
    pub scope: Scope,
}

/// Works until the keeper wants no more; the process's exit code.
pub(crate) fn run(attach: Attach, link: &AttacherLink) -> u8 {
    let changes = Set::of(&[libc::SIGCHLD]);
    changes.block();
    let Ok(changes) = changes.descriptor() else { return 1 };
    let mut scanner = Scanner::new();
    let mut follower = Follower::new(attach, link);
    follower.adopt();
    let mut next = Instant::now();
    loop {
        follower.handle_changes();
        if next <= Instant::now() {
            next = Instant::now() + follower.look(&mut scanner);
        }
        if wait(&changes, link, next) || follower.unserved() {
            break;
        }
    }
    // Whoever is still traced goes on when this process ends; what nobody else answers is answered here.
    match follower.into_unserved() {
        Some(listener) => u8::from(answer_until_end(listener).is_err()),
        None => 0,
    }
}

/// Waits for a change of a tracee, the end of the link, or that time; whether it was the end.
fn wait(changes: &OwnedFd, link: &AttacherLink, until: Instant) -> bool {
    let left = timespec(until.saturating_duration_since(Instant::now()));
    let mut both =
        [PollFd::new(changes, PollFlags::IN), PollFd::from_borrowed_fd(link.as_fd(), PollFlags::IN)];
    let _ = poll(&mut both, Some(&left));
    let [changed, ended] = both;
    if !changed.revents().is_empty() {
        let mut signals = [0; 1024];
        // How many they were does not matter.
        let _ = rustix::io::read(changes, &mut signals);
    }
    !ended.revents().is_empty()
}
