//! An index over texts: which rules name a text, its beginning, its end, a part of it or a directory above it.

use std::collections::BTreeMap;

use super::{
    parts::Parts,
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
    /// What stands before the last slash of a path from the root; `/` when nothing does.
    Directory(Box<str>),
    /// What stands behind the last slash.
    FileName(Box<str>),
    /// The path by its components, as `pmatch` takes them; a pattern cuts it short.
    Below(Vec<Box<str>>),
}

/// The index, by the form of its keys.
#[derive(Debug)]
pub(super) struct TextIndex {
    postings: Postings,
    whole: Index<Exact>,
    names: Index<Names>,
    beginnings: Index<Trie<false>>,
    endings: Index<Trie<true>>,
    parts: Index<Parts>,
    paths: Index<Paths>,
}

/// An index over keys of one form.
#[derive(Debug)]
struct Index<I> {
    /// [`super::bits::Set::fold`] of the rules behind its keys.
    rules: u64,
    keys: I,
}

/// Of paths from the root.
#[derive(Debug)]
struct Names {
    directories: Exact,
    file_names: Exact,
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
        let names = fold(self.directories.values().chain(self.file_names.values()).flatten());
        Some(TextIndex {
            whole: Index {
                rules: fold(self.whole.values().flatten()),
                keys: Exact::new(self.whole, &mut postings),
            },
            names: Index {
                rules: names,
                keys: Names {
                    directories: Exact::new(self.directories, &mut postings),
                    file_names: Exact::new(self.file_names, &mut postings),
                },
            },
            beginnings: Index {
                rules: fold(self.beginnings.values().flatten()),
                keys: Trie::new(self.beginnings, &mut postings),
            },
            endings: Index {
                rules: fold(self.endings.values().flatten()),
                keys: Trie::new(self.endings, &mut postings),
            },
            parts: Index {
                rules: fold(self.parts.values().flatten()),
                keys: Parts::new(self.parts, size, &mut postings)?,
            },
            paths: Index {
                rules: fold(self.paths.iter().map(|(_, rule)| rule)),
                keys: Paths::new(self.paths, &mut postings),
            },
            postings,
        })
    }
}

/// [`super::bits::Set::fold`] of these rules.
fn fold<'k>(rules: impl Iterator<Item = &'k u32>) -> u64 {
    rules.fold(0, |all, rule| all | 1 << (rule % 64))
}

/// Whole texts.
#[derive(Debug)]
struct Exact {
    lists: FastMap<Box<[u8]>, List>,
    /// A bit for each text, by its length and first and last byte: most texts that are not there have none.
    outlines: [u64; 4],
}

impl Exact {
    fn new(keys: Keys, postings: &mut Postings) -> Self {
        let mut outlines = [0; 4];
        for text in keys.keys() {
            let (word, bit) = outline(text.as_bytes());
            if let Some(word) = outlines.get_mut(word) {
                *word |= bit;
            }
        }
        let lists =
            keys.into_iter().map(|(text, rules)| (text.into_boxed_bytes(), postings.add(rules))).collect();
        Self { lists, outlines }
    }

    #[inline]
    fn mark(&self, text: &[u8], postings: &Postings, hits: &mut [u64]) {
        let (word, bit) = outline(text);
        if self.outlines.get(word).is_some_and(|word| word & bit != 0) {
            self.find(text, postings, hits);
        }
    }

    /// Apart, so that the test that most texts fail stands where it is made.
    #[inline(never)]
    fn find(&self, text: &[u8], postings: &Postings, hits: &mut [u64]) {
        if let Some(list) = self.lists.get(text) {
            postings.mark(*list, hits);
        }
    }
}

/// Word and bit of a text's outline.
fn outline(bytes: &[u8]) -> (usize, u64) {
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    let mixed = bytes.len() * 29 + usize::from(first) * 3 + usize::from(last) * 7;
    (mixed / 64 % 4, 1 << (mixed % 64))
}

impl<I> Index<I> {
    fn meets(&self, alive: u64) -> bool {
        self.rules & alive != 0
    }
}

impl Names {
    #[inline]
    fn mark(&self, path: &[u8], postings: &Postings, hits: &mut [u64]) {
        if path.first() == Some(&b'/') {
            let slash = memchr::memrchr(b'/', path).unwrap_or_default();
            self.directories.mark(path.get(..slash.max(1)).unwrap_or_default(), postings, hits);
            self.file_names.mark(path.get(slash + 1..).unwrap_or_default(), postings, hits);
        }
    }
}

impl TextIndex {
    /// Marks the rules of which some atom holds for the text, and maybe others of which one holds; rules that do not
    /// meet `alive`, see [`super::bits::Set::fold`], may be left out.
    pub(super) fn mark(&self, text: &[u8], alive: u64, hits: &mut [u64]) {
        if self.whole.meets(alive) {
            self.whole.keys.mark(text, &self.postings, hits);
        }
        if self.names.meets(alive) {
            self.names.keys.mark(text, &self.postings, hits);
        }
        if self.beginnings.meets(alive) {
            self.beginnings.keys.mark(text, &self.postings, hits);
        }
        if self.endings.meets(alive) {
            self.endings.keys.mark(text, &self.postings, hits);
        }
        if self.parts.meets(alive) {
            self.parts.keys.mark(text, alive, &self.postings, hits);
        }
        if self.paths.meets(alive) {
            self.paths.keys.mark(text, &self.postings, hits);
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
            index.mark(text.as_bytes(), u64::MAX, &mut hits);
            for (rule, atom) in atoms.iter().enumerate() {
                prop_assert_eq!(hits[0] >> rule & 1 == 1, holds(atom, &text), "{:?}", atom);
            }
        }
    }
}
