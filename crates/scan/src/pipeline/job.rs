//! One file being read: its window, and how far it is.

use std::{
    fs::File,
    io::{self, Read},
};

use super::look::Look;
use crate::{
    Facts, archive,
    digest::Hasher,
    keys::{self, CARRY, Key},
};

/// Bytes read at a time; a multiple of every digest's block.
pub(super) const CHUNK: usize = 128 << 10;

/// Longest file that is hashed. A sparse file can claim any size.
const MAX_HASHED: u64 = 8 << 30;

/// A file's identity, when it has several names.
pub(super) type Identity = (u64, u64);

/// A file that is read.
#[derive(Debug)]
pub(super) struct Job<R = File> {
    pub(super) facts: Facts,
    pub(super) identity: Option<Identity>,
    pub(super) look: Look,
    source: R,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were in the window before.
    kept: usize,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Bytes read so far.
    read: u64,
    /// Bytes that are searched.
    searched: u64,
    /// Where the next window begins in this one.
    carry: usize,
    /// Keys in members of the archive that the file is, with the member's path.
    pub(super) inner: Vec<(Vec<u8>, Key)>,
    /// Why the archive was not looked into to its end.
    pub(super) cut: Option<String>,
    /// Set when the file needs no more reading.
    pub(super) outcome: Option<io::Result<()>>,
}

/// Most keys kept of one archive.
const MAX_INNER: usize = 256;

impl<R: Read> Job<R> {
    pub(super) fn new(
        facts: Facts,
        identity: Option<Identity>,
        look: Look,
        source: R,
        searched: u64,
        mut buffer: Vec<u8>,
    ) -> Self {
        buffer.resize(CARRY + CHUNK, 0);
        Self {
            facts,
            identity,
            look,
            source,
            buffer,
            kept: 0,
            filled: 0,
            read: 0,
            searched,
            carry: 0,
            inner: Vec::new(),
            cut: None,
            outcome: None,
        }
    }

    /// Reads and searches the next chunk.
    pub(super) fn advance(&mut self) {
        match self.read_chunk() {
            Err(error) => {
                (self.kept, self.filled) = (0, 0);
                self.outcome = Some(Err(error));
            }
            Ok(_) if self.is_archive() => {
                self.look_inside();
                self.outcome = Some(Ok(()));
            }
            Ok(last) => {
                let window = self.buffer.get(..self.filled).unwrap_or_default();
                let carry = if self.look.is_searching() && self.read <= self.searched + CHUNK as u64 {
                    self.look.window(window, last)
                } else {
                    window.len()
                };
                self.carry = carry;
                let is_done = last || (self.look.hasher.is_none() && self.read >= self.searched);
                if is_done {
                    self.outcome = Some(Ok(()));
                } else if self.read >= MAX_HASHED {
                    self.outcome = Some(Err(io::ErrorKind::FileTooLarge.into()));
                }
            }
        }
    }

    /// Whether the first chunk begins an archive that is to be looked into. A package's own is not: it is compared with
    /// its digest instead.
    fn is_archive(&self) -> bool {
        self.read == self.filled as u64
            && self.look.hasher.is_none()
            && self.look.wants_keys()
            && archive::begins(self.buffer.get(..self.filled).unwrap_or_default())
    }

    fn look_inside(&mut self) {
        let head = self.buffer.get(..self.filled).unwrap_or_default();
        let mut stream = head.chain(&mut self.source);
        let inner = &mut self.inner;
        self.cut = archive::visit(&mut stream, &mut archive::Budget::default(), &mut |name, content| {
            for key in keys::find(content) {
                if inner.len() < MAX_INNER {
                    inner.push((name.to_vec(), key));
                }
            }
        });
    }

    /// The buffer, for the next file.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// What was read last, and the digest it goes into.
    pub(super) fn fresh(&mut self) -> Option<(&mut Hasher, &[u8])> {
        let fresh = self.buffer.get(self.kept..self.filled)?;
        self.look.hasher.as_mut().map(|hasher| (hasher, fresh))
    }

    /// Makes room for the next chunk.
    pub(super) fn pass(&mut self) {
        let from = self.carry.min(self.filled).max(self.filled.saturating_sub(CARRY));
        self.buffer.copy_within(from..self.filled, 0);
        self.kept = self.filled - from;
        self.filled = self.kept;
    }

    /// Fills the window up by a chunk; whether the file ended.
    fn read_chunk(&mut self) -> io::Result<bool> {
        let end = self.kept + CHUNK;
        while self.filled < end {
            let space = self.buffer.get_mut(self.filled..end).unwrap_or_default();
            match self.source.read(space) {
                Ok(0) => return Ok(true),
                Ok(read) => {
                    self.filled += read;
                    self.read += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            // A file that is read to its known end needs no further read to learn that.
            if self.read == self.facts.size {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
