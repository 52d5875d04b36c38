//! zip archives by their directory (PKWARE's APPNOTE, 4.3.12 and 4.3.16): what the directory does not name is not in the
//! archive, whatever lies between the members.

use std::io::{self, Read};

use fargard_scan::packages::rpm::ReadAt;
use flate2::read::DeflateDecoder;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

/// Longest comment, with the end's own 22 bytes.
const TAIL: u64 = 22 + 65535;
/// Longest directory.
const MAX_DIRECTORY: u64 = 512 << 20;
/// Bytes of the directory that are at hand at once.
const WINDOW: usize = 1 << 20;

/// A member as the directory describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    /// Bytes once unpacked, as the directory says; it may lie.
    pub(crate) size: u64,
    packed: u64,
    method: u16,
    flags: u16,
    at: u64,
}

/// Where an archive's directory is.
#[derive(Clone, Copy, Debug)]
struct Directory {
    at: u64,
    length: u64,
    members: u64,
}

/// Calls `visit` with each member. Gives how many there are.
///
/// # Errors
/// It is no sound archive, or `visit` failed.
pub(crate) fn each(
    source: &dyn ReadAt,
    most: u64,
    visit: &mut dyn FnMut(Member) -> io::Result<()>,
) -> io::Result<u64> {
    let directory = find(source)?;
    if directory.length > MAX_DIRECTORY || directory.members > most {
        return Err(damaged("a directory that is too long"));
    }
    let mut entries =
        Section { source, at: directory.at, left: directory.length, buffer: Vec::new(), used: 0 };
    for _ in 0..directory.members {
        let header = entries.next_bytes(46)?.to_vec();
        if !header.starts_with(&ENTRY) {
            return Err(damaged("a directory that ends early"));
        }
        let short = |at: usize| u16::from_le_bytes([byte(&header, at), byte(&header, at + 1)]);
        let long = |at: usize| u64::from(u32::from(short(at)) | u32::from(short(at + 2)) << 16);
        let name = entries.next_bytes(usize::from(short(28)))?.to_vec();
        let extra = entries.next_bytes(usize::from(short(30)))?.to_vec();
        entries.next_bytes(usize::from(short(32)))?;
        let mut member = Member {
            name,
            size: long(24),
            packed: long(20),
            method: short(10),
            flags: short(8),
            at: long(42),
        };
        member.widen(&extra);
        visit(member)?;
    }
    Ok(directory.members)
}

/// A member's content, at most `limit` bytes of it.
///
/// # Errors
/// It is longer, damaged, encrypted, or packed by a method that is not read.
pub(crate) fn content(source: &dyn ReadAt, member: &Member, limit: u64) -> io::Result<Vec<u8>> {
    let mut header = [0; 30];
    source.fill_at(&mut header, member.at)?;
    if !header.starts_with(&LOCAL) || member.flags & 1 != 0 {
        return Err(damaged("a member that cannot be read"));
    }
    let short = |at: usize| u64::from(u16::from_le_bytes([byte(&header, at), byte(&header, at + 1)]));
    let at = member.at.saturating_add(30 + short(26) + short(28));
    let packed = Section { source, at, left: member.packed, buffer: Vec::new(), used: 0 };
    let mut bytes = Vec::new();
    match member.method {
        0 => packed.take(limit + 1).read_to_end(&mut bytes)?,
        8 => DeflateDecoder::new(packed).take(limit + 1).read_to_end(&mut bytes)?,
        _ => return Err(damaged("a member packed by a method that is not read")),
    };
    if bytes.len() as u64 > limit {
        return Err(damaged("a member that is too long"));
    }
    Ok(bytes)
}

impl Member {
    /// Takes the 64-bit sizes of the extra field (4.5.3), which has those that do not fit the header.
    fn widen(&mut self, mut extra: &[u8]) {
        while let [tag_low, tag_high, length_low, length_high, rest @ ..] = extra {
            let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
            let (mut values, next) = rest.split_at_checked(length).unwrap_or((rest, b""));
            if [*tag_low, *tag_high] == [1, 0] {
                for place in [&mut self.size, &mut self.packed, &mut self.at] {
                    if *place == u64::from(u32::MAX)
                        && let Some((value, more)) = values.split_first_chunk::<8>()
                    {
                        *place = u64::from_le_bytes(*value);
                        values = more;
                    }
                }
            }
            extra = next;
        }
    }
}

fn find(source: &dyn ReadAt) -> io::Result<Directory> {
    let length = source.length();
    let tail_length = length.min(TAIL);
    let mut tail = vec![0; usize::try_from(tail_length).unwrap_or_default()];
    source.fill_at(&mut tail, length - tail_length)?;
    let end = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|at| tail.get(*at..at + 4) == Some(&END))
        .ok_or_else(|| damaged("no end of a directory"))?;
    let number = |at: usize, width: usize| little_endian(tail.get(end + at..end + at + width));
    let found = Directory { at: number(16, 4), length: number(12, 4), members: number(10, 2) };
    let locator = (end as u64 + length - tail_length).checked_sub(20);
    if let Some(locator) = locator.filter(|_| found.at == u64::from(u32::MAX) || found.members == 0xffff) {
        let mut bytes = [0; 20];
        source.fill_at(&mut bytes, locator)?;
        if bytes.starts_with(&LOCATOR_64) {
            let mut record = [0; 56];
            source.fill_at(&mut record, little_endian(bytes.get(8..16)))?;
            if record.starts_with(&END_64) {
                return Ok(Directory {
                    at: little_endian(record.get(48..56)),
                    length: little_endian(record.get(40..48)),
                    members: little_endian(record.get(32..40)),
                });
            }
        }
    }
    Ok(found)
}

fn little_endian(bytes: Option<&[u8]>) -> u64 {
    bytes.unwrap_or_default().iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a sound zip archive: {what}"))
}

/// A part of a file as a stream.
struct Section<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    left: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Section<'_> {
    fn fill(&mut self) -> io::Result<()> {
        let kept = self.buffer.len() - self.used;
        self.buffer.copy_within(self.used.., 0);
        let more = usize::try_from(self.left).unwrap_or(WINDOW).min(WINDOW);
        self.buffer.resize(kept + more, 0);
        self.used = 0;
        self.source.fill_at(self.buffer.get_mut(kept..).unwrap_or_default(), self.at)?;
        self.at += more as u64;
        self.left -= more as u64;
        Ok(())
    }

    /// The next bytes.
    fn next_bytes(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.used < count {
            self.fill()?;
        }
        let from = self.used;
        let bytes =
            self.buffer.get(from..from + count).ok_or_else(|| damaged("a directory that ends early"))?;
        self.used += count;
        Ok(bytes)
    }
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.fill()?;
        }
        let available = self.buffer.get(self.used..).unwrap_or_default();
        let count = available.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), available.get(..count)) {
            to.copy_from_slice(from);
        }
        self.used += count;
        Ok(count)
    }
}
