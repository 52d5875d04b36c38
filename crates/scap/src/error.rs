//! Why a capture cannot be read any further.

use std::{fmt, io};

use crate::block::BlockKind;

/// Where reading a capture ended, and why. All events before that place were delivered.
#[derive(Debug, thiserror::Error)]
#[error("byte {offset}{}: {problem}", InBlock(*.block))]
pub struct ScapError {
    /// Offset of the block in the capture after decompression.
    pub offset: u64,
    /// Type of the block, when its header could be read.
    pub block: Option<u32>,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It does not start as a capture does.
    #[error("not a Falco capture: it must start with a section header (0x0a0d0d0a), found {0:#010x}")]
    NotACapture(u32),
    /// Written on a machine of the other byte order, or no section header after all.
    #[error(
        "byte-order mark {0:#010x} is not 0x1a2b3c4d: a capture of a big-endian machine, or a damaged one"
    )]
    ByteOrder(u32),
    /// Made by a newer format.
    #[error("capture format {0} is newer than the {max} that can be read", max = crate::block::MAX_MAJOR)]
    Version(u16),
    /// The capture ends within something.
    #[error("the capture ends within {0}: it was cut, or its end was not written")]
    Truncated(&'static str),
    /// The block's length cannot be.
    #[error("a block cannot be {length} bytes long (12 to {max})", max = crate::block::MAX_BLOCK)]
    BlockLength {
        /// As the block says.
        length: u32,
    },
    /// The length after a block differs from the one before it.
    #[error("the block's length is {head} at its start and {tail} at its end: the capture is damaged")]
    Trailer {
        /// Before the block.
        head: u32,
        /// After the block.
        tail: u32,
    },
    /// An entry of a list is damaged.
    #[error("entry {entry} of the {list} list does not fit its block: the capture is damaged")]
    Entry {
        /// Which list.
        list: &'static str,
        /// Number of the entry, from 1.
        entry: usize,
    },
    /// More of something than is kept.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are kept.
        limit: usize,
    },
    /// The decompressed capture is longer than allowed.
    #[error("the capture is longer than {0} bytes after decompression")]
    TooLong(u64),
    /// The input fails, or its compression is damaged.
    #[error("cannot read: {0}")]
    Read(#[source] io::Error),
}

struct InBlock(Option<u32>);

impl fmt::Display for InBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(number) => match BlockKind::of(number) {
                BlockKind::Unknown => write!(f, " (block type {number:#x})"),
                kind => write!(f, " ({} block, type {number:#x})", kind.name()),
            },
        }
    }
}
