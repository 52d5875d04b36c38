//! Beginnings or ends of texts: a radix tree that finds every key a text begins or ends with in one walk.

use std::collections::BTreeMap;

use super::{
    bits,
    postings::{List, Postings},
};

/// Which end of a text a tree walks from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum From {
    #[default]
    Start,
    End,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Trie {
    from: From,
    /// A bit for each byte that a key begins with: most texts begin, or end, with none.
    first_bytes: [u64; 4],
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

impl Trie {
    /// A tree of keys with the rules behind them.
    pub(super) fn new(from: From, keys: BTreeMap<Box<str>, Vec<u32>>, postings: &mut Postings) -> Self {
        let walked = |key: &str| -> Vec<u8> {
            if from == From::End { key.bytes().rev().collect() } else { key.into() }
        };
        let mut keys: Vec<Key> =
            keys.into_iter().map(|(key, rules)| (walked(&key), postings.add(rules))).collect();
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut trie = Self { from, ..Self::default() };
        for (key, _) in &keys {
            match key.first() {
                Some(byte) => bits::insert(&mut trie.first_bytes, usize::from(*byte)),
                // Every text begins with nothing.
                None => trie.first_bytes = [u64::MAX; 4],
            }
        }
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
            if self.from == From::End {
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
        let end = if self.from == From::Start { text.first() } else { text.last() };
        if end.is_none_or(|byte| bits::has(&self.first_bytes, usize::from(*byte))) {
            match self.from {
                From::Start => self.walk::<false>(text, postings, hits),
                From::End => self.walk::<true>(text, postings, hits),
            }
        }
    }

    /// `BACK`: from the end.
    fn walk<const BACK: bool>(&self, mut rest: &[u8], postings: &Postings, hits: &mut [u64]) {
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

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{From, Postings, Trie};

    proptest! {
        #[test]
        fn finds_every_key_at_an_end_of_a_text(
            keys in prop::collection::vec("[ab]{0,5}", 0..20),
            text in "[abc]{0,8}",
        ) {
            let mut map: BTreeMap<Box<str>, Vec<u32>> = BTreeMap::new();
            for (rule, key) in (0..).zip(&keys) {
                map.entry(key.as_str().into()).or_default().push(rule);
            }
            for from in [From::Start, From::End] {
                let mut postings = Postings::default();
                let trie = Trie::new(from, map.clone(), &mut postings);
                let mut hits = [0];
                trie.mark(text.as_bytes(), &postings, &mut hits);
                for (rule, key) in keys.iter().enumerate() {
                    let expected = match from {
                        From::Start => text.starts_with(key.as_str()),
                        From::End => text.ends_with(key.as_str()),
                    };
                    prop_assert_eq!(hits[0] >> rule & 1 == 1, expected, "{}", key);
                }
            }
        }
    }
}
