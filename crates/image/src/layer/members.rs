//! What a layer's archive says of its members, without their content, as bytes to keep: read again instead of the layer, they
//! give the same file system.
//!
//! Each member is a run of numbers (seven bits a byte, the lowest first) and texts; a name shares what it has in common with the one
//! before.

use std::io::{self, Read};

use crate::{
    Limits,
    tar::{Entry, Kind},
};

/// Longest text of a member: a tar archive's own limit is lower.
const MAX_TEXT: usize = 1 << 20;

const KINDS: [Kind; 7] = [
    Kind::File,
    Kind::Directory,
    Kind::Symlink,
    Kind::Hardlink,
    Kind::CharDevice,
    Kind::BlockDevice,
    Kind::Fifo,
];

/// Members being written down.
#[derive(Clone, Debug, Default)]
pub struct Members {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Members {
    /// Adds a member.
    pub fn push(&mut self, entry: &Entry) {
        let shared = self.last.iter().zip(&entry.path).take_while(|(left, right)| left == right).count();
        let kind = KINDS.iter().position(|kind| *kind == entry.kind).unwrap_or(0) as u64;
        self.number(1 + kind * 2 + u64::from(entry.capabilities));
        self.number(shared as u64);
        self.text(entry.path.get(shared..).unwrap_or_default());
        self.text(&entry.link);
        self.number(entry.mode.into());
        for number in [entry.uid, entry.gid, entry.size, entry.real_size] {
            self.number(number);
        }
        // Times before 1970 have their sign at the end.
        self.number((entry.mtime << 1 ^ entry.mtime >> 63).cast_unsigned());
        self.number(entry.device.0.into());
        self.number(entry.device.1.into());
        self.last.clone_from(&entry.path);
    }

    /// All of them, with their end.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.number(0);
        self.bytes
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(0x80 | u8::try_from(number & 0x7f).unwrap_or_default());
            number >>= 7;
        }
        self.bytes.push(u8::try_from(number).unwrap_or_default());
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }
}

/// Reads members back.
pub(super) struct MembersReader<R> {
    source: R,
    entry: Entry,
}

impl<R: Read> MembersReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, entry: Entry::default() }
    }

    /// The next member; `None` at the end.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<&Entry>> {
        let Some(tag) = self.number()?.checked_sub(1) else { return Ok(None) };
        let kind = usize::try_from(tag / 2).ok().and_then(|kind| KINDS.get(kind)).ok_or_else(damaged)?;
        let shared = self.length()?;
        if shared > self.entry.path.len() {
            return Err(damaged());
        }
        let rest = self.text()?;
        self.entry.path.truncate(shared);
        self.entry.path.extend_from_slice(&rest);
        self.entry.link = self.text()?;
        self.entry.kind = *kind;
        self.entry.capabilities = tag % 2 == 1;
        self.entry.mode = u16::try_from(self.number()?).map_err(|_| damaged())?;
        self.entry.uid = self.number()?;
        self.entry.gid = self.number()?;
        self.entry.size = self.number()?;
        self.entry.real_size = self.number()?;
        let time = self.number()?;
        self.entry.mtime = (time >> 1).cast_signed() ^ -(time & 1).cast_signed();
        let device = |number| u32::try_from(number).map_err(|_| damaged());
        self.entry.device = (device(self.number()?)?, device(self.number()?)?);
        Ok(Some(&self.entry))
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.source.read_exact(&mut byte)?;
            let [byte] = byte;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    fn length(&mut self) -> io::Result<usize> {
        usize::try_from(self.number()?).ok().filter(|length| *length <= MAX_TEXT).ok_or_else(damaged)
    }

    fn text(&mut self) -> io::Result<Vec<u8>> {
        let length = self.length()?;
        let mut text = vec![0; length];
        self.source.read_exact(&mut text)?;
        Ok(text)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what was kept of the layer's members is damaged")
}

// What is kept can hold every name that counts.
const _: () = assert!(MAX_TEXT > Limits::PATH);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KINDS, Members, MembersReader};
    use crate::tar::Entry;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (
            "[ab/]{0,9}",
            "[ab/]{0,4}",
            0..KINDS.len(),
            (any::<u16>(), any::<u64>(), any::<u64>(), any::<i64>()),
            (any::<u32>(), any::<u32>(), any::<bool>()),
        );
        let made =
            entry.prop_map(|(path, link, kind, (mode, uid, size, mtime), (major, minor, capabilities))| {
                Entry {
                    path: path.into_bytes(),
                    link: link.into_bytes(),
                    kind: KINDS[kind],
                    mode,
                    uid,
                    gid: uid / 2,
                    size,
                    real_size: size / 3,
                    mtime,
                    device: (major, minor),
                    capabilities,
                }
            });
        proptest::collection::vec(made, 0..12)
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(entries in entries()) {
            let mut members = Members::default();
            entries.iter().for_each(|entry| members.push(entry));
            let bytes = members.finish();
            let mut reader = MembersReader::new(bytes.as_slice());
            for entry in &entries {
                prop_assert_eq!(reader.next_entry().unwrap(), Some(entry));
            }
            prop_assert_eq!(reader.next_entry().unwrap(), None);
        }

        #[test]
        fn any_bytes_are_members_or_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = MembersReader::new(bytes.as_slice());
            while let Ok(Some(entry)) = reader.next_entry() {
                prop_assert!(entry.path.len() <= 200);
            }
        }
    }
}
