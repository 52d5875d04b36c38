//! The memory that shim, keeper and engine share: counters, the call in flight, the filter, the lanes of the ring.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use super::denials::TABLE_BYTES as DENIAL_BYTES;
use crate::{raw::MAX_RECORD, sys::shared::Mapping};

const FLIGHT: usize = 4096;
/// Bytes for a notification as the kernel writes it; today's is 80 bytes long.
pub(super) const FLIGHT_BYTES: usize = 1024;
const TEXT: usize = 8192;
const TEXT_BYTES: usize = 1024;
const PROGRAM: usize = 12 * 1024;
/// The longest filter program the kernel takes, in bytes.
pub(super) const PROGRAM_BYTES: usize = 4096 * 8;
const DENIALS: usize = PROGRAM + PROGRAM_BYTES;
const LEASED: usize = DENIALS + DENIAL_BYTES;
/// Most files with leases.
pub(crate) const MOST_LEASED: usize = 512;
/// Words of a file with a lease.
const LEASED_WORDS: usize = 12;
const PUT_OFF: usize = LEASED + MOST_LEASED * LEASED_WORDS * 8;
/// Most calls that are held until a lease is given back.
pub(super) const MOST_PUT_OFF: usize = 32;
const INJECTED: usize = PUT_OFF + MOST_PUT_OFF * 8;
/// Processes that were given the filter: as many as there may be listeners.
pub(super) const MOST_INJECTED: usize = 64;
const RING: usize = (INJECTED + MOST_INJECTED * 16).next_multiple_of(4096);
/// The smallest lane: a record of any size fits into half of it.
const MIN_LANE: usize = 4 * MAX_RECORD;
/// The lanes' words.
const LANES: usize = 2048;
const LANE_WORDS: usize = 64;

/// A counter or other word at the start of the shared memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// Calls stopped.
    Seen,
    /// Number the call in flight is counted under, 0 for none.
    FlightSeq,
    /// The record the engine works on, 0 for none.
    InProgress,
    LostRead,
    LostFile,
    LostNetwork,
    LostPrivilege,
    LostExec,
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
    /// Bytes of the table of calls that are denied.
    DenialsLen,
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
    /// The process the attacher gives a filter just now, 0 for none.
    Injecting,
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
    /// 1: the engine takes leases, so opens that do not wait are stopped.
    TakesLeases,
    /// Counts the tables of leased files.
    LeasedTurn,
    /// Low half: the listener's number for the process that passes it on, then what came of it.
    Helper,
}

/// The shared memory. A copy refers to the same memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) mapping: Mapping,
    lane: u64,
}

impl Shared {
    /// Maps the memory with a ring of about `ring_bytes`.
    pub(crate) fn new(ring_bytes: usize) -> std::io::Result<Self> {
        let lane = (ring_bytes / 2).max(MIN_LANE).next_multiple_of(4096);
        Ok(Self { mapping: Mapping::new(RING + 2 * lane)?, lane: lane as u64 })
    }

    /// One of the words.
    pub(super) fn word(&self, word: Word) -> &AtomicU64 {
        self.mapping.word(word as usize * 8)
    }

    /// Bytes of each lane of the ring.
    pub(super) fn lane_len(&self) -> u64 {
        self.lane
    }

    /// Offset of a lane.
    pub(super) fn lane_start(&self, lane: usize) -> usize {
        RING + lane * self.lane as usize
    }

    /// A word of a lane.
    pub(super) fn lane_word(&self, lane: usize, word: usize) -> &AtomicU64 {
        self.mapping.word(LANES + lane * LANE_WORDS + word * 8)
    }

    /// A word of a leased file.
    pub(super) fn leased_word(&self, entry: usize, word: usize) -> &AtomicU64 {
        self.mapping.word(LEASED + (entry * LEASED_WORDS + word) * 8)
    }

    /// Id of a call that is held until a lease is given back, 0 for none.
    pub(super) fn put_off(&self, place: usize) -> &AtomicU64 {
        self.mapping.word(PUT_OFF + place * 8)
    }

    /// A process that was given the filter, 0 for none, and its start in ticks.
    pub(super) fn injected(&self, place: usize) -> [&AtomicU64; 2] {
        [0, 8].map(|word| self.mapping.word(INJECTED + place * 16 + word))
    }

    /// Offset of the buffer of the call in flight.
    pub(super) fn flight(&self) -> usize {
        FLIGHT
    }

    /// Id of the call in flight, 0 for none.
    pub(super) fn flight_id(&self) -> &AtomicU64 {
        self.mapping.word(FLIGHT)
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

    /// Stores the encoded table of calls that are denied; `false` when it is too long.
    pub(super) fn set_denials(&self, table: &[u8]) -> bool {
        if table.len() > DENIAL_BYTES {
            return false;
        }
        self.mapping.write(DENIALS, table);
        self.word(Word::DenialsLen).store(table.len() as u64, SeqCst);
        true
    }

    /// The encoded table.
    pub(super) fn denials(&self) -> Vec<u8> {
        let mut table = vec![0; (self.word(Word::DenialsLen).load(SeqCst) as usize).min(DENIAL_BYTES)];
        self.mapping.read(DENIALS, &mut table);
        table
    }
}
