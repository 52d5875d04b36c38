//! How much memory the state may take: a capture is written by whoever made it.

/// Most threads kept at a time, Falco's own limit.
pub(crate) const MAX_THREADS: usize = 262_144;
/// Bytes all threads, descriptors and accounts together may take, roughly.
const MAX_BYTES: usize = 1 << 30;

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Of what.
    pub(crate) what: &'static str,
    /// How many are kept.
    pub(crate) limit: usize,
}

/// Bytes in use.
#[derive(Debug)]
pub(crate) struct Budget {
    used: usize,
    limit: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(MAX_BYTES)
    }
}

impl Budget {
    pub(crate) fn of(limit: usize) -> Self {
        Self { used: 0, limit }
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Full> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.limit {
            return Err(Full { what: "bytes of processes and descriptors at a time", limit: self.limit });
        }
        Ok(())
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }
}
