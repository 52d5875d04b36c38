//! Parts of texts: which of many a text contains.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use super::{
    bits::Set,
    postings::{List, Postings},
    text::Keys,
};

/// So many are looked for one by one, each only when a rule asks; more by an automaton, all at once.
const FEW: usize = 6;

/// The parts.
#[derive(Debug)]
pub(super) enum Parts {
    Few(Vec<(Part, Set)>),
    Many(Box<AhoCorasick>, Vec<List>),
}

impl Parts {
    /// `None` when the automaton would be too large.
    pub(super) fn new(keys: Keys, size: usize, postings: &mut Postings) -> Option<Self> {
        if keys.len() <= FEW {
            let set = |rules: Vec<u32>| Set::of(size, rules.into_iter().map(|rule| rule as usize));
            let few = keys.into_iter().map(|(part, rules)| (Part::new(&part), set(rules)));
            return Some(Self::Few(few.collect()));
        }
        let automaton = AhoCorasick::new(keys.keys().map(|part| part.as_bytes())).ok()?;
        Some(Self::Many(Box::new(automaton), keys.into_values().map(|rules| postings.add(rules)).collect()))
    }

    /// Marks the rules behind every part of the text; those that do not meet `alive`, see [`Set::fold`], may be left out.
    pub(super) fn mark(&self, text: &[u8], alive: u64, postings: &Postings, hits: &mut [u64]) {
        match self {
            Self::Few(parts) => {
                for (part, rules) in parts {
                    if rules.fold() & alive != 0 && part.is_in(text) {
                        rules.add_to(hits);
                    }
                }
            }
            Self::Many(automaton, lists) => {
                for found in automaton.find_overlapping_iter(text) {
                    if let Some(list) = lists.get(found.pattern().as_usize()) {
                        postings.mark(*list, hits);
                    }
                }
            }
        }
    }
}

/// A part of a text.
#[derive(Debug)]
pub(super) struct Part {
    finder: Finder<'static>,
    /// The byte of it that paths and names hold least often. Texts are short: to look for one byte first is cheaper.
    rare: Option<u8>,
}

impl Part {
    fn new(part: &str) -> Self {
        let rare = part.bytes().min_by_key(|byte| commonness(*byte));
        Self { finder: Finder::new(part.as_bytes()).into_owned(), rare }
    }

    #[inline]
    fn is_in(&self, text: &[u8]) -> bool {
        self.rare.is_none_or(|rare| memchr::memchr(rare, text).is_some()) && self.finder.find(text).is_some()
    }
}

/// A guess how often a byte stands in paths and names, as an order.
fn commonness(byte: u8) -> u8 {
    match byte {
        b'/' | b'.' | b'a' | b'e' | b'i' | b'l' | b'n' | b'o' | b'r' | b's' | b't' => 3,
        b'a'..=b'z' | b'-' => 2,
        b'0'..=b'9' => 1,
        _ => 0,
    }
}
