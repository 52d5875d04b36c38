//! What other threads of the engine saw and the engine's own thread makes events of.
//!
//! A watcher (leases, inotify, packets) runs in a thread of its own and puts what it saw into the [`Intake`]; it
//! never waits for the engine. What does not fit is counted in the watcher's own class of lost events.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    time::Duration,
};

use fargard_model::FileChange;

use super::{decode::Decoded, lease::Opened, reload::Reloaded, threads::Common};
use crate::capture::Waker;

/// Most sightings that wait for the engine.
const WAITING: usize = 1024;

/// Something seen by a watcher.
#[derive(Debug)]
pub(super) enum Sighting {
    /// A call that was learned of without stopping it, in the words of rules.
    #[expect(dead_code, reason = "the watchers follow")]
    Call(Box<Decoded>),
    /// A monitored file changed.
    FileChange(Box<FileChange>),
    /// The rules files changed.
    Rules(Reloaded),
    /// A leased file was opened.
    Open(Box<Opened>),
}

impl Sighting {
    /// When it happened, nanoseconds since the epoch: captured calls of before come first.
    pub(super) fn time(&self) -> u64 {
        match self {
            Self::Call(decoded) => decoded.time,
            Self::Open(opened) => opened.time(),
            // Told from the files themselves.
            Self::FileChange(_) | Self::Rules(_) => 0,
        }
    }
}

/// Where a watcher puts what it saw. A clone leads to the same engine.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    sender: SyncSender<Sighting>,
    waker: Waker,
    common: Arc<Common>,
}

impl Intake {
    /// Both ends.
    pub(super) fn new(waker: Waker, common: Arc<Common>) -> (Self, Receiver<Sighting>) {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        (Self { sender, waker, common }, receiver)
    }

    /// Hands over what must not be lost, for those who can wait. `false` when the engine has ended.
    pub(super) fn put_when_there_is_room(&self, sighting: Sighting) -> bool {
        let taken = self.sender.send(sighting).is_ok();
        self.waker.wake();
        taken
    }

    /// The engine brings out what is left.
    pub(super) fn is_over(&self) -> bool {
        self.common.stop.load(Ordering::Relaxed)
    }

    /// Hands a sighting over and wakes the engine. `class` counts it as lost when the engine does not keep up.
    /// Returns `false` when the engine has ended: the watcher then ends too.
    pub(super) fn put(&self, sighting: Sighting, class: &'static str) -> bool {
        match self.sender.try_send(sighting) {
            Ok(()) => self.waker.wake(),
            Err(TrySendError::Full(_)) => self.common.outbox.add_lost(class, 1),
            Err(TrySendError::Disconnected(_)) => return false,
        }
        true
    }
}

/// The longest a watcher sleeps before it looks whether the engine has ended.
pub(super) const LOOK: Duration = Duration::from_millis(200);
