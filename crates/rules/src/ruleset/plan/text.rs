//! An index over texts: which rules name a text, its beginning, its end, a part of it or a directory above it.

use std::collections::BTreeMap;

use super::{
    bits::{self, Bits},
    parts::Parts,
    paths::Paths,
    postings::{List, Postings},
    trie::{From, Trie},
};
use crate::hash::FastMap;

/// What a rule wants of a text; one of these is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextAtom {
    Is(Box<str>),
    Begins(Box<str>),
    Ends(Box<str>),
    Contains(Box<str>),
    /// What stands before the last slash of a path from the root; `/` when nothing does.
    Directory(Box<str>),
    /// What stands behind the last slash.
    FileName(Box<str>),
    /// The path by its components, as `pmatch` takes them; a pattern cuts it short.
    Below(Vec<Box<str>>),
}

/// The index.
#[derive(Debug)]
pub(super) struct TextIndex {
    postings: Postings,
    /// By the form of its keys; each with every rule behind some key.
    indexes: Vec<(Bits, Index)>,
}

/// An index over keys of one form.
#[derive(Debug)]
enum Index {
    Whole(Exact),
    /// Of paths from the root.
    Names {
        directories: Exact,
        file_names: Exact,
    },
    Ends(Trie),
    Parts(Parts),
    Paths(Paths),
}

/// Collects atoms for an index.
#[derive(Default)]
pub(super) struct TextBuilder {
    whole: Keys,
    directories: Keys,
    file_names: Keys,
    beginnings: Keys,
    endings: Keys,
    parts: Keys,
    paths: Vec<(Vec<Box<str>>, u32)>,
}

/// Texts with the rules behind them.
pub(super) type Keys = BTreeMap<Box<str>, Vec<u32>>;

impl TextBuilder {
    pub(super) fn add(&mut self, atom: TextAtom, rule: u32) {
        let (keys, text) = match atom {
            TextAtom::Is(text) => (&mut self.whole, text),
            TextAtom::Begins(text) => (&mut self.beginnings, text),
            TextAtom::Ends(text) => (&mut self.endings, text),
            TextAtom::Contains(text) => (&mut self.parts, text),
            TextAtom::Directory(text) => (&mut self.directories, text),
            TextAtom::FileName(text) => (&mut self.file_names, text),
            TextAtom::Below(path) => return self.paths.push((path, rule)),
        };
        keys.entry(text).or_default().push(rule);
    }

    /// The index for a plan of `size` rules; `None` when the automaton for parts would be too large.
    pub(super) fn build(self, size: usize) -> Option<TextIndex> {
        let mut postings = Postings::default();
        let names = self.directories.values().chain(self.file_names.values());
        let all = [
            of_keys(size, self.whole.values()),
            of_keys(size, names),
            of_keys(size, self.beginnings.values()),
            of_keys(size, self.endings.values()),
            of_keys(size, self.parts.values()),
            bits::of(size, self.paths.iter().map(|(_, rule)| rule)),
        ];
        let indexes = [
            Index::Whole(Exact::new(self.whole, &mut postings)),
            Index::Names {
                directories: Exact::new(self.directories, &mut postings),
                file_names: Exact::new(self.file_names, &mut postings),
            },
            Index::Ends(Trie::new(From::Start, self.beginnings, &mut postings)),
            Index::Ends(Trie::new(From::End, self.endings, &mut postings)),
            Index::Parts(Parts::new(self.parts, size, &mut postings)?),
            Index::Paths(Paths::new(self.paths, &mut postings)),
        ];
        let mut indexes: Vec<_> = all.into_iter().zip(indexes).collect();
        indexes.retain(|(rules, _)| rules.iter().any(|word| *word != 0));
        Some(TextIndex { postings, indexes })
    }
}

/// Every rule behind some key.
fn of_keys<'k>(size: usize, lists: impl Iterator<Item = &'k Vec<u32>>) -> Bits {
    bits::of(size, lists.flatten())
}

/// Whole texts.
#[derive(Debug)]
struct Exact {
    lists: FastMap<Box<str>, List>,
    /// A bit for each text, by its length and first and last byte: most texts that are not there have none.
    outlines: [u64; 4],
}

impl Exact {
    fn new(keys: Keys, postings: &mut Postings) -> Self {
        let mut outlines = [0; 4];
        for text in keys.keys() {
            let (word, bit) = outline(text);
            if let Some(word) = outlines.get_mut(word) {
                *word |= bit;
            }
        }
        let lists = keys.into_iter().map(|(text, rules)| (text, postings.add(rules))).collect();
        Self { lists, outlines }
    }

    #[inline]
    fn mark(&self, text: &str, postings: &Postings, hits: &mut [u64]) {
        let (word, bit) = outline(text);
        if self.outlines.get(word).is_some_and(|word| word & bit != 0) {
            self.find(text, postings, hits);
        }
    }

    /// Apart, so that the test that most texts fail stands where it is made.
    #[inline(never)]
    fn find(&self, text: &str, postings: &Postings, hits: &mut [u64]) {
        if let Some(list) = self.lists.get(text) {
            postings.mark(*list, hits);
        }
    }
}

/// Word and bit of a text's outline.
fn outline(text: &str) -> (usize, u64) {
    let bytes = text.as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    let mixed = bytes.len() * 29 + usize::from(first) * 3 + usize::from(last) * 7;
    (mixed / 64 % 4, 1 << (mixed % 64))
}

impl TextIndex {
    /// Marks the rules of `alive` of which some atom holds for the text, and maybe others of which one holds.
    pub(super) fn mark(&self, text: &str, alive: &[u64], hits: &mut [u64]) {
        for (rules, index) in &self.indexes {
            if !bits::meet(rules, alive) {
                continue;
            }
            match index {
                Index::Whole(whole) => whole.mark(text, &self.postings, hits),
                Index::Names { directories, file_names } => {
                    if text.starts_with('/') {
                        let slash = memchr::memrchr(b'/', text.as_bytes()).unwrap_or_default();
                        let directory = text.get(..slash.max(1)).unwrap_or_default();
                        directories.mark(directory, &self.postings, hits);
                        file_names.mark(text.get(slash + 1..).unwrap_or_default(), &self.postings, hits);
                    }
                }
                Index::Ends(trie) => trie.mark(text.as_bytes(), &self.postings, hits),
                Index::Parts(parts) => parts.mark(text, alive, &self.postings, hits),
                Index::Paths(paths) => paths.mark(text, &self.postings, hits),
            }
        }
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
            TextAtom::Directory(own) => {
                text.starts_with('/')
                    && match text.rsplit_once('/') {
                        Some(("", _)) | None => **own == *"/",
                        Some((directory, _)) => directory == &**own,
                    }
            }
            TextAtom::FileName(own) => {
                text.starts_with('/') && text.rsplit_once('/').is_some_and(|(_, name)| name == &**own)
            }
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
            text.clone().prop_map(TextAtom::Directory),
            text.clone().prop_map(TextAtom::FileName),
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
            let index = builder.build(30).unwrap();
            let mut hits = [0];
            index.mark(&text, &[u64::MAX], &mut hits);
            for (rule, atom) in atoms.iter().enumerate() {
                prop_assert_eq!(hits[0] >> rule & 1 == 1, holds(atom, &text), "{:?}", atom);
            }
        }
    }
}
