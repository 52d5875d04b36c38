//! State by key within a budget: what ends first goes first.

use std::collections::{BTreeMap, HashMap};

use super::key::Key;

/// Most bytes that one sequence, threshold or folding keeps.
pub(super) const BUDGET: usize = 4 << 20;
/// What an entry costs besides its key and what it says of itself: maps, counters, pointers.
const OVERHEAD: usize = 160;

/// What stands under a key.
pub(super) trait State {
    /// Bytes it holds.
    fn bytes(&self) -> usize;
    /// When it becomes worthless, in nanoseconds since the epoch.
    fn ends(&self) -> u64;
}

#[derive(Debug)]
struct Entry<S> {
    state: S,
    bytes: usize,
    /// Its place in the order.
    at: (u64, u64),
}

/// State by key.
#[derive(Debug)]
pub(super) struct Keyed<S> {
    entries: HashMap<Key, Entry<S>>,
    order: BTreeMap<(u64, u64), Key>,
    bytes: usize,
    budget: usize,
    /// Tells entries that end at the same time apart.
    stamp: u64,
}

impl<S: State> Keyed<S> {
    pub(super) fn new(budget: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), bytes: 0, budget, stamp: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn take(&mut self, key: &Key) -> Option<S> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.at);
        self.bytes -= entry.bytes;
        Some(entry.state)
    }

    /// Puts state under a key that has none, and gives what had to go for it.
    pub(super) fn put(&mut self, key: Key, state: S) -> Vec<S> {
        self.stamp += 1;
        let at = (state.ends(), self.stamp);
        let bytes = OVERHEAD + key.iter().map(|value| value.len() + 16).sum::<usize>() + state.bytes();
        self.bytes += bytes;
        self.order.insert(at, Key::clone(&key));
        self.entries.insert(key, Entry { state, bytes, at });
        let mut gone = Vec::new();
        while self.bytes > self.budget {
            match self.first() {
                Some(key) => gone.extend(self.take(&key)),
                None => break,
            }
        }
        gone
    }

    fn first(&self) -> Option<Key> {
        self.order.first_key_value().map(|(_, key)| Key::clone(key))
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<u64> {
        self.order.first_key_value().map(|((ends, _), _)| *ends)
    }

    /// One that has ended by then, with its key.
    pub(super) fn take_ended(&mut self, now: u64) -> Option<(Key, S)> {
        let key = self.next_end().filter(|ends| *ends <= now).and_then(|_| self.first())?;
        self.take(&key).map(|state| (key, state))
    }
}
