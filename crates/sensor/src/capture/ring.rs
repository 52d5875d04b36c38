//! The two lanes of the ring in the shared memory, and counts that stay exact wherever a process is killed.
//!
//! A lane is written by one process and read by another. Positions only grow; the place of one in the lane's bytes is
//! its rest by the lane's length. A record is preceded by a frame: its length, its number among all captured calls,
//! and its number in the lane.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use fargard_model::Lost;

use super::{
    Counters,
    lane::{Class, Lane},
    layout::{Shared, Word},
};
use crate::raw::MAX_RECORD;

/// Bytes of a frame.
pub(super) const FRAME: u64 = 24;

/// A word each lane has.
#[derive(Clone, Copy, Debug)]
pub(super) enum LaneWord {
    /// Position after the newest record: moved by the producer alone.
    Head,
    /// Position of the newest record, or of the one about to be the newest.
    Newest,
    /// Records ever put into the lane.
    Committed,
    /// Position of the oldest record: moved by the engine, or by the keeper while there is no engine.
    Tail,
    /// Records that left the lane, whatever became of them.
    Done,
}

/// What precedes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of the record.
    pub(super) length: u64,
    /// Number among all captured calls.
    pub(super) seq: u64,
    /// Number in the lane, from 1.
    pub(super) number: u64,
}

impl Frame {
    /// Bytes a record of that length takes in its lane.
    pub(super) fn bytes(length: u64) -> u64 {
        FRAME + length.next_multiple_of(8)
    }

    fn encode(self) -> [u8; FRAME as usize] {
        let mut bytes = [0; FRAME as usize];
        for (slot, value) in bytes.chunks_exact_mut(8).zip([self.length, self.seq, self.number]) {
            slot.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }
}

impl Shared {
    /// A word of a lane.
    pub(super) fn lane(&self, lane: Lane, word: LaneWord) -> &AtomicU64 {
        self.lane_word(lane as usize, word as usize)
    }

    fn load(&self, lane: Lane, word: LaneWord) -> u64 {
        self.lane(lane, word).load(SeqCst)
    }

    /// Bytes of a lane in use.
    pub(super) fn used(&self, lane: Lane) -> u64 {
        self.load(lane, LaneWord::Head).wrapping_sub(self.load(lane, LaneWord::Tail))
    }

    /// Nothing is in the ring.
    pub(super) fn is_empty(&self) -> bool {
        Lane::ALL.iter().all(|lane| self.used(*lane) == 0)
    }

    /// Copies from a lane at a position, around its end where needed.
    pub(super) fn ring_read(&self, lane: Lane, position: u64, into: &mut [u8]) {
        let (at, first) = self.split(position, into.len());
        let (before, after) = into.split_at_mut(first);
        let start = self.lane_start(lane as usize);
        self.mapping.read(start + at, before);
        self.mapping.read(start, after);
    }

    /// Copies into a lane at a position, around its end where needed.
    pub(super) fn ring_write(&self, lane: Lane, position: u64, bytes: &[u8]) {
        let (at, first) = self.split(position, bytes.len());
        let (before, after) = bytes.split_at(first);
        let start = self.lane_start(lane as usize);
        self.mapping.write(start + at, before);
        self.mapping.write(start, after);
    }

    fn split(&self, position: u64, len: usize) -> (usize, usize) {
        let at = position % self.lane_len();
        let first = len.min((self.lane_len() - at) as usize);
        (at as usize, first)
    }

    /// Puts a record into its lane; `false` when it has no room there for the record's class.
    pub(super) fn push(&self, class: Class, seq: u64, record: &[u8]) -> bool {
        let lane = class.lane();
        let bytes = Frame::bytes(record.len() as u64);
        if record.len() > MAX_RECORD || self.used(lane) + bytes > class.limit(self.lane_len()) {
            return false;
        }
        let head = self.load(lane, LaneWord::Head);
        let number = self.load(lane, LaneWord::Committed) + 1;
        let frame = Frame { length: record.len() as u64, seq, number };
        self.ring_write(lane, head, &frame.encode());
        self.ring_write(lane, head + FRAME, record);
        // The order lets a successor find the exact count wherever this process is killed.
        self.lane(lane, LaneWord::Newest).store(head, SeqCst);
        self.lane(lane, LaneWord::Head).store(head + bytes, SeqCst);
        self.lane(lane, LaneWord::Committed).store(number, SeqCst);
        true
    }

    /// The frame of the record at a position below the head. `None` when it is not one.
    pub(super) fn frame(&self, lane: Lane, position: u64) -> Option<Frame> {
        let available = self.load(lane, LaneWord::Head).checked_sub(position)?;
        if available < FRAME {
            return None;
        }
        let mut bytes = [0; FRAME as usize];
        self.ring_read(lane, position, &mut bytes);
        let ([length, seq, number], _) = bytes.as_chunks::<8>() else { return None };
        let [length, seq, number] = [length, seq, number].map(|word| u64::from_ne_bytes(*word));
        let fits = length <= MAX_RECORD as u64 && Frame::bytes(length) <= available;
        fits.then_some(Frame { length, seq, number })
    }

