//! The keeper's end of the ring.

use std::sync::atomic::Ordering::SeqCst;

use super::{
    lane::{Class, Lane},
    layout::{Shared, Word},
};
use crate::sys::shared::futex_wake;

/// The end that writes. There is one: the keeper's, or the engine's once the keeper was killed.
#[derive(Debug)]
pub(super) struct Producer {
    shared: Shared,
}

impl Producer {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Counts a call that was stopped; its number, from 1. The number is noted first, so that a successor knows
    /// whether the call in flight is counted.
    pub(super) fn saw(&self) -> u64 {
        let seq = self.shared.word(Word::Seen).load(SeqCst) + 1;
        self.shared.word(Word::FlightSeq).store(seq, SeqCst);
        self.shared.word(Word::Seen).store(seq, SeqCst);
        seq
    }

    /// No call is in flight.
    pub(super) fn landed(&self) {
        self.shared.flight_id().store(0, SeqCst);
        self.shared.word(Word::FlightSeq).store(0, SeqCst);
    }

    /// A keeper was killed with a call in flight: counts it if the keeper had not.
    pub(super) fn count_flight(&self) {
        let seen = self.shared.word(Word::Seen).load(SeqCst);
        let counted = match self.shared.word(Word::FlightSeq).load(SeqCst) {
            0 => seen + 1,
            seq => seq,
        };
        self.shared.word(Word::Seen).store(counted.max(seen), SeqCst);
    }

    /// Counts a call that was interrupted before it was made.
    pub(super) fn cancelled(&self) {
        self.shared.word(Word::LostCancelled).fetch_add(1, SeqCst);
    }

    /// Counts what was to be a record and is none.
    pub(super) fn refused(&self) {
        self.shared.word(Word::LostRefused).fetch_add(1, SeqCst);
    }

    /// Puts a record into the ring; where there is no room for its class, counts it and returns `false`. Never
    /// waits.
    pub(super) fn commit(&self, class: Class, seq: u64, record: &[u8]) -> bool {
        let fits = self.shared.push(class, seq, record);
        if !fits {
            self.shared.word(class.lost()).fetch_add(1, SeqCst);
        }
        fits
    }

    /// The engine waits although there is something for it.
    pub(super) fn engine_sleeps(&self) -> bool {
        self.shared.waiting_word().load(SeqCst) != 0
    }

    /// A quarter of a lane is used: the engine should not be left asleep.
    pub(super) fn is_filling(&self) -> bool {
        Lane::ALL.iter().any(|lane| self.shared.used(*lane) * 4 > self.shared.lane_len())
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
