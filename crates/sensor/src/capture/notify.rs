//! The notify backend: every stopped call is looked at and let through at once.
//!
//! Order of one call: receive into shared memory (whoever survives can answer it), read what the arguments point
//! to, answer, and only then hand the record to the engine. The kernel takes the answer only while the thread still
//! waits for it: so an answer that was taken shows that what was read before was this thread's.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    time::{ClockId, Timespec, clock_gettime},
};

use super::{
    calls::{EXIT_GROUP, NATIVE},
    follow::Follower,
    layout::{FLIGHT_BYTES, Shared, Word},
    proc::ProcPath,
    producer::Producer,
    record::Recorder,
};
use crate::{
    raw::Head,
    sys::seccomp::{self, Notification},
};

/// Id of a namespace's first process.
pub(super) const FIRST_PROCESS: u32 = 1;

/// An engine that was woken less than this ago is left asleep while calls come in: it then handles many at once
/// instead of competing with the watched processes for their CPU after every call.
const NAP: Duration = Duration::from_millis(2);
/// After this time without a record the engine is woken at once: few calls mean that it costs little, and the
/// sooner it looks, the more of a short-lived process is still there.
const QUIET: Duration = Duration::from_millis(10);

/// Why [`Notify::serve`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// The peer is gone.
    Peer,
    /// The time is over.
    Timeout,
    /// The last watched process has ended.
    Finished,
    /// The first process of the namespace is about to end, and everything in the namespace with it: it waits until
    /// [`Notify::release_last_exit`].
    LastExit,
}

/// Answers the listener's calls.
#[derive(Debug)]
pub(super) struct Notify {
    listener: OwnedFd,
    shared: Shared,
    producer: Producer,
    recorder: Recorder,
    follower: Follower,
    /// Time of the first record the sleeping engine was not told of, 0 for none.
    owed_since: u64,
    woken_at: u64,
}

/// Nanoseconds since the epoch.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// As the kernel's calls take it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

impl Notify {
    pub(super) fn new(listener: OwnedFd, shared: Shared, recorder: Recorder) -> Self {
        Self {
            listener,
            shared,
            producer: Producer::new(shared),
            recorder,
            follower: Follower::new(),
            owed_since: 0,
            woken_at: 0,
        }
    }

    pub(super) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Answers the calls a killed keeper left behind.
    pub(super) fn answer_left_behind(&self) {
        let id = self.shared.flight_id().swap(0, SeqCst);
        if id != 0 {
            // An error means that the thread is gone, or that it was answered already.
            let _ = seccomp::answer_continue(self.listener(), id);
        }
        self.release_last_exit();
    }

    /// Lets the first process of the namespace end.
    pub(super) fn release_last_exit(&self) {
        let id = self.shared.word(Word::Held).swap(0, SeqCst);
        if id != 0 {
            let _ = seccomp::answer_continue(self.listener(), id);
        }
    }

    /// Answers calls until the peer is gone, the time is over or no watched process is left.
    pub(super) fn serve(&mut self, peer: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Served {
        let deadline = timeout.map(|timeout| now() + timeout.as_nanos() as u64);
        loop {
            let left = deadline.map(|deadline| Duration::from_nanos(deadline.saturating_sub(now())));
            let nap = (self.owed_since != 0).then_some(NAP);
            let wait = match (left, nap) {
                (Some(left), Some(nap)) => Some(left.min(nap)),
                (left, nap) => left.or(nap),
            };
            let (call, ended, peer_changed) = self.poll(peer, wait);
            if call && self.handle_one() {
                return Served::LastExit;
            }
            if peer_changed {
                return Served::Peer;
            }
            if ended && !call {
                return Served::Finished;
            }
            self.wake_engine(call);
            if !call && left.is_some_and(|left| left.is_zero()) {
                return Served::Timeout;
            }
        }
    }

    /// Whether a call waits, no watched process is left, the peer is gone.
    fn poll(&self, peer: Option<BorrowedFd<'_>>, wait: Option<Duration>) -> (bool, bool, bool) {
        let wait = wait.map(timespec);
        let mut listener = PollFd::new(&self.listener, PollFlags::IN);
        let Some(peer) = peer else {
            let mut one = [listener];
            let _ = poll(&mut one, wait.as_ref());
            let [listener] = one;
            return (ready(&listener), gone(&listener), false);
        };
        let mut both = [listener.clone(), PollFd::from_borrowed_fd(peer, PollFlags::empty())];
        let _ = poll(&mut both, wait.as_ref());
        let [first, second] = both;
        listener = first;
        (ready(&listener), gone(&listener), !second.revents().is_empty())
    }

    /// Takes and answers a call. Whether it was held instead, being the end of the namespace's first process.
    fn handle_one(&mut self) -> bool {
        let flight = self.shared.flight();
        let received = seccomp::receive(self.listener.as_fd(), &self.shared.mapping, flight, FLIGHT_BYTES);
        // An error means that the caller was interrupted before we looked.
        let Ok(call) = received else { return false };
        if call.arch == NATIVE && call.nr == EXIT_GROUP.cast_signed() {
            return self.end(&call);
        }
        let head = Head {
            seq: self.producer.saw(),
            time: now(),
            tid: call.tid,
            nr: call.nr,
            arch: call.arch,
            args: call.args,
        };
        let length = self.recorder.record(head);
        if seccomp::answer_continue(self.listener(), call.id).is_ok() {
            self.producer.commit(self.recorder.bytes(length));
        } else {
            // It was interrupted, and comes again if it is restarted; or it was killed.
            self.producer.cancelled();
        }
        self.shared.flight_id().store(0, SeqCst);
        if self.owed_since == 0 {
            self.owed_since = head.time;
        }
        let engine = self.shared.word(Word::EnginePid).load(SeqCst);
        self.follower.follow(call.tid, engine as u32);
        false
    }

    /// A process ends. That is nobody's event, but the end of the namespace's first process is held: with it goes
    /// the engine, whatever it has still to say.
    fn end(&self, call: &Notification) -> bool {
        let last = self.shared.word(Word::Held).load(SeqCst) == 0
            && self.shared.word(Word::Finished).load(SeqCst) == 0
            && ProcPath::task(FIRST_PROCESS, call.tid).exists();
        if last {
            self.shared.word(Word::Held).store(call.id, SeqCst);
        } else {
            let _ = seccomp::answer_continue(self.listener(), call.id);
        }
        self.shared.flight_id().store(0, SeqCst);
        last
    }

    /// Wakes the engine when there was no call for a moment, or it has slept for long enough.
    fn wake_engine(&mut self, busy: bool) {
        if self.owed_since == 0 {
            return;
        }
        let now = now();
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        let due = since(self.owed_since) > NAP || since(self.woken_at) > QUIET;
        if busy && !due && !self.producer.half_full() {
            return;
        }
        self.owed_since = 0;
        if self.producer.engine_sleeps() {
            self.woken_at = now;
            self.producer.wake();
        }
    }

    /// No record will follow.
    pub(super) fn finish(&self) {
        self.producer.finish();
    }
}

fn ready(polled: &PollFd<'_>) -> bool {
    polled.revents().contains(PollFlags::IN)
}

fn gone(polled: &PollFd<'_>) -> bool {
    polled.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}
