//! Private keys in textual encoding (RFC 7468, RFC 1421 for encrypted ones, RFC 9580 armor), as they stand in files,
//! source code, JSON and YAML: broken by escapes, quotes, comment signs and indentation.

use super::{Encoding, base64, der, openssh, pgp};

/// What every such key's first line contains.
pub(super) const ANCHOR: &[u8] = b"PRIVATE KEY";

/// Longest text from the first line to the last; a PGP key with many subkeys and photos is longer than any other.
pub(super) const LONGEST: usize = 48 << 10;

/// Longest text between `BEGIN` and the anchor, as `SSH2 ENCRYPTED `.
const LONGEST_KIND: usize = 24;

/// What stands at an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A key, its decoded bytes, and where it ends.
    Key(Encoding, Vec<u8>, usize),
    /// Nothing of worth.
    Nothing,
    /// The text ends too early to say.
    Unfinished,
}

/// Judges the block whose first line has the anchor at `at`.
pub(super) fn block(text: &[u8], at: usize) -> Block {
    let before = text.get(at.saturating_sub(LONGEST_KIND + 6)..at).unwrap_or_default();
    let Some(begin) = memchr::memmem::rfind(before, b"BEGIN ") else { return Block::Nothing };
    let kind = before.get(begin + 6..).unwrap_or_default();
    if !kind.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ') {
        return Block::Nothing;
    }
    let after = text.get(at + ANCHOR.len()..).unwrap_or_default();
    let after = after.get(..after.len().min(LONGEST)).unwrap_or_default();
    let line = after.strip_prefix(b" BLOCK").unwrap_or(after);
    let Some(body) = line.strip_prefix(b"-----").or_else(|| line.strip_prefix(b" ----")) else {
        return if line.len() < 5 { Block::Unfinished } else { Block::Nothing };
    };
    let Some(length) = memchr::memmem::find(body, b"---") else {
        return if after.len() < LONGEST { Block::Unfinished } else { Block::Nothing };
    };
    let end = text.len().min(at + ANCHOR.len() + (after.len() - body.len()) + length + 8);
    let parts = Parts::of(body.get(..length).unwrap_or_default());
    match parts.key(kind) {
        Some((encoding, bytes)) => Block::Key(encoding, bytes, end),
        None => Block::Nothing,
    }
}

/// What stands between a block's first and last line.
#[derive(Debug, Default)]
struct Parts {
    letters: Vec<u8>,
    encrypted: bool,
}

impl Parts {
    /// Takes the text apart into lines, where an escaped line feed ends one too, and each line out of what is around it.
    fn of(body: &[u8]) -> Self {
        let mut parts = Self::default();
        let mut checksum = false;
        let mut start = 0;
        while start <= body.len() {
            let rest = body.get(start..).unwrap_or_default();
            let length =
                rest.iter().position(|byte| matches!(byte, b'\n' | b'\r' | b'\\')).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            // Backslashes take their letter with them, as in `\n` and, escaped once more, `\\n`.
            let slashes =
                rest.get(length..).unwrap_or_default().iter().take_while(|byte| **byte == b'\\').count();
            start += length + slashes + 1;
            if memchr::memchr(b':', line).is_some() {
                parts.encrypted |= memchr::memmem::find(line, b"ENCRYPTED").is_some()
                    || memchr::memmem::find(line, b"DEK-Info").is_some();
                continue;
            }
            // The checksum of an armor begins with the padding sign.
            checksum |= line.trim_ascii().starts_with(b"=") && line.trim_ascii().len() == 5;
            if !checksum {
                parts.letters.extend_from_slice(longest_run(line));
            }
        }
        parts
    }

    /// The key these parts are, if they are whole.
    fn key(self, kind: &[u8]) -> Option<(Encoding, Vec<u8>)> {
        let bytes = base64::decode(self.letters)?;
        if self.encrypted && !kind.starts_with(b"SSH2") {
            // Blocks of a cipher; what is inside cannot be looked at.
            let looks_whole = bytes.len() >= 40 && bytes.len() % 8 == 0 && !is_monotonous(&bytes);
            return looks_whole.then_some((Encoding::encrypted("PEM"), bytes));
        }
        let encoding = match kind {
            b"OPENSSH " | b"SSH2 ENCRYPTED " | b"SSH2 " => openssh::private_key(&bytes),
            b"PGP " => pgp::private_key(&bytes),
            _ => der::private_key(&bytes),
        }?;
        (!is_monotonous(&bytes)).then_some((encoding, bytes))
    }
}

/// The longest run of base64 in a line; what is shorter is decoration (`//`, `+`, `*`).
fn longest_run(line: &[u8]) -> &[u8] {
    let run = line
        .split(|byte| !base64::is_letter(*byte) && *byte != b'=')
        .max_by_key(|run| run.len())
        .unwrap_or_default();
    let is_decoration = run.iter().all(|byte| !byte.is_ascii_alphanumeric() && *byte != b'=');
    if is_decoration { &[] } else { run }
}

/// Whether the last half is one byte over and over, as in a placeholder that somebody filled up.
fn is_monotonous(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len() / 2..).unwrap_or_default();
    tail.len() > 8 && tail.windows(2).all(|pair| pair.first() == pair.last())
}
