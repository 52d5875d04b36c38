//! One captured call as the keeper writes it into the shared ring and the engine reads it.
//!
//! The layout is private to one build of the sensor. Numbers are in the machine's byte order. A record is a
//! [`HEADER`]-byte header followed by items; an item is an 8-byte head (kind, argument index, two flag bytes,
//! 32-bit length) and its bytes, padded to 8. Writing never allocates, reading never trusts a length.

/// Bytes before the first item: seq, time, tid, nr, arch, item count, six arguments.
pub const HEADER: usize = 8 + 8 + 4 + 4 + 4 + 4 + 6 * 8;
/// Bytes before an item's content.
const ITEM_HEAD: usize = 8;
/// Largest record: header, an argv or path of several KiB, and the small items.
pub const MAX_RECORD: usize = 16 * 1024;

/// What an item holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ItemKind {
    /// The text an argument points to, without its final NUL.
    Text = 1,
    /// A socket address as the kernel reads it.
    Sockaddr = 2,
    /// argv strings, each ended by a NUL.
    Argv = 3,
    /// Environment strings, each ended by a NUL.
    Env = 4,
    /// Content of `/proc/TID/stat`, taken at the first event of a thread while the thread waits.
    Stat = 5,
    /// Absolute path of the directory against which a relative path argument is resolved; of a path that names a
    /// descriptor (`/proc/self/fd/3`) what the descriptor leads to.
    Base = 6,
    /// The first bytes of a structure an argument points to (`open_how`).
    Struct = 7,
    /// The call's return value, eight bytes.
    Result = 8,
    /// Content of `/proc/TID/status`, taken at an execution while the thread waits.
    Status = 9,
}

impl ItemKind {
    fn of(byte: u8) -> Option<Self> {
        [
            Self::Text,
            Self::Sockaddr,
            Self::Argv,
            Self::Env,
            Self::Stat,
            Self::Base,
            Self::Struct,
            Self::Result,
            Self::Status,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// One item of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it holds.
    pub kind: ItemKind,
    /// Index of the call's argument it belongs to (0 to 5), or 0 where it belongs to none.
    pub arg: u8,
    /// More was there than was read.
    pub truncated: bool,
    /// The memory could not be read; `bytes` is empty.
    pub unreadable: bool,
    /// The content.
    pub bytes: &'a [u8],
}

/// Fixed part of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts captured calls from 1; a gap is a call that was answered but not recorded.
    pub seq: u64,
    /// Nanoseconds since the epoch at the call's entry.
    pub time: u64,
    /// Thread id in the keeper's pid namespace.
    pub tid: u32,
    /// System call number.
    pub nr: i32,
    /// `AUDIT_ARCH_*` of the call.
    pub arch: u32,
    /// The call's arguments as registers.
    pub args: [u64; 6],
}

/// Writes a record into a buffer of [`MAX_RECORD`] bytes.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
    items: u32,
}

impl<'a> Writer<'a> {
    /// Starts a record. The buffer must hold at least [`HEADER`] bytes.
    #[must_use]
    pub fn new(buffer: &'a mut [u8], head: &Head) -> Self {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            buffer[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&head.seq.to_ne_bytes());
        put(&head.time.to_ne_bytes());
        put(&head.tid.to_ne_bytes());
        put(&head.nr.to_ne_bytes());
        put(&head.arch.to_ne_bytes());
        put(&0u32.to_ne_bytes());
        for arg in head.args {
            put(&arg.to_ne_bytes());
        }
        Self { buffer, len: HEADER, items: 0 }
    }

    /// Room for the content of one more item.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.buffer.len() & !7).saturating_sub(self.len + ITEM_HEAD)
    }

    /// Adds an item whose bytes `fill` writes: it gets the free room and returns the length it used and whether
    /// more was there; `None` marks the item unreadable.
    pub fn item(&mut self, kind: ItemKind, arg: u8, fill: impl FnOnce(&mut [u8]) -> Option<(usize, bool)>) {
        let room = self.room();
        if self.len + ITEM_HEAD > self.buffer.len() {
            return;
        }
        let start = self.len + ITEM_HEAD;
        let filled = fill(&mut self.buffer[start..start + room]);
        let (length, truncated, unreadable) = match filled {
            Some((length, truncated)) => (length.min(room), truncated, false),
            None => (0, false, true),
        };
        self.buffer[self.len..self.len + 4].copy_from_slice(&[
            kind as u8,
            arg,
            u8::from(truncated),
            u8::from(unreadable),
        ]);
        // A length below MAX_RECORD fits.
        self.buffer[self.len + 4..start].copy_from_slice(&(length as u32).to_ne_bytes());
        self.len = start + length.next_multiple_of(8);
        self.items += 1;
    }

    /// Adds an item with these bytes, cut to the room there is.
    pub fn bytes(&mut self, kind: ItemKind, arg: u8, bytes: &[u8]) {
        self.item(kind, arg, |room| {
            let length = bytes.len().min(room.len());
            room[..length].copy_from_slice(&bytes[..length]);
            Some((length, length < bytes.len()))
        });
    }

    /// Ends the record: its length in the buffer.
    #[must_use]
    pub fn finish(self) -> usize {
        self.buffer[28..32].copy_from_slice(&self.items.to_ne_bytes());
        self.len
    }
}

