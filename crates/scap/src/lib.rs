//! Falco captures (`.scap`) as events that rules are evaluated on.
//!
//! A capture is a list of blocks as in pcap-ng: first what the machine looked like (processes, their descriptors,
//! users), then one block an event. [`Capture`] keeps tables of all that up to date and gives each event the process
//! and the descriptor it was about, in the schema of Falco 0.44: entries of calls are merged into their ends, old
//! types of events become their newest. Memory is bounded; a damaged capture ends with an error that says where.

mod address;
mod apply;
mod block;
mod bytes;
mod capture;
mod entries;
mod error;
mod event;
mod flags;
mod input;
mod lists;
mod path;
mod raw;
mod schema;
mod state;

pub use self::{
    capture::{Capture, Skipped},
    error::{Problem, ScapError},
    input::decompressed,
};

/// First bytes of every capture that is not compressed.
pub const MAGIC: [u8; 4] = block::SECTION.to_le_bytes();

/// Longest capture that is read, in bytes after decompression, unless said otherwise.
pub const MAX_CAPTURE: u64 = 64 << 30;
