//! Lists of rules behind the keys of an index, in one array.

use super::bits;

/// A part of the array.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    start: u32,
    len: u32,
}

impl List {
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// All lists of one index.
#[derive(Debug, Default)]
pub(super) struct Postings(Vec<u32>);

impl Postings {
    /// Keeps a list of rules, given by their places in the plan.
    pub(super) fn add(&mut self, mut rules: Vec<u32>) -> List {
        rules.sort_unstable();
        rules.dedup();
        let start = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let len = u32::try_from(rules.len()).unwrap_or(u32::MAX);
        self.0.append(&mut rules);
        List { start, len }
    }

    /// Adds a list's rules to a set.
    pub(super) fn mark(&self, list: List, hits: &mut [u64]) {
        for rule in self.rules(list) {
            bits::insert(hits, *rule as usize);
        }
    }

    fn rules(&self, list: List) -> &[u32] {
        let start = list.start as usize;
        self.0.get(start..start + list.len as usize).unwrap_or_default()
    }
}
