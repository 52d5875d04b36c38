//! An index over texts: which rules name a text, its beginning, its end, a part of it or a directory above it.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;

use super::{
    paths::Paths,
    postings::{List, Postings},
    trie::Trie,
};
use crate::hash::FastMap;

/// What a rule wants of a text; one of these is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextAtom {
    Is(Box<str>),
    Begins(Box<str>),
    Ends(Box<str>),
    Contains(Box<str>),
    /// The path by its components, as `pmatch` takes them; a pattern cuts it short.
    Below(Vec<Box<str>>),
}

/// The index.
#[derive(Debug)]
pub(super) struct TextIndex {
    postings: Postings,
    exact: FastMap<Box<str>, List>,
    /// A bit for the length of each exact text; the last for all that are longer.
    lengths: u64,
    beginnings: Trie,
    /// Of texts from back to front.
    endings: Trie,
    parts: Option<(AhoCorasick, Vec<List>)>,
    paths: Paths,
}

/// Collects atoms for an index.
#[derive(Default)]
pub(super) struct TextBuilder {
    exact: BTreeMap<Box<str>, Vec<u32>>,
    beginnings: BTreeMap<Vec<u8>, Vec<u32>>,
    endings: BTreeMap<Vec<u8>, Vec<u32>>,
    parts: BTreeMap<Box<str>, Vec<u32>>,
    paths: Vec<(Vec<Box<str>>, u32)>,
}

impl TextBuilder {
    pub(super) fn add(&mut self, atom: TextAtom, rule: u32) {
        match atom {
            TextAtom::Is(text) => self.exact.entry(text).or_default().push(rule),
            TextAtom::Begins(text) => self.beginnings.entry(text.as_bytes().into()).or_default().push(rule),
            TextAtom::Ends(text) => {
                self.endings.entry(text.bytes().rev().collect()).or_default().push(rule);
            }
            TextAtom::Contains(text) => self.parts.entry(text).or_default().push(rule),
            TextAtom::Below(path) => self.paths.push((path, rule)),
        }
    }

    /// The index; `None` when the automaton for parts would be too large.
    pub(super) fn build(self) -> Option<TextIndex> {
        let mut postings = Postings::default();
        let lengths = self.exact.keys().fold(0, |bits, text| bits | length_bit(text));
        let exact = self.exact.into_iter().map(|(text, rules)| (text, postings.add(rules))).collect();
        let beginnings = Trie::new(self.beginnings, &mut postings);
        let endings = Trie::new(self.endings, &mut postings);
        let parts = if self.parts.is_empty() {
            None
        } else {
            let automaton = AhoCorasick::new(self.parts.keys().map(|part| part.as_bytes())).ok()?;
            let lists = self.parts.into_values().map(|rules| postings.add(rules)).collect();
            Some((automaton, lists))
        };
        let paths = Paths::new(self.paths, &mut postings);
        Some(TextIndex { postings, exact, lengths, beginnings, endings, parts, paths })
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

impl TextIndex {
    /// Marks the rules of which some atom holds for the text.
    pub(super) fn mark(&self, text: &str, hits: &mut [u64]) {
        if self.lengths & length_bit(text) != 0
            && let Some(list) = self.exact.get(text)
        {
            self.postings.mark(*list, hits);
        }
        self.beginnings.mark(text.bytes(), &self.postings, hits);
        self.endings.mark(text.bytes().rev(), &self.postings, hits);
        if let Some((automaton, lists)) = &self.parts {
            for found in automaton.find_overlapping_iter(text) {
                if let Some(list) = lists.get(found.pattern().as_usize()) {
                    self.postings.mark(*list, hits);
                }
            }
        }
        self.paths.mark(text, &self.postings, hits);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TextAtom, TextBuilder};
    use crate::compile::PathSet;

    fn holds(atom: &TextAtom, text: &str) -> bool {
        match atom {
            TextAtom::Is(own) => **own == *text,
            TextAtom::Begins(own) => text.starts_with(&**own),
            TextAtom::Ends(own) => text.ends_with(&**own),
            TextAtom::Contains(own) => text.contains(&**own),
            TextAtom::Below(path) => PathSet::new(std::iter::once(path.join("/").as_str())).covers(text),
        }
    }

    fn atom() -> impl Strategy<Value = TextAtom> {
        let text = "[ab/é]{1,4}".prop_map(Box::<str>::from);
        let path = prop::collection::vec("[ab]{1,2}".prop_map(Box::<str>::from), 1..4);
        prop_oneof![
            text.clone().prop_map(TextAtom::Is),
            text.clone().prop_map(TextAtom::Begins),
            text.clone().prop_map(TextAtom::Ends),
            text.prop_map(TextAtom::Contains),
            path.prop_map(TextAtom::Below),
        ]
    }

    proptest! {
        #[test]
        fn finds_exactly_the_atoms_that_hold(
            atoms in prop::collection::vec(atom(), 1..30),
            text in "[ab/é]{0,9}",
        ) {
            let mut builder = TextBuilder::default();
            for (rule, atom) in (0..).zip(&atoms) {
                builder.add(atom.clone(), rule);
            }
            let index = builder.build().unwrap();
            let mut hits = [0];
            index.mark(&text, &mut hits);
            for (rule, atom) in atoms.iter().enumerate() {
                prop_assert_eq!(hits[0] >> rule & 1 == 1, holds(atom, &text), "{:?}", atom);
            }
        }
    }
}
