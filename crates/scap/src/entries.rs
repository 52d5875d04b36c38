//! Entries of calls, kept until the calls' ends: captures of before Falco 0.42 have some parameters only there.

use std::collections::HashMap;

use crate::raw::RawEvent;

/// All kept entries together; more are of calls whose ends were lost.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of an entry beside its parameters.
const ENTRY: usize = 64;

#[derive(Debug, Default)]
struct Entry {
    number: u16,
    bytes: Vec<u8>,
    /// Ends of the parameters in the bytes.
    ends: Vec<usize>,
}

/// The last entry of each thread.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    by_tid: HashMap<i64, Entry>,
    bytes: usize,
}

impl Entries {
    pub(crate) fn keep(&mut self, raw: &RawEvent<'_>) {
        let size: usize = raw.params.iter().map(<[u8]>::len).sum();
        if self.bytes + size > MAX_BYTES {
            self.by_tid.clear();
            self.bytes = 0;
        }
        let entry = self.by_tid.entry(raw.tid).or_default();
        self.bytes += ENTRY + size;
        self.bytes = self.bytes.saturating_sub(entry.bytes.len());
        entry.number = raw.number;
        entry.bytes.clear();
        entry.ends.clear();
        for param in raw.params.iter() {
            entry.bytes.extend_from_slice(param);
            entry.ends.push(entry.bytes.len());
        }
    }

    /// Parameters of the entry that belongs to the end of that number.
    pub(crate) fn of(&self, tid: i64, end: u16) -> Option<Vec<&[u8]>> {
        if self.by_tid.is_empty() {
            return None;
        }
        let entry = self.by_tid.get(&tid).filter(|entry| entry.number.checked_add(1) == Some(end))?;
        let mut from = 0;
        let params = entry.ends.iter().map(|end| {
            let param = entry.bytes.get(from..*end).unwrap_or_default();
            from = *end;
            param
        });
        Some(params.collect())
    }

    /// The call has ended.
    pub(crate) fn forget(&mut self, tid: i64) {
        if !self.by_tid.is_empty()
            && let Some(entry) = self.by_tid.remove(&tid)
        {
            self.bytes = self.bytes.saturating_sub(ENTRY + entry.bytes.len());
        }
    }
}
