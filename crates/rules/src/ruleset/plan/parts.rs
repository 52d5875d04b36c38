//! Parts of texts: which of many a text contains.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use super::{
    bits::{self, Bits},
    postings::{List, Postings},
    text::Keys,
};

/// So many are looked for one by one, each only when a rule asks; more by an automaton, all at once.
const FEW: usize = 6;

/// The parts.
#[derive(Debug)]
pub(super) enum Parts {
    Few(Vec<(Finder<'static>, Bits)>),
    Many(Box<AhoCorasick>, Vec<List>),
}

impl Parts {
    /// `None` when the automaton would be too large.
    pub(super) fn new(keys: Keys, size: usize, postings: &mut Postings) -> Option<Self> {
        if keys.len() <= FEW {
            let few = keys.into_iter().map(|(part, rules)| {
                let list = postings.add(rules);
                (Finder::new(part.as_bytes()).into_owned(), postings.set(list, size))
            });
            return Some(Self::Few(few.collect()));
        }
        let automaton = AhoCorasick::new(keys.keys().map(|part| part.as_bytes())).ok()?;
        Some(Self::Many(Box::new(automaton), keys.into_values().map(|rules| postings.add(rules)).collect()))
    }

    /// Marks the rules behind every part of the text.
    pub(super) fn mark(&self, text: &str, alive: &[u64], postings: &Postings, hits: &mut [u64]) {
        match self {
            Self::Few(parts) => {
                for (finder, rules) in parts {
                    if bits::meet(rules, alive) && finder.find(text.as_bytes()).is_some() {
                        bits::unite(hits, rules);
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