/// Gives a record its number; what is too short for a header stays as it is.
pub fn set_seq(record: &mut [u8], seq: u64) {
    if let Some(first) = record.first_chunk_mut::<8>() {
        *first = seq.to_ne_bytes();
    }
}

/// A record as the engine reads it.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The fixed part.
    pub head: Head,
    items: u32,
    rest: &'a [u8],
}

impl<'a> RawEvent<'a> {
    /// Reads a record; `None` when the bytes are too short for a header.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let head = Head {
            seq: u64::from_ne_bytes(take(&mut rest)?),
            time: u64::from_ne_bytes(take(&mut rest)?),
            tid: u32::from_ne_bytes(take(&mut rest)?),
            nr: i32::from_ne_bytes(take(&mut rest)?),
            arch: u32::from_ne_bytes(take(&mut rest)?),
            args: [0; 6],
        };
        let items = u32::from_ne_bytes(take(&mut rest)?);
        let mut event = Self { head, items, rest };
        for index in 0..6 {
            event.head.args[index] = u64::from_ne_bytes(take(&mut rest)?);
        }
        event.rest = rest;
        Some(event)
    }

    /// Whether every item is there and nothing else, as [`Writer`] leaves a record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let mut rest = self.rest;
        (0..self.items).all(|_| next_item(&mut rest).is_some()) && rest.is_empty()
    }

    /// The items in the order they were written; ends early at a malformed one.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let mut rest = self.rest;
        (0..self.items).map_while(move |_| next_item(&mut rest))
    }

    /// The item of that kind for that argument.
    #[must_use]
    pub fn item(&self, kind: ItemKind, arg: u8) -> Option<Item<'a>> {
        self.items().find(|item| item.kind == kind && item.arg == arg)
    }
}

fn next_item<'a>(rest: &mut &'a [u8]) -> Option<Item<'a>> {
    let [kind, arg, truncated, unreadable] = take(rest)?;
    let length = u32::from_ne_bytes(take(rest)?) as usize;
    let padded = length.checked_next_multiple_of(8)?;
    let (content, after) = rest.split_at_checked(padded)?;
    *rest = after;
    Some(Item {
        kind: ItemKind::of(kind)?,
        arg,
        truncated: truncated != 0,
        unreadable: unreadable != 0,
        bytes: &content[..length],
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Head, ItemKind, MAX_RECORD, RawEvent, Writer, set_seq};

    #[test]
    fn a_record_survives_the_ring() {
        let head = Head { seq: 7, time: 9, tid: 11, nr: -3, arch: 5, args: [1, 2, 3, 4, 5, 6] };
        let mut buffer = [0; MAX_RECORD];
        let mut writer = Writer::new(&mut buffer, &head);
        writer.bytes(ItemKind::Text, 1, b"/usr/bin/probe");
        writer.item(ItemKind::Sockaddr, 2, |_| None);
        let length = writer.finish();
        let event = RawEvent::parse(&buffer[..length]).unwrap();
        assert_eq!(event.head, head);
        assert_eq!(event.item(ItemKind::Text, 1).unwrap().bytes, b"/usr/bin/probe");
        assert!(event.item(ItemKind::Sockaddr, 2).unwrap().unreadable);
        assert_eq!(event.items().count(), 2);
        assert!(event.is_whole());
        assert!(!RawEvent::parse(&buffer[..length - 8]).unwrap().is_whole());
        assert!(!RawEvent::parse(&buffer[..length + 8]).unwrap().is_whole());
        set_seq(&mut buffer, 8);
        assert_eq!(RawEvent::parse(&buffer[..length]).unwrap().head, Head { seq: 8, ..head });
        set_seq(&mut [], 9);
    }

    #[test]
    fn a_full_buffer_cuts_and_says_so() {
        let mut buffer = [0; 128];
        let mut writer = Writer::new(&mut buffer, &Head::default());
        writer.bytes(ItemKind::Argv, 1, &[b'a'; 200]);
        writer.bytes(ItemKind::Text, 2, b"lost");
        let length = writer.finish();
        let event = RawEvent::parse(&buffer[..length]).unwrap();
        assert!(event.item(ItemKind::Argv, 1).unwrap().truncated);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(event) = RawEvent::parse(&bytes) {
                let _ = event.items().count();
            }
        }
    }
}
