//! What the attacher has of the keeper.
//!
//! The attacher is a process of the sensor that takes hold of processes which do not descend from the app: sessions
//! of ECS Exec, health checks, other containers. The keeper forks it where [`super::CaptureOptions::attach`] is set
//! and calls of the app are not traced, and again, after growing delays, when it dies. Over a pair of sockets it
//!
//! - gives the keeper a **listener**: from the acknowledgement on the keeper answers its calls, and the engine holds
//!   a copy for the case that the keeper is killed. What is not acknowledged is for the attacher to answer:
//!   [`AttacherLink::add_listener`] hands it back, [`answer_until_end`] answers it.
//! - gives the keeper a **record** of something it saw by itself. The keeper numbers it and counts it like a call:
//!   it is in the counters' `seen`, and consumed, pending or lost.
//!
//! The keeper takes neither on trust: what is no listener is refused, and a record that is none is lost in the class
//! `refused`. When the app has ended, listeners of others are still answered until the last of their processes has
//! ended; nothing of them is recorded then, and the link is closed.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use super::{
    channel::{Channel, Message, Received},
    info::{self, Feature},
    layout::{FLIGHT_BYTES, MOST_INJECTED, Shared, Word},
    listeners::{Listeners, MOST_LISTENERS, Peers, places},
};
use crate::{
    raw::MAX_RECORD,
    sys::{seccomp, shared::Mapping},
};

/// The attacher's end.
#[derive(Debug)]
pub struct AttacherLink {
    channel: Channel,
    shared: Shared,
}

/// The keeper did not take a listener: it is gone, or has no room.
#[derive(Debug, thiserror::Error)]
#[error("the keeper did not take the listener")]
pub struct NotServed(
    /// Nobody else may hold it: its calls wait until somebody answers, and fail once it is closed.
    pub OwnedFd,
);

impl AttacherLink {
    pub(super) fn new(channel: Channel, shared: Shared) -> Self {
        Self { channel, shared }
    }

    /// How many listeners the keeper would still take. Only this process adds any: what was free stays free for it.
    #[must_use]
    pub fn room(&self) -> usize {
        let used = self.shared.word(Word::Listeners).load(SeqCst) as usize;
        MOST_LISTENERS.saturating_sub(used)
    }

    /// Lets the keeper answer a filter's calls.
    ///
    /// # Errors
    /// The keeper has ended or refuses; calls made meanwhile wait.
    pub fn add_listener(&self, listener: OwnedFd) -> Result<(), NotServed> {
        let sent = self.channel.send(Message::Listener, Some(listener.as_fd()));
        match sent.map(|()| self.channel.receive(None)) {
            Ok(Received::Message(Message::Go, _)) => Ok(()),
            _ => Err(NotServed(listener)),
        }
    }

    /// Hands a record over: what [`crate::raw::Writer`] made, with any number. Waits while the keeper is busy.
    ///
    /// # Errors
    /// The record is longer than [`MAX_RECORD`], or the keeper has ended.
    pub fn add_record(&self, record: &[u8]) -> io::Result<()> {
        if record.len() > MAX_RECORD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the record is too long"));
        }
        self.channel.send_bytes(Message::Record, record)
    }

    /// Waits for the end of the keeper's interest: `true` when it has ended or wants no more, `false` after the
    /// time. `None` waits for ever. The link's descriptor is readable then.
    #[must_use]
    pub fn ended(&self, timeout: Option<Duration>) -> bool {
        !matches!(self.channel.receive(timeout), Received::Timeout)
    }

    /// The filter of the app, as an array of `struct sock_filter`.
    #[must_use]
    pub fn filter(&self) -> Vec<u8> {
        self.shared.program()
    }

    /// Filters are to be installed with `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`.
    #[must_use]
    pub fn wait_killable(&self) -> bool {
        info::uses(&self.shared, Feature::WaitKillable)
    }

    /// Whether records of executions should have the environment.
    pub(super) fn wants_environment(&self) -> bool {
        self.shared.word(Word::Environment).load(SeqCst) != 0
    }

    /// Notes for a successor to which process a filter is given, until its listener is taken; 0 for none.
    pub(super) fn injecting(&self, pid: u32) {
        self.shared.word(Word::Injecting).store(pid.into(), SeqCst);
    }

    /// What a predecessor noted.
    pub(super) fn was_injecting(&self) -> u32 {
        self.shared.word(Word::Injecting).load(SeqCst) as u32
    }

    /// Notes for successors a process that was given a filter, and its start in ticks.
    pub(super) fn note_injected(&self, pid: u32, start: u64) {
        let free = (0..MOST_INJECTED).map(|place| self.shared.injected(place));
        if let Some([process, since]) = free.into_iter().find(|[process, _]| process.load(SeqCst) == 0) {
            since.store(start, SeqCst);
            process.store(pid.into(), SeqCst);
        }
    }

    /// That process has ended.
    pub(super) fn forget_injected(&self, pid: u32) {
        for [process, _] in (0..MOST_INJECTED).map(|place| self.shared.injected(place)) {
            let _ = process.compare_exchange(pid.into(), 0, SeqCst, SeqCst);
        }
    }

    /// The processes that were noted, with their starts.
    pub(super) fn injected(&self) -> Vec<(u32, u64)> {
        let places = (0..MOST_INJECTED).map(|place| self.shared.injected(place));
        let noted = places.map(|[process, since]| (process.load(SeqCst) as u32, since.load(SeqCst)));
        noted.filter(|(pid, _)| *pid != 0).collect()
    }

    /// The process that became the app.
    #[must_use]
    pub fn app(&self) -> u32 {
        self.shared.word(Word::AppPid).load(SeqCst) as u32
    }

    /// Whether a process is the keeper, the engine or the attacher, which nobody may take hold of.
    #[must_use]
    pub fn is_sensor(&self, pid: u32) -> bool {
        [Word::KeeperPid, Word::EnginePid, Word::AttacherPid]
            .iter()
            .any(|word| self.shared.word(*word).load(SeqCst) == u64::from(pid))
    }
}

impl AsFd for AttacherLink {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// Lets every call of a filter through until the last process that has it has ended, without looking at them.
///
/// # Errors
/// No memory.
pub fn answer_until_end(listener: OwnedFd) -> io::Result<()> {
    let room = Mapping::new(FLIGHT_BYTES)?;
    let mut listeners = Listeners::new(Some(listener));
    while !listeners.is_empty() {
        let turn = listeners.wait(&Peers::default(), None);
        for place in places(turn.calls) {
            let Some(listener) = listeners.at(place) else { continue };
            // An error means that the caller was interrupted or killed meanwhile.
            if let Ok(call) = seccomp::receive(listener, &room, 0, FLIGHT_BYTES) {
                let _ = seccomp::answer_continue(listener, call.id);
            }
        }
        listeners.drop_ended(turn.ended);
    }
    Ok(())
}
