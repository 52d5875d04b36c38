//! Blocks: what a capture is made of. Each is a type, a length, a body padded to four bytes, and the length again,
//! as in pcap-ng. Numbers of types: userspace/libscap/engine/savefile of Falco's libs; those above 0x8000_0000 were
//! in use before its first release.

use std::io::{self, BufReader, Read};

use crate::error::{Problem, ScapError};

/// First number of every capture and of every further section.
pub(crate) const SECTION: u32 = 0x0a0d_0d0a;
/// Newest major version of the format that is read.
pub(crate) const MAX_MAJOR: u16 = 1;
/// Longest block: a list of all processes of a large machine takes some megabytes.
pub(crate) const MAX_BLOCK: usize = 64 << 20;
const HEADER: usize = 8;
const TRAILER: usize = 4;
/// Read at once; a longer block grows the buffer as it arrives, so that a wrong length costs no memory.
const STEP: usize = 256 << 10;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    Section,
    Machine,
    /// Processes; the version of the entries.
    Processes(u8),
    /// Descriptors; whether entries say how long they are.
    Descriptors {
        sized: bool,
    },
    Interfaces,
    /// Users and groups; whether entries say how long they are.
    Users {
        sized: bool,
    },
    Event(EventForm),
    Unknown,
}

/// How an event is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventForm {
    /// Four bytes of flags follow the processor.
    pub(crate) flags: bool,
    /// The header says how many parameters there are.
    pub(crate) counted: bool,
    /// Lengths of parameters take four bytes instead of two.
    pub(crate) wide: bool,
}

impl BlockKind {
    pub(crate) fn of(number: u32) -> Self {
        let event = |flags, counted, wide| Self::Event(EventForm { flags, counted, wide });
        match number {
            SECTION => Self::Section,
            0x201 | 0x8002_abcd => Self::Machine,
            0x202 | 0x8000_abcd => Self::Processes(1),
            0x207 | 0x8013_abcd => Self::Processes(2),
            0x209 | 0x8014_abcd => Self::Processes(3),
            0x210 => Self::Processes(4),
            0x211 => Self::Processes(5),
            0x212 => Self::Processes(6),
            0x213 => Self::Processes(7),
            0x214 => Self::Processes(8),
            0x215 => Self::Processes(9),
            0x203 | 0x8001_abcd => Self::Descriptors { sized: false },
            0x218 => Self::Descriptors { sized: true },
            0x205 | 0x8011_abcd | 0x219 => Self::Interfaces,
            0x206 | 0x8012_abcd => Self::Users { sized: false },
            0x220 => Self::Users { sized: true },
            0x204 | 0x8010_abcd => event(false, false, false),
            0x208 => event(true, false, false),
            0x216 => event(false, true, false),
            0x217 => event(true, true, false),
            0x221 => event(false, true, true),
            0x222 => event(true, true, true),
            _ => Self::Unknown,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Section => "section",
            Self::Machine => "machine",
            Self::Processes(_) => "process list",
            Self::Descriptors { .. } => "descriptor list",
            Self::Interfaces => "interface list",
            Self::Users { .. } => "user list",
            Self::Event(_) => "event",
            Self::Unknown => "unknown",
        }
    }
}

/// The header of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) number: u32,
    /// Of its first byte.
    pub(crate) offset: u64,
    /// Of its body.
    len: usize,
}

/// Reads blocks one by one into the same memory.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    input: BufReader<R>,
    offset: u64,
    limit: u64,
    body: Vec<u8>,
}

impl<R: Read> Blocks<R> {
    /// `limit` is the longest capture that is read, in bytes.
    pub(crate) fn new(input: R, limit: u64) -> Self {
        Self { input: BufReader::with_capacity(STEP, input), offset: 0, limit, body: vec![0; STEP] }
    }

    /// The next block; `None` where the capture ends between two.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, ScapError> {
        let offset = self.offset;
        let at = |block, problem| ScapError { offset, block, problem };
        let mut header = [0; HEADER];
        match fill(&mut self.input, &mut header) {
            Err(error) => return Err(at(None, failure(error))),
            Ok(0) => return Ok(None),
            Ok(HEADER) => {}
            Ok(_) => return Err(at(None, Problem::Truncated("a block's header"))),
        }
        let [a, b, c, d, e, f, g, h] = header;
        let (number, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if offset == 0 && number != SECTION {
            return Err(at(None, Problem::NotACapture(number)));
        }
        let total = length as usize;
        if !(HEADER + TRAILER..=MAX_BLOCK).contains(&total) {
            return Err(at(Some(number), Problem::BlockLength { length }));
        }
        if offset + u64::from(length) > self.limit {
            return Err(at(Some(number), Problem::TooLong(self.limit)));
        }
        // The trailer is read with the body.
        let rest = total - HEADER;
        self.fill_body(rest).map_err(|problem| at(Some(number), problem))?;
        let len = rest - TRAILER;
        let tail = self.body.get(len..rest).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        if tail != Some(length) {
            return Err(at(Some(number), Problem::Trailer { head: length, tail: tail.unwrap_or_default() }));
        }
        self.offset = offset + u64::from(length);
        Ok(Some(Block { number, offset, len }))
    }

    /// The body of the block that was read last.
    pub(crate) fn body(&self, block: &Block) -> &[u8] {
        self.body.get(..block.len).unwrap_or_default()
    }

    fn fill_body(&mut self, len: usize) -> Result<(), Problem> {
        let mut done = 0;
        while done < len {
            let end = len.min(done + STEP);
            if self.body.len() < end {
                self.body.resize(end, 0);
            }
            let part = self.body.get_mut(done..end).unwrap_or_default();
            let read = fill(&mut self.input, part).map_err(failure)?;
            if read < end - done {
                return Err(Problem::Truncated("a block"));
            }
            done = end;
        }
        Ok(())
    }
}

fn failure(error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Problem::Truncated("its compressed data"),
        _ => Problem::Read(error),
    }
}

/// Reads until the buffer is full or the input ends; how much was read.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
