//! The memory that shim, keeper and engine share: counters, the call in flight, the filter, the ring.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use fargard_model::Lost;

use super::Counters;
use crate::{raw::MAX_RECORD, sys::shared::Mapping};

const FLIGHT: usize = 4096;
/// Bytes for a notification as the kernel writes it; today's is 80 bytes long.
pub(super) const FLIGHT_BYTES: usize = 1024;
const TEXT: usize = 8192;
const TEXT_BYTES: usize = 1024;
const PROGRAM: usize = 12 * 1024;
/// The longest filter program the kernel takes, in bytes.
pub(super) const PROGRAM_BYTES: usize = 4096 * 8;
const RING: usize = PROGRAM + PROGRAM_BYTES;
/// The smallest ring: two records of any size fit.
const MIN_RING: usize = 4 * MAX_RECORD;

/// Length and number before a record in the ring.
pub(super) const FRAME: u64 = 16;

/// A counter or other word at the start of the shared memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// Calls stopped.
    Seen,
    /// Position after the newest record: moved by the producer alone.
    Head,
    /// Position of the newest record, or of the one about to be the newest.
    Newest,
    /// Records ever put into the ring.
    Committed,
    /// Position of the oldest record: moved by the engine, or by the keeper while there is no engine.
    Tail,
    /// Records the engine is done with.
    Consumed,
    /// Position + 1 of the record the engine works on, 0 for none.
    InProgress,
    LostRingFull,
    LostCancelled,
    LostKeeper,
    LostRefused,
    LostPoison,
    LostMalformed,
    EngineRestarts,
    /// 1: no record will follow.
    Finished,
    /// Bytes of the filter program.
    ProgramLen,
    /// 1: the engine needs the environment of executed programs.
    Environment,
    Backend,
    Features,
    Notes,
    TextLen,
    /// Process ids, for the sensor's own view of itself.
    AppPid,
    KeeperPid,
    EnginePid,
    AttacherPid,
    /// Listeners whose calls are answered, the app's own included.
    Listeners,
    /// 1: the engine answers calls in the place of a killed keeper.
    TookOver,
    /// Low half: changes with each wake-up.
    Wake,
    /// Low half: 1 while the engine waits.
    Waiting,
    /// Id of the call that ends the first process of the namespace, while it is held; 0 for none.
    Held,
    /// Low half: the listener's number for the process that passes it on.
    Helper,
}

/// The shared memory. A copy refers to the same memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) mapping: Mapping,
    ring: u64,
}

impl Shared {
    /// Maps the memory with a ring of about `ring_bytes`.
    pub(crate) fn new(ring_bytes: usize) -> std::io::Result<Self> {
        let ring = ring_bytes.max(MIN_RING).next_multiple_of(4096);
        Ok(Self { mapping: Mapping::new(RING + ring)?, ring: ring as u64 })
    }

    /// One of the words.
    pub(super) fn word(&self, word: Word) -> &AtomicU64 {
        self.mapping.word(word as usize * 8)
    }

    /// Bytes of the ring.
    pub(super) fn ring_len(&self) -> u64 {
        self.ring
    }

    /// Copies from the ring at a position, around its end where needed.
    pub(super) fn ring_read(&self, position: u64, into: &mut [u8]) {
        let (at, first) = self.split(position, into.len());
        let (before, after) = into.split_at_mut(first);
        self.mapping.read(RING + at, before);
        self.mapping.read(RING, after);
    }

    /// Copies into the ring at a position, around its end where needed.
    pub(super) fn ring_write(&self, position: u64, bytes: &[u8]) {
        let (at, first) = self.split(position, bytes.len());
        let (before, after) = bytes.split_at(first);
        self.mapping.write(RING + at, before);
        self.mapping.write(RING, after);
    }

    fn split(&self, position: u64, len: usize) -> (usize, usize) {
        let at = position % self.ring;
        let first = len.min((self.ring - at) as usize);
        (at as usize, first)
    }

    /// Offset of the buffer of the call in flight.
    pub(super) fn flight(&self) -> usize {
        FLIGHT
    }

    /// Id of the call in flight, 0 for none.
    pub(super) fn flight_id(&self) -> &AtomicU64 {
        self.mapping.word(FLIGHT)
    }

    /// The engine died on a record for the second time: takes it out of the ring. Only while no engine runs.
    pub(super) fn drop_poison(&self) {
        let tail = self.word(Word::Tail).load(SeqCst);
        if let Some((length, _)) = self.frame(tail) {
            self.word(Word::Tail).store(tail + Self::framed(length), SeqCst);
            self.word(Word::LostPoison).fetch_add(1, SeqCst);
        }
    }

    /// The half word that changes with each wake-up of the engine.
    pub(super) fn wake_word(&self) -> &AtomicU32 {
        self.mapping.half(Word::Wake as usize * 8)
    }

    /// The half word that is 1 while the engine waits.
    pub(super) fn waiting_word(&self) -> &AtomicU32 {
        self.mapping.half(Word::Waiting as usize * 8)
    }

