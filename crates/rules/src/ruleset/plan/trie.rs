//! Beginnings or ends of texts: a radix tree that finds every key a text begins or ends with in one walk.

use std::collections::BTreeMap;

use super::{
    bits,
    postings::{List, Postings},
};
use crate::hash::FACTOR;

/// The tree; `BACK`: walked from the ends of texts.
#[derive(Debug, Default)]
pub(super) struct Trie<const BACK: bool> {
    outlines: Outlines<BACK>,
    nodes: Vec<Node>,
    /// Labels of all nodes, one after the other.
    labels: Vec<u8>,
    /// First byte of each node's label, in the order of the nodes: the children of a node stand together.
    firsts: Vec<u8>,
}

/// A key in the order in which it is walked.
type Key = (Vec<u8>, List);

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// The label behind its first byte, as it stands in texts.
    label: (u32, u32),
    children: (u32, u32),
    list: List,
}

impl<const BACK: bool> Trie<BACK> {
    /// A tree of keys with the rules behind them.
    pub(super) fn new(keys: BTreeMap<Box<str>, Vec<u32>>, postings: &mut Postings) -> Self {
        let outlines = Outlines::new(keys.keys().map(|key| key.as_bytes()));
        let walked = |key: &str| -> Vec<u8> { if BACK { key.bytes().rev().collect() } else { key.into() } };
        let mut keys: Vec<Key> =
            keys.into_iter().map(|(key, rules)| (walked(&key), postings.add(rules))).collect();
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut trie = Self { outlines, ..Self::default() };
        if !keys.is_empty() {
            trie.nodes.push(Node::default());
            trie.firsts.push(0);
            // Places of nodes whose children are still to be made: the keys below it and how much of them is read.
            let mut open = vec![(0, keys.as_slice(), 0)];
            while let Some((place, keys, depth)) = open.pop() {
                trie.grow(place, keys, depth, &mut open);
            }
        }
        trie
    }

    fn grow<'k>(
        &mut self,
        place: usize,
        mut keys: &'k [Key],
        depth: usize,
        open: &mut Vec<(usize, &'k [Key], usize)>,
    ) {
        let mut list = List::default();
        if let Some(((key, own), rest)) = keys.split_first()
            && key.len() == depth
        {
            list = *own;
            keys = rest;
        }
        let first = self.nodes.len();
        for group in keys.chunk_by(|(a, _), (b, _)| a.get(depth) == b.get(depth)) {
            let (Some((low, _)), Some((high, _))) = (group.first(), group.last()) else { continue };
            // Keys are sorted: what the first and the last have in common, all have.
            let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
            let label = low.get(depth + 1..common).unwrap_or_default();
            let start = self.labels.len();
            self.labels.extend_from_slice(label);
            if BACK {
                self.labels.get_mut(start..).unwrap_or_default().reverse();
            }
            self.firsts.push(low.get(depth).copied().unwrap_or_default());
            open.push((self.nodes.len(), group, common));
            self.nodes.push(Node { label: (index(start), index(self.labels.len())), ..Node::default() });
        }
        let children = (index(first), index(self.nodes.len()));
        if let Some(node) = self.nodes.get_mut(place) {
            *node = Node { children, list, ..*node };
        }
    }

    /// Marks the rules behind every key that the bytes begin or end with.
    #[inline]
    pub(super) fn mark(&self, text: &[u8], postings: &Postings, hits: &mut [u64]) {
        if self.outlines.may_have(text) {
            self.walk(text, postings, hits);
        }
    }

    /// Apart, so that the test that most texts fail stands where it is made.
    #[inline(never)]
    fn walk(&self, mut rest: &[u8], postings: &Postings, hits: &mut [u64]) {
        let Some(mut node) = self.nodes.first() else { return };
        loop {
            if !node.list.is_empty() {
                postings.mark(node.list, hits);
            }
            let next = if BACK { rest.split_last() } else { rest.split_first() };
            let Some((byte, behind)) = next else { return };
            let start = node.children.0 as usize;
            let firsts = self.firsts.get(start..node.children.1 as usize).unwrap_or_default();
            let Some(child) = firsts.iter().position(|first| first == byte) else { return };
            let Some(next) = self.nodes.get(start + child) else { return };
            let label = self.labels.get(next.label.0 as usize..next.label.1 as usize).unwrap_or_default();
            let behind = if BACK { behind.strip_suffix(label) } else { behind.strip_prefix(label) };
            let Some(behind) = behind else { return };
            (node, rest) = (next, behind);
        }
    }
}

/// Bits for the beginnings, or ends, of keys: most texts have none of them. They are as long as the shortest key, at
/// most eight bytes.
#[derive(Debug, Default)]
struct Outlines<const BACK: bool> {
    /// Shifts away what is behind that length.
    shift: u32,
    bits: [u64; 8],
}

impl<const BACK: bool> Outlines<BACK> {
    fn new<'k>(keys: impl Iterator<Item = &'k [u8]> + Clone) -> Self {
        let shortest = keys.clone().map(<[u8]>::len).min().unwrap_or_default().min(8);
        let Ok(shortest @ 1..) = u32::try_from(shortest) else {
            // Every text begins with nothing.
            return Self { shift: 0, bits: [u64::MAX; 8] };
        };
        let mut outlines = Self { shift: 64 - 8 * shortest, bits: [0; 8] };
        for key in keys {
            let mut word = [0; 8];
            if BACK {
                word.iter_mut().rev().zip(key.iter().rev()).for_each(|(to, from)| *to = *from);
            } else {
                word.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            }
            let place = outlines.place(word);
            bits::insert(&mut outlines.bits, place);
        }
        outlines
    }

    /// Whether some key may stand at that end of the text. Short texts are not told apart.
    #[inline]
    fn may_have(&self, text: &[u8]) -> bool {
        let word = if BACK { text.last_chunk() } else { text.first_chunk() };
        word.is_none_or(|word| bits::has(&self.bits, self.place(*word)))
    }

    #[inline]
    fn place(&self, word: [u8; 8]) -> usize {
        let word = u64::from_le_bytes(word);
        let end = if BACK { word >> self.shift } else { word << self.shift };
        (end.wrapping_mul(FACTOR) >> 55) as usize
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Postings, Trie, bits};

    proptest! {
        #[test]
        fn finds_every_key_at_an_end_of_a_text(
            keys in prop::collection::vec("[ab]{0,10}", 0..20),
            text in "[abc]{0,12}",
        ) {
            let mut map: BTreeMap<Box<str>, Vec<u32>> = BTreeMap::new();
            for (rule, key) in (0..).zip(&keys) {
                map.entry(key.as_str().into()).or_default().push(rule);
            }
            let mut postings = Postings::default();
            let (starts, ends) =
                (Trie::<false>::new(map.clone(), &mut postings), Trie::<true>::new(map, &mut postings));
            let (mut at_start, mut at_end) = ([0], [0]);
            starts.mark(text.as_bytes(), &postings, &mut at_start);
            ends.mark(text.as_bytes(), &postings, &mut at_end);
            for (rule, key) in keys.iter().enumerate() {
                prop_assert_eq!(bits::has(&at_start, rule), text.starts_with(key.as_str()), "{}", key);
                prop_assert_eq!(bits::has(&at_end, rule), text.ends_with(key.as_str()), "{}", key);
            }
        }
    }
}
