//! Reading a capture, event by event.

use std::io::Read;

use fargard_model::{Event, EventType};

use crate::{
    MAX_CAPTURE,
    apply::Change,
    block::{Block, BlockKind, Blocks, EventForm, MAX_MAJOR},
    bytes::{Bytes, text},
    entries::Entries,
    error::{Problem, ScapError},
    event::{self, Shared},
    lists,
    raw::RawEvent,
    schema::{is_entry, kind},
    state::State,
};

/// What was passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Blocks of an unknown type.
    pub blocks: u64,
    /// Events of a type newer than the schema that is known.
    pub events: u64,
    /// Event blocks whose content is damaged.
    pub damaged: u64,
}

/// An iterator over the events of a capture; it ends after the first error.
#[derive(Debug)]
pub struct Capture<R> {
    blocks: Blocks<R>,
    state: State,
    entries: Entries,
    shared: Shared,
    skipped: Skipped,
    hostname: String,
    num: u64,
    /// The lists before the events are read and complete.
    complete: bool,
    /// An event that is not part of the initial state was seen.
    running: bool,
    over: bool,
}

impl<R: Read> Capture<R> {
    /// Reads a capture that is not compressed; [`crate::decompressed`] makes it so.
    pub fn new(input: R) -> Self {
        Self::with_limit(input, MAX_CAPTURE)
    }

    /// As [`Self::new`], with another limit of the capture's length in bytes.
    pub fn with_limit(input: R, limit: u64) -> Self {
        Self {
            blocks: Blocks::new(input, limit),
            state: State::default(),
            entries: Entries::default(),
            shared: Shared::default(),
            skipped: Skipped::default(),
            hostname: String::new(),
            num: 0,
            complete: false,
            running: false,
            over: false,
        }
    }

    /// What was passed over so far.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// Name of the machine the capture was made on; empty until it is read.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    fn read(&mut self) -> Result<Option<Event>, ScapError> {
        while let Some(block) = self.blocks.next()? {
            let event = self.block(&block).map_err(|problem| ScapError {
                offset: block.offset,
                block: Some(block.number),
                problem,
            })?;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn block(&mut self, block: &Block) -> Result<Option<Event>, Problem> {
        let body = self.blocks.body(block);
        match BlockKind::of(block.number) {
            BlockKind::Event(form) => return self.event(block, form),
            BlockKind::Section => {
                section(body)?;
                // Another machine, or the same one later: nothing of before holds.
                self.state = State::default();
                self.entries = Entries::default();
                (self.complete, self.running) = (false, false);
            }
            BlockKind::Machine => self.hostname = hostname(body).unwrap_or_default(),
            BlockKind::Processes(version) => lists::processes(&mut self.state, body, version)?,
            BlockKind::Descriptors { sized } => lists::descriptors(&mut self.state, body, sized)?,
            BlockKind::Users { sized } => lists::users(&mut self.state, body, sized)?,
            BlockKind::Interfaces => {}
            BlockKind::Unknown => self.skipped.blocks += 1,
        }
        Ok(None)
    }

    fn event(&mut self, block: &Block, form: EventForm) -> Result<Option<Event>, Problem> {
        if !self.complete {
            lists::complete(&mut self.state)?;
            self.complete = true;
        }
        let Some(mut raw) = RawEvent::read(self.blocks.body(block), form) else {
            self.skipped.damaged += 1;
            return Ok(None);
        };
        let Some(kind) = kind(raw.number) else {
            if is_entry(raw.number) {
                self.entries.keep(&raw);
            } else {
                self.skipped.events += 1;
            }
            return Ok(None);
        };
        let entry = self.entries.of(raw.tid, raw.number);
        if let Some(entry) = &entry {
            raw.params.complete(kind, entry);
        }
        let about = Change { state: &mut self.state, raw: &raw, kind }.apply()?;
        // What the capture already knew when it began comes as events, too: Falco does not count them.
        self.running |= !tells_initial_state(kind.event);
        let ends = about.ends;
        let event = if self.running {
            self.num += 1;
            let mut change = Change { state: &mut self.state, raw: &raw, kind };
            Some(event::build(&mut change, about, self.num, &self.shared)?)
        } else {
            None
        };
        let had_entry = entry.is_some();
        let tid = raw.tid;
        if let Some(reaper) = ends {
            self.state.remove_thread(tid, reaper);
        }
        if had_entry {
            self.entries.forget(tid);
        }
        Ok(event)
    }
}

impl<R: Read> Iterator for Capture<R> {
    type Item = Result<Event, ScapError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read();
        self.over = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

/// Events that a capture may begin with in addition to its lists.
fn tells_initial_state(event: EventType) -> bool {
    matches!(
        event,
        EventType::Container
            | EventType::Useradded
            | EventType::Userdeleted
            | EventType::Groupadded
            | EventType::Groupdeleted
    )
}

fn section(body: &[u8]) -> Result<(), Problem> {
    const MARK: u32 = 0x1a2b_3c4d;
    let mut bytes = Bytes(body);
    let mark = bytes.u32().unwrap_or(0);
    if mark != MARK {
        return Err(Problem::ByteOrder(mark));
    }
    match bytes.u16() {
        Some(major) if major <= MAX_MAJOR => Ok(()),
        major => Err(Problem::Version(major.unwrap_or(u16::MAX))),
    }
}

/// The machine's name, after its processors, its memory and its largest process id.
fn hostname(body: &[u8]) -> Option<String> {
    const LENGTH: usize = 128;
    let mut bytes = Bytes(body);
    bytes.take(4 + 8 + 8)?;
    Some(text(bytes.take(LENGTH)?).into_owned())
}