    /// The half word through which the shim tells its helper the listener's number.
    pub(super) fn helper_word(&self) -> &AtomicU32 {
        self.mapping.half(Word::Helper as usize * 8)
    }

    /// Stores the reason of the chosen backend, or of a failure.
    pub(super) fn set_text(&self, text: &str) {
        let bytes = &text.as_bytes()[..text.len().min(TEXT_BYTES)];
        self.mapping.write(TEXT, bytes);
        self.word(Word::TextLen).store(bytes.len() as u64, SeqCst);
    }

    /// The stored text.
    pub(super) fn text(&self) -> String {
        let length = (self.word(Word::TextLen).load(SeqCst) as usize).min(TEXT_BYTES);
        let mut bytes = vec![0; length];
        self.mapping.read(TEXT, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Stores the encoded filter; `false` when it is too long.
    pub(super) fn set_program(&self, program: &[u8]) -> bool {
        if program.len() > PROGRAM_BYTES {
            return false;
        }
        self.mapping.write(PROGRAM, program);
        self.word(Word::ProgramLen).store(program.len() as u64, SeqCst);
        true
    }

    /// The encoded filter.
    pub(super) fn program(&self) -> Vec<u8> {
        let mut program = vec![0; (self.word(Word::ProgramLen).load(SeqCst) as usize).min(PROGRAM_BYTES)];
        self.mapping.read(PROGRAM, &mut program);
        program
    }

    /// The frame of the record at a position below the head: length of the record and its number.
    /// `None` when it is not one.
    pub(super) fn frame(&self, position: u64) -> Option<(u64, u64)> {
        let available = self.word(Word::Head).load(SeqCst).checked_sub(position)?;
        if available < FRAME {
            return None;
        }
        let mut frame = [0; FRAME as usize];
        self.ring_read(position, &mut frame);
        let (length, number) = frame.split_first_chunk::<8>()?;
        let length = u64::from_ne_bytes(*length);
        let number = u64::from_ne_bytes(number.try_into().ok()?);
        (length <= MAX_RECORD as u64 && FRAME + length.next_multiple_of(8) <= available)
            .then_some((length, number))
    }

    /// Bytes a record of that length takes in the ring.
    pub(super) fn framed(length: u64) -> u64 {
        FRAME + length.next_multiple_of(8)
    }

    /// Records the engine will never be done with, of those committed.
    fn dropped(&self) -> u64 {
        self.word(Word::LostPoison).load(SeqCst) + self.word(Word::LostMalformed).load(SeqCst)
    }

    /// Makes the count of consumed records exact again after an engine died between moving the tail and
    /// counting. Only while no engine runs.
    pub(super) fn repair_consumed(&self) {
        let tail = self.word(Word::Tail).load(SeqCst);
        let before = match self.frame(tail) {
            Some((_, number)) => number.saturating_sub(1),
            None => self.word(Word::Committed).load(SeqCst),
        };
        self.word(Word::Consumed).store(before.saturating_sub(self.dropped()), SeqCst);
        self.word(Word::InProgress).store(0, SeqCst);
    }

    /// Makes the producer's counts exact again after a keeper died anywhere. Only while no keeper runs, by the
    /// process that takes its place.
    pub(super) fn repair_committed(&self) {
        // What was committed stays readable: without a producer nothing overwrites it.
        if let Some((_, number)) = self.frame(self.word(Word::Newest).load(SeqCst)) {
            self.word(Word::Committed).store(number, SeqCst);
        }
        let counted = self.word(Word::Committed).load(SeqCst) + self.lost_before_ring();
        let in_flight = self.word(Word::Seen).load(SeqCst).saturating_sub(counted);
        self.word(Word::LostKeeper).fetch_add(in_flight, SeqCst);
    }

    fn lost_before_ring(&self) -> u64 {
        self.word(Word::LostRingFull).load(SeqCst)
            + self.word(Word::LostCancelled).load(SeqCst)
            + self.word(Word::LostKeeper).load(SeqCst)
            + self.word(Word::LostRefused).load(SeqCst)
    }

    /// What was captured since the start.
    pub(crate) fn counters(&self) -> Counters {
        let mut lost = Lost::default();
        for (class, count) in [
            ("ring_full", self.word(Word::LostRingFull)),
            ("cancelled", self.word(Word::LostCancelled)),
            ("keeper_died", self.word(Word::LostKeeper)),
            ("refused", self.word(Word::LostRefused)),
            ("poison", self.word(Word::LostPoison)),
            ("malformed", self.word(Word::LostMalformed)),
        ] {
            let count = count.load(SeqCst);
            if count > 0 {
                lost.0.insert(class.to_owned(), count);
            }
        }
        let consumed = self.word(Word::Consumed).load(SeqCst);
        Counters {
            seen: self.word(Word::Seen).load(SeqCst),
            consumed,
            pending: self.word(Word::Committed).load(SeqCst).saturating_sub(consumed + self.dropped()),
            lost,
            engine_restarts: self.word(Word::EngineRestarts).load(SeqCst),
            finished: self.word(Word::Finished).load(SeqCst) != 0,
        }
    }
}
