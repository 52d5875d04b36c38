//! The keeper's end of the ring.

use std::sync::atomic::Ordering::SeqCst;

use super::layout::{FRAME, Shared, Word};
use crate::{raw::MAX_RECORD, sys::shared::futex_wake};

/// The end that writes. There is one: the keeper's, or the engine's once the keeper was killed.
#[derive(Debug)]
pub(super) struct Producer {
    shared: Shared,
}

impl Producer {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Counts a call that was stopped; its number, from 1.
    pub(super) fn saw(&self) -> u64 {
        self.shared.word(Word::Seen).fetch_add(1, SeqCst) + 1
    }

    /// Counts a call that was interrupted before it was made.
    pub(super) fn cancelled(&self) {
        self.shared.word(Word::LostCancelled).fetch_add(1, SeqCst);
    }

    /// Counts what was to be a record and is none.
    pub(super) fn refused(&self) {
        self.shared.word(Word::LostRefused).fetch_add(1, SeqCst);
    }

    /// Puts a record into the ring, or counts it where there is no room. Never waits.
    pub(super) fn commit(&self, record: &[u8]) {
        let head = self.shared.word(Word::Head).load(SeqCst);
        let used = head.wrapping_sub(self.shared.word(Word::Tail).load(SeqCst));
        let framed = Shared::framed(record.len() as u64);
        if record.len() > MAX_RECORD || used + framed > self.shared.ring_len() {
            self.shared.word(Word::LostRingFull).fetch_add(1, SeqCst);
            return;
        }
        let number = self.shared.word(Word::Committed).load(SeqCst) + 1;
        let mut frame = [0; FRAME as usize];
        frame[..8].copy_from_slice(&(record.len() as u64).to_ne_bytes());
        frame[8..].copy_from_slice(&number.to_ne_bytes());
        self.shared.ring_write(head, &frame);
        self.shared.ring_write(head + FRAME, record);
        // The order lets a successor find the exact count wherever this process is killed.
        self.shared.word(Word::Newest).store(head, SeqCst);
        self.shared.word(Word::Head).store(head + framed, SeqCst);
        self.shared.word(Word::Committed).store(number, SeqCst);
    }

    /// The engine waits although there is something for it.
    pub(super) fn engine_sleeps(&self) -> bool {
        self.shared.waiting_word().load(SeqCst) != 0
    }

    /// More than half of the ring is used: the engine should not be left asleep.
    pub(super) fn half_full(&self) -> bool {
        let used =
            self.shared.word(Word::Head).load(SeqCst).wrapping_sub(self.shared.word(Word::Tail).load(SeqCst));
        used * 2 > self.shared.ring_len()
    }

    /// Wakes the engine.
    pub(super) fn wake(&self) {
        self.shared.waiting_word().store(0, SeqCst);
        self.shared.wake_word().fetch_add(1, SeqCst);
        futex_wake(self.shared.wake_word());
    }

    /// No record will follow.
    pub(super) fn finish(&self) {
        self.shared.word(Word::Finished).store(1, SeqCst);
        self.wake();
    }
}