    /// Takes the record at the tail out of a lane.
    pub(super) fn drop_oldest(&self, lane: Lane, length: u64) {
        let tail = self.load(lane, LaneWord::Tail);
        self.lane(lane, LaneWord::Tail).store(tail + Frame::bytes(length), SeqCst);
        self.lane(lane, LaneWord::Done).fetch_add(1, SeqCst);
    }

    /// Gives up what is in a lane; the number of records.
    pub(super) fn drop_all(&self, lane: Lane) -> u64 {
        let committed = self.load(lane, LaneWord::Committed);
        let dropped = committed.saturating_sub(self.load(lane, LaneWord::Done));
        self.lane(lane, LaneWord::Tail).store(self.load(lane, LaneWord::Head), SeqCst);
        self.lane(lane, LaneWord::Done).store(committed, SeqCst);
        dropped
    }

    /// Names the record the engine works on, in a way that is never 0.
    pub(super) fn in_progress(lane: Lane, position: u64) -> u64 {
        position << 2 | (lane as u64) << 1 | 1
    }

    /// Makes the counts exact again after an engine died anywhere, also between moving a tail and counting. Only by
    /// the keeper, while no engine runs. The record the engine died on, 0 for none.
    pub(super) fn repair_consumed(&self) -> u64 {
        for lane in Lane::ALL {
            let done = match self.frame(lane, self.load(lane, LaneWord::Tail)) {
                Some(frame) => frame.number.saturating_sub(1),
                None => self.load(lane, LaneWord::Committed),
            };
            self.lane(lane, LaneWord::Done).store(done, SeqCst);
        }
        self.word(Word::InProgress).swap(0, SeqCst)
    }

    /// The engine died on a record for the second time: takes it out of the ring. Only while no engine runs.
    pub(super) fn drop_poison(&self, in_progress: u64) {
        let lane = if in_progress & 2 == 0 { Lane::Important } else { Lane::File };
        let tail = self.load(lane, LaneWord::Tail);
        if Self::in_progress(lane, tail) == in_progress
            && let Some(frame) = self.frame(lane, tail)
        {
            self.word(Word::LostPoison).fetch_add(1, SeqCst);
            self.drop_oldest(lane, frame.length);
        }
    }

    /// Makes the producer's counts exact again after a keeper died anywhere. Only while no keeper runs, by the
    /// process that takes its place.
    pub(super) fn repair_committed(&self) {
        for lane in Lane::ALL {
            // What was committed stays readable: without a producer nothing overwrites it.
            if let Some(frame) = self.frame(lane, self.load(lane, LaneWord::Newest)) {
                self.lane(lane, LaneWord::Committed).store(frame.number, SeqCst);
            }
        }
        let in_flight =
            self.word(Word::Seen).load(SeqCst).saturating_sub(self.committed() + self.lost_before_ring());
        self.word(Word::LostKeeper).fetch_add(in_flight, SeqCst);
    }

    /// Records ever put into the ring.
    pub(super) fn committed(&self) -> u64 {
        Lane::ALL.iter().map(|lane| self.load(*lane, LaneWord::Committed)).sum()
    }

    fn lost(&self, words: &[(&str, Word)]) -> Lost {
        let counts = words.iter().map(|(class, word)| ((*class).to_owned(), self.word(*word).load(SeqCst)));
        Lost(counts.filter(|(_, count)| *count > 0).collect())
    }

    fn lost_before_ring(&self) -> u64 {
        BEFORE_RING.iter().map(|(_, word)| self.word(*word).load(SeqCst)).sum()
    }

    /// What was captured since the start.
    pub(crate) fn counters(&self) -> Counters {
        let done: u64 = Lane::ALL.iter().map(|lane| self.load(*lane, LaneWord::Done)).sum();
        let after = self.lost(&AFTER_RING);
        let mut lost = self.lost(&BEFORE_RING);
        let dropped = after.total();
        lost.0.extend(after.0);
        Counters {
            consumed: done.saturating_sub(dropped),
            pending: self.committed().saturating_sub(done),
            lost,
            seen: self.word(Word::Seen).load(SeqCst),
            engine_restarts: self.word(Word::EngineRestarts).load(SeqCst),
            finished: self.word(Word::Finished).load(SeqCst) != 0,
        }
    }
}

/// Classes of calls without a record in the ring, in the order in which the ring's are shed.
const BEFORE_RING: [(&str, Word); 8] = [
    ("ring_read", Word::LostRead),
    ("ring_file", Word::LostFile),
    ("ring_network", Word::LostNetwork),
    ("ring_privilege", Word::LostPrivilege),
    ("ring_exec", Word::LostExec),
    ("cancelled", Word::LostCancelled),
    ("keeper_died", Word::LostKeeper),
    ("refused", Word::LostRefused),
];

/// Classes of records that were in the ring and came to nothing.
const AFTER_RING: [(&str, Word); 2] = [("poison", Word::LostPoison), ("malformed", Word::LostMalformed)];
