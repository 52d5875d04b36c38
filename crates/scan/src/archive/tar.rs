//! tar as POSIX.1 and GNU define it: blocks of 512 bytes, a header before each member.

use std::io::{self, Read};

use super::{Budget, Member, damaged, drain};

const BLOCK: u64 = 512;

/// Longest list of extensions or long name before a member.
const MAX_EXTENSION: u64 = 1 << 20;

/// Gives every regular member to the visitor.
pub(super) fn each(source: &mut dyn Read, budget: &mut Budget, visit: &mut Member<'_>) -> io::Result<()> {
    let mut long_name = None;
    let mut header = [0; 512];
    loop {
        match fill(source, &mut header)? {
            0 => return Ok(()),
            512 if header.iter().any(|byte| *byte != 0) => {}
            512 => return Ok(()),
            _ => return Err(damaged("tar: it ends in a header")),
        }
        let size = header.get(124..136).and_then(number).ok_or_else(|| damaged("tar: a size"))?;
        let padding = size.next_multiple_of(BLOCK) - size;
        let kind = header.get(156).copied().unwrap_or_default();
        if budget.members == 0 || budget.bytes == 0 {
            return Ok(());
        }
        budget.members -= 1;
        let mut content = source.take(size.min(budget.bytes));
        match kind {
            b'L' | b'x' => {
                let mut text = Vec::new();
                (&mut content).take(MAX_EXTENSION).read_to_end(&mut text)?;
                long_name = if kind == b'L' { Some(until_zero(&text).to_vec()) } else { path_of(&text) };
            }
            0 | b'0' | b'7' => {
                let name = long_name.take().unwrap_or_else(|| name(&header));
                visit(&name, &mut content, budget)?;
            }
            _ => long_name = None,
        }
        let mut rest = content.limit() + padding;
        budget.bytes = budget.bytes.saturating_sub(size);
        while rest > 0 && budget.bytes > 0 {
            let before = budget.bytes;
            drain(&mut source.take(rest), budget)?;
            if budget.bytes == before {
                return Ok(());
            }
            rest -= (before - budget.bytes).min(rest);
        }
    }
}

/// A number in octal digits, or in GNU's binary form.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, digits @ ..] = field {
        let (high, low) = digits.split_at_checked(digits.len() - 8)?;
        let value = u64::from_be_bytes(low.try_into().ok()?);
        return (high.iter().all(|byte| *byte == 0) && value < 1 << 60).then_some(value);
    }
    let text = std::str::from_utf8(until_zero(field)).ok()?.trim();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// The member's name, with the prefix of POSIX's form.
fn name(header: &[u8]) -> Vec<u8> {
    let short = until_zero(header.get(..100).unwrap_or_default());
    let prefix = until_zero(header.get(345..500).unwrap_or_default());
    if prefix.is_empty() || header.get(257..263) != Some(b"ustar\0") {
        return short.to_vec();
    }
    [prefix, b"/", short].concat()
}

/// The path of a list of POSIX extensions: lines of length, name and value.
fn path_of(text: &[u8]) -> Option<Vec<u8>> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| {
        let at = line.iter().position(|byte| *byte == b' ')?;
        line.get(at + 1..)?.strip_prefix(b"path=")
    })?;
    Some(line.to_vec())
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads until the buffer is full or the stream ends.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
        match source.read(space)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
