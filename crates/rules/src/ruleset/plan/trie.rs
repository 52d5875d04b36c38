//! Beginnings of texts: a radix tree that finds every key a text begins with in one walk.

use std::collections::BTreeMap;

use super::postings::{List, Postings};

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Labels of all nodes, one after the other.
    labels: Vec<u8>,
    /// First byte of each node's label, in the order of the nodes: the children of a node stand together.
    firsts: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// The label behind its first byte.
    label: (u32, u32),
    children: (u32, u32),
    list: List,
}

impl Trie {
    /// A tree of keys with the rules behind them.
    pub(super) fn new(keys: BTreeMap<Vec<u8>, Vec<u32>>, postings: &mut Postings) -> Self {
        let keys: Vec<_> = keys.into_iter().map(|(key, rules)| (key, postings.add(rules))).collect();
        let mut trie = Self::default();
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
        mut keys: &'k [(Vec<u8>, List)],
        depth: usize,
        open: &mut Vec<(usize, &'k [(Vec<u8>, List)], usize)>,
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
            self.firsts.push(low.get(depth).copied().unwrap_or_default());
            open.push((self.nodes.len(), group, common));
            self.nodes.push(Node { label: (index(start), index(self.labels.len())), ..Node::default() });
        }
        let children = (index(first), index(self.nodes.len()));
        if let Some(node) = self.nodes.get_mut(place) {
            *node = Node { children, list, ..*node };
        }
    }

    /// Marks the rules behind every key that the bytes begin with.
    pub(super) fn mark(&self, mut bytes: impl Iterator<Item = u8>, postings: &Postings, hits: &mut [u64]) {
        let Some(mut node) = self.nodes.first() else { return };
        loop {
            postings.mark(node.list, hits);
            let Some(byte) = bytes.next() else { return };
            let from = node.children.0 as usize;
            let firsts = self.firsts.get(from..node.children.1 as usize).unwrap_or_default();
            let Some(child) = firsts.iter().position(|first| *first == byte) else { return };
            let Some(next) = self.nodes.get(from + child) else { return };
            let label = self.labels.get(next.label.0 as usize..next.label.1 as usize).unwrap_or_default();
            if !label.iter().all(|expected| bytes.next() == Some(*expected)) {
                return;
            }
            node = next;
        }
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Postings, Trie};

    proptest! {
        #[test]
        fn finds_every_key_that_begins_a_text(
            keys in prop::collection::vec("[ab]{0,5}", 0..20),
            text in "[abc]{0,8}",
        ) {
            let mut map: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
            for (rule, key) in (0..).zip(&keys) {
                map.entry(key.clone().into_bytes()).or_default().push(rule);
            }
            let mut postings = Postings::default();
            let trie = Trie::new(map, &mut postings);
            let mut hits = [0];
            trie.mark(text.bytes(), &postings, &mut hits);
            for (rule, key) in keys.iter().enumerate() {
                prop_assert_eq!(hits[0] >> rule & 1 == 1, text.starts_with(key.as_str()), "{}", key);
            }
        }
    }
}
