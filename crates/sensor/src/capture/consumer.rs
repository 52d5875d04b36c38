//! The engine's end of the ring.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    CaptureInfo, Counters, Wake, info,
    lane::Lane,
    layout::{Shared, Word},
    ring::{FRAME, Frame, LaneWord},
    sensor::Sensor,
};
use crate::{
    raw::{MAX_RECORD, RawEvent},
    sys::shared::{futex_wait, futex_wake},
};

/// Time between two looks whether a call is still in flight.
const FLIGHT_LOOK: Duration = Duration::from_micros(50);

/// The engine's end of the ring. There is one at a time; a new engine goes on where the last one stopped.
#[derive(Debug)]
pub struct Consumer {
    shared: Shared,
    buffer: Box<[u8; MAX_RECORD]>,
    /// Lane and length of the record last given out.
    current: Option<(Lane, u64)>,
    /// Somebody in this process has something else for the waiting thread.
    called: Arc<AtomicBool>,
}

/// Ends [`Consumer::wait`] from another thread of the engine.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Shared,
    called: Arc<AtomicBool>,
}

impl Waker {
    /// Lets the current or next wait return [`Wake::Called`].
    pub fn wake(&self) {
        self.called.store(true, SeqCst);
        self.shared.wake_word().fetch_add(1, SeqCst);
        futex_wake(self.shared.wake_word());
    }
}

impl Consumer {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared,
            buffer: Box::new([0; MAX_RECORD]),
            current: None,
            called: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The sensor's own processes and the app.
    pub(crate) fn sensor(&self) -> Sensor {
        Sensor(self.shared)
    }

    /// What other threads of the engine end a wait with.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker { shared: self.shared, called: Arc::clone(&self.called) }
    }

    /// The oldest record. It stays the oldest until [`Consumer::advance`]: an engine that dies before sees it
    /// again after its restart, and is spared it when it dies on it twice.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows from the consumer, which iterators cannot"
    )]
    pub fn next(&mut self) -> Option<RawEvent<'_>> {
        loop {
            let (lane, frame) = self.oldest()?;
            let tail = self.shared.lane(lane, LaneWord::Tail).load(SeqCst);
            let length = frame.length as usize;
            self.shared.ring_read(lane, tail + FRAME, &mut self.buffer[..length]);
            if RawEvent::parse(&self.buffer[..length]).is_none() {
                self.shared.word(Word::LostMalformed).fetch_add(1, SeqCst);
                self.shared.drop_oldest(lane, frame.length);
                continue;
            }
            self.shared.word(Word::InProgress).store(Shared::in_progress(lane, tail), SeqCst);
            self.current = Some((lane, frame.length));
            return RawEvent::parse(&self.buffer[..length]);
        }
    }

    /// The lane whose turn it is: that of the oldest record, or the important one where the other fills up faster
    /// than it is read.
    fn oldest(&self) -> Option<(Lane, Frame)> {
        loop {
            let important = self.first(Lane::Important);
            let file = self.first(Lane::File);
            return match (important, file) {
                (Some(important), Some(file)) if important.seq < file.seq || self.is_behind() => {
                    Some((Lane::Important, important))
                }
                (_, Some(file)) => {
                    // What was committed to the empty lane before this record is visible by now.
                    if important.is_none() && self.shared.used(Lane::Important) > 0 {
                        continue;
                    }
                    Some((Lane::File, file))
                }
                (Some(important), None) => {
                    if self.shared.used(Lane::File) > 0 {
                        continue;
                    }
                    Some((Lane::Important, important))
                }
                (None, None) => None,
            };
        }
    }

    fn first(&self, lane: Lane) -> Option<Frame> {
        if self.shared.used(lane) == 0 {
            return None;
        }
        let frame = self.shared.frame(lane, self.shared.lane(lane, LaneWord::Tail).load(SeqCst));
        if frame.is_none() {
            // The lane's content makes no sense.
            let dropped = self.shared.drop_all(lane);
            self.shared.word(Word::LostMalformed).fetch_add(dropped, SeqCst);
        }
        frame
    }

    /// The file lane is more than three quarters full: order matters less now than what is lost next.
    fn is_behind(&self) -> bool {
        self.shared.used(Lane::File) * 4 > self.shared.lane_len() * 3
    }

    /// Done with the record [`Consumer::next`] gave: whatever it caused is written where it survives this
    /// process. Without such a record nothing happens.
    pub fn advance(&mut self) {
        let Some((lane, length)) = self.current.take() else { return };
        self.shared.drop_oldest(lane, length);
        self.shared.word(Word::InProgress).store(0, SeqCst);
    }

    /// Whether there are records after the one [`Consumer::next`] gave.
    #[must_use]
    pub fn more_waits(&self) -> bool {
        Lane::ALL.iter().any(|lane| {
            let current = self.current.filter(|(current, _)| current == lane);
            self.shared.used(*lane) > current.map_or(0, |(_, length)| Frame::bytes(length))
        })
    }

    /// Waits until the call that is in flight now has its record in the ring, for `limit` at most: a call is answered
    /// before its record is handed over, so what it does can be seen elsewhere first.
    pub(crate) fn await_flight(&self, limit: Duration) {
        let flight = self.shared.flight_id().load(SeqCst);
        let start = Instant::now();
        while flight != 0 && self.shared.flight_id().load(SeqCst) == flight && start.elapsed() < limit {
            thread::park_timeout(FLIGHT_LOOK);
        }
    }

    /// Waits for a record, the end, a [`Waker`] or the time.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Wake {
        let until = Instant::now().checked_add(timeout);
        loop {
            // The word is read before the state, so that a change after the look ends the wait at once.
            let word = self.shared.wake_word().load(SeqCst);
            self.shared.waiting_word().store(1, SeqCst);
            // Finished is read before the ring: what was committed before the end is still delivered.
            let finished = self.shared.word(Word::Finished).load(SeqCst) != 0;
            let empty = self.shared.is_empty();
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            let state = match (empty, finished) {
                (false, _) => Some(Wake::Data),
                (true, true) => Some(Wake::Finished),
                (true, false) if self.called.swap(false, SeqCst) => Some(Wake::Called),
                (true, false) if left.is_zero() => Some(Wake::Timeout),
                (true, false) => None,
            };
            if let Some(state) = state {
                self.shared.waiting_word().store(0, SeqCst);
                return state;
            }
            futex_wait(self.shared.wake_word(), word, left);
        }
    }

    /// What was captured since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// How calls are captured.
    #[must_use]
    pub fn info(&self) -> CaptureInfo {
        info::read(&self.shared)
    }
}

#[cfg(test)]
mod tests;
