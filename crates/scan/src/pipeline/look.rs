//! What is looked for in one file, window by window.

use crate::{
    digest::Hasher,
    keys::{Hunt, Key, may_be_binary},
    miner::content::{self, Evidence, Format},
};

/// Text files that are no programs are searched for a miner's configuration up to this size.
const MAX_CONFIGURATION: u64 = 1 << 20;

/// The state of the searches in one file.
#[derive(Debug)]
pub(super) struct Look {
    format: Option<Format>,
    /// Whether the miner's patterns are looked for, settled by the first window.
    for_miners: bool,
    /// Whether the file's configuration may be a miner's.
    may_configure: bool,
    evidence: Evidence,
    packed: bool,
    hunt: Option<Hunt>,
    /// The digest in the making, when the package database has one to compare with.
    pub(super) hasher: Option<Hasher>,
}

/// What the searches gave.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) format: Format,
    pub(super) evidence: Evidence,
    /// Compressed by UPX.
    pub(super) packed: bool,
    pub(super) keys: Vec<Key>,
}

/// What is wanted of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) miners: bool,
    pub(super) configuration: bool,
    pub(super) keys: bool,
}

impl Look {
    pub(super) fn new(wanted: Wanted, size: u64, hasher: Option<Hasher>) -> Self {
        Self {
            format: None,
            for_miners: wanted.miners,
            may_configure: wanted.configuration && size <= MAX_CONFIGURATION,
            evidence: Evidence::NONE,
            packed: false,
            hunt: wanted.keys.then(Hunt::default),
            hasher,
        }
    }

    /// Whether anything is still looked for but the digest.
    pub(super) fn is_searching(&self) -> bool {
        self.for_miners || self.hunt.is_some()
    }

    /// Whether keys are looked for.
    pub(super) fn wants_keys(&self) -> bool {
        self.hunt.is_some()
    }

    /// Searches a window, which begins where the one before said. With `last` the file ends here. Gives the offset from
    /// which on it is to be seen again.
    pub(super) fn window(&mut self, window: &[u8], last: bool) -> usize {
        if self.format.is_none() {
            self.begin(window, last);
        }
        if self.for_miners {
            content::search(window, &mut self.evidence);
            self.for_miners = !self.evidence.convinces();
        }
        let plain = window.len().saturating_sub(content::OVERLAP);
        self.hunt.as_mut().map_or(plain, |hunt| hunt.window(window, last).min(plain))
    }

    /// The first window says what the file is.
    fn begin(&mut self, window: &[u8], last: bool) {
        let format = content::format_of(window);
        self.format = Some(format);
        self.packed = format == Format::Elf && content::is_packed(window);
        let text = window.get(..window.len().min(512)).unwrap_or_default();
        self.may_configure &= format == Format::Other && !text.contains(&0);
        self.for_miners &= format != Format::Other || self.may_configure;
        if let Some(hunt) = self.hunt.as_mut().filter(|_| last && may_be_binary(window)) {
            hunt.binary(window);
        }
    }

    /// What was seen, and the digest still to be finished.
    pub(super) fn finish(self) -> (Seen, Option<Hasher>) {
        let seen = Seen {
            format: self.format.unwrap_or(Format::Other),
            evidence: self.evidence,
            packed: self.packed,
            keys: self.hunt.map(Hunt::finish).unwrap_or_default(),
        };
        (seen, self.hasher)
    }
}
