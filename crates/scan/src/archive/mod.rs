//! Looking into archives as streams: gzip, tar, zip (so jar, war, whl, apk of Android), one in the other to a depth.
//!
//! Nothing is unpacked; members are read one after the other into a bounded buffer. Bombs end at the budget, which is
//! counted in bytes that come out.

mod tar;
mod zip;

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

/// Archives inside of archives looked into: `a.tar.gz` takes two.
const MAX_DEPTH: u32 = 4;

/// Longest member that is looked at, and longest name that is kept.
const MAX_MEMBER: u64 = 4 << 20;
const MAX_NAME: usize = 4096;

/// Bytes of the head that say what something is: a tar's magic is farthest.
const HEAD: usize = 512;

/// How much may come out of one archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Bytes.
    pub(crate) bytes: u64,
    /// Members.
    pub(crate) members: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 256 << 20, members: 200_000 }
    }
}

/// What gets each member: its path in the archive, and its content up to a limit.
pub(crate) type Visitor<'visit> = dyn FnMut(&[u8], &[u8]) + 'visit;

/// What an archive is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gzip,
    Tar,
    Zip,
}

fn kind(head: &[u8]) -> Option<Kind> {
    if head.starts_with(&[0x1f, 0x8b, 8]) {
        Some(Kind::Gzip)
    } else if head.starts_with(b"PK\x03\x04") {
        Some(Kind::Zip)
    } else {
        (head.get(257..262) == Some(b"ustar")).then_some(Kind::Tar)
    }
}

/// Whether a file that begins like this is an archive.
pub(crate) fn begins(head: &[u8]) -> bool {
    kind(head).is_some()
}

/// Visits every member, as far as the budget and the archive's soundness allow. Gives why it ended early.
pub(crate) fn visit(source: &mut dyn Read, budget: &mut Budget, visitor: &mut Visitor<'_>) -> Option<String> {
    match look(source, b"", 0, budget, visitor) {
        Ok(()) if budget.bytes == 0 => Some("more comes out of it than is looked at".to_owned()),
        Ok(()) if budget.members == 0 => Some("it has more members than are looked at".to_owned()),
        Ok(()) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Looks at a stream that may be an archive.
fn look(
    source: &mut dyn Read,
    name: &[u8],
    depth: u32,
    budget: &mut Budget,
    visitor: &mut Visitor<'_>,
) -> io::Result<()> {
    let mut head = Vec::with_capacity(HEAD);
    source.take(HEAD as u64).read_to_end(&mut head)?;
    let kind = kind(&head).filter(|_| depth < MAX_DEPTH);
    let mut source = Cursor::new(head).chain(source);
    match kind {
        Some(Kind::Gzip) => {
            let mut inner = MultiGzDecoder::new(source);
            let limit = budget.bytes;
            let mut metered = (&mut inner).take(limit);
            let outcome = look(&mut metered, name, depth + 1, budget, visitor);
            budget.bytes = budget.bytes.min(metered.limit());
            outcome
        }
        Some(Kind::Tar) => tar::each(&mut source, budget, &mut |inner, content, budget| {
            look(content, &joined(name, inner), depth + 1, budget, visitor)
        }),
        Some(Kind::Zip) => zip::each(&mut source, budget, &mut |inner, content, budget| {
            look(content, &joined(name, inner), depth + 1, budget, visitor)
        }),
        None => {
            let mut content = Vec::new();
            source.take(MAX_MEMBER).read_to_end(&mut content)?;
            visitor(name, &content);
            Ok(())
        }
    }
}

/// What gets a member's name and content while an archive is read.
type Member<'visit> = dyn FnMut(&[u8], &mut dyn Read, &mut Budget) -> io::Result<()> + 'visit;

fn joined(outer: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut name = outer.to_vec();
    if !outer.is_empty() {
        name.push(b'!');
    }
    name.extend_from_slice(inner);
    name.truncate(MAX_NAME);
    name
}

/// Reads a stream to its end, at most as far as the budget goes.
fn drain(source: &mut dyn Read, budget: &mut Budget) -> io::Result<()> {
    let passed = io::copy(&mut source.take(budget.bytes), &mut io::sink())?;
    budget.bytes -= passed.min(budget.bytes);
    Ok(())
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a damaged {what}"))
}
