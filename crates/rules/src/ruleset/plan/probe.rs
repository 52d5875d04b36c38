//! Fields of an event, looked up in indexes of what the rules want of them.

use std::{cmp::Ordering, net::IpAddr};

use super::super::possible::Origin;
use super::{
    bits::{Alive, Set},
    odds,
    postings::{List, Postings},
    text::{TextAtom, TextBuilder, TextIndex},
};
use crate::{
    Subject,
    compile::matcher::Matcher,
    fields::{Extract, ResolvedField, Value},
    hash::FastMap,
    syntax::ast::{Op, Quantifier},
};

/// What it costs to put a text into lower case, in the cost of reading a plain member.
const LOWER: f32 = 2.0;
/// Longest text of which that is done, in bytes.
const LONGEST_LOWER: usize = 512;

/// What a rule wants of a field's value; one of these is enough.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Atom {
    Text(TextAtom),
    Int(i64),
    Ip(IpAddr),
    Bool(bool),
}

/// The atoms of a matcher: it accepts no value for which none of them holds. `None` when it has no such atoms. `lower`:
/// the values are in lower case.
pub(super) fn atoms(matcher: &Matcher, lower: bool) -> Option<Vec<Atom>> {
    let text = |atom: TextAtom| Some(vec![Atom::Text(atom)]);
    match matcher {
        Matcher::Never => Some(Vec::new()),
        Matcher::TextIs(constant) => text(TextAtom::Is(constant.clone())),
        Matcher::TextIn(constants) => {
            Some(constants.iter().map(|text| Atom::Text(TextAtom::Is(text.clone()))).collect())
        }
        Matcher::Startswith(prefix) if !prefix.is_empty() => text(TextAtom::Begins(prefix.clone())),
        Matcher::Endswith(suffix) if !suffix.is_empty() => text(TextAtom::Ends(suffix.clone())),
        Matcher::Contains(finder) if !finder.needle().is_empty() => {
            let part = std::str::from_utf8(finder.needle()).ok()?;
            text(TextAtom::Contains(part.into()))
        }
        Matcher::Icontains(part) if lower && !part.is_empty() => {
            text(TextAtom::Contains(part.to_ascii_lowercase().into()))
        }
        Matcher::Glob(glob) => {
            let (prefix, suffix) = glob.literal_ends();
            match prefix.len().cmp(&suffix.len()) {
                Ordering::Less => text(TextAtom::Ends(suffix.into())),
                _ if prefix.is_empty() => None,
                _ => text(TextAtom::Begins(prefix.into())),
            }
        }
        Matcher::Paths(paths) => paths
            .literals()
            .map(|path| (!path.is_empty()).then_some(Atom::Text(TextAtom::Below(path))))
            .collect(),
        Matcher::Int(Op::Eq, number) => Some(vec![Atom::Int(*number)]),
        Matcher::IntIn(numbers) => Some(numbers.iter().map(|number| Atom::Int(*number)).collect()),
        Matcher::Nets(networks) => networks.iter().map(|network| network.single().map(Atom::Ip)).collect(),
        Matcher::Bool(truth) => Some(vec![Atom::Bool(*truth)]),
        Matcher::Each(Quantifier::Anyof | Quantifier::Oneof, matchers) => {
            let mut all = Vec::new();
            for matcher in matchers {
                all.append(&mut atoms(matcher, lower)?);
            }
            Some(all)
        }
        Matcher::Each(Quantifier::Allof, matchers) => {
            matchers.iter().find_map(|matcher| atoms(matcher, lower))
        }
        _ => None,
    }
}

/// A field as an index reads it.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) field: ResolvedField,
    /// Letters of ASCII in lower case.
    pub(super) lower: bool,
}

impl Reading {
    /// What it costs, in the cost of reading a plain member; `None` where that is not worth it.
    pub(super) fn cost(&self) -> Option<f32> {
        odds::of_reading(&self.field).map(|cost| if self.lower { cost + LOWER } else { cost })
    }
}

/// Rules that each need something of some fields, and indexes over these.
#[derive(Debug)]
pub(super) struct Probe {
    rules: Set,
    lookups: Vec<Lookup>,
}

/// An index over one field.
#[derive(Debug)]
struct Lookup {
    reading: Reading,
    origin: Origin,
    /// The rules that want something of it.
    rules: Set,
    texts: TextIndex,
    ints: FastMap<i64, List>,
    addresses: FastMap<IpAddr, List>,
    bools: [List; 2],
    postings: Postings,
}

/// What rules want of one field.
#[derive(Default)]
pub(super) struct Wanted {
    atoms: Vec<(u32, Atom)>,
}

impl Wanted {
    pub(super) fn add(&mut self, rule: u32, atom: Atom) {
        self.atoms.push((rule, atom));
    }
}

impl Probe {
    /// Indexes for rules of a plan of `size` rules, from what they want of each field; `None` when they cannot be
    /// built.
    pub(super) fn new(
        size: usize,
        rules: impl Iterator<Item = usize>,
        wanted: Vec<(Reading, Wanted)>,
    ) -> Option<Self> {
        let lookups = wanted.into_iter().map(|(reading, wanted)| Lookup::new(reading, size, wanted));
        Some(Self { rules: Set::of(size, rules), lookups: lookups.collect::<Option<_>>()? })
    }

    /// Removes its rules for which no atom holds. What cannot be known of a field counts as holding.
    pub(super) fn filter(
        &self,
        subject: Subject<'_>,
        is_known: impl Fn(Origin) -> bool,
        alive: &mut Alive<'_>,
        hits: &mut [u64],
    ) {
        if !alive.meets(&self.rules) {
            return;
        }
        for lookup in &self.lookups {
            if !alive.meets(&lookup.rules) {
                continue;
            }
            if is_known(lookup.origin) {
                lookup.mark(subject, alive.fold(), hits);
            } else {
                lookup.rules.add_to(hits);
            }
        }
        alive.keep_hits(&self.rules, hits);
    }
}

impl Lookup {
    fn new(reading: Reading, size: usize, wanted: Wanted) -> Option<Self> {
        let rules = Set::of(size, wanted.atoms.iter().map(|(rule, _)| *rule as usize));
        let mut texts = TextBuilder::default();
        let mut ints: FastMap<i64, Vec<u32>> = FastMap::default();
        let mut addresses: FastMap<IpAddr, Vec<u32>> = FastMap::default();
        let mut bools = [Vec::new(), Vec::new()];
        for (rule, atom) in wanted.atoms {
            match atom {
                Atom::Text(atom) => texts.add(atom, rule),
                Atom::Int(number) => ints.entry(number).or_default().push(rule),
                Atom::Ip(address) => addresses.entry(address).or_default().push(rule),
                Atom::Bool(truth) => {
                    let [no, yes] = &mut bools;
                    if truth { yes } else { no }.push(rule);
                }
            }
        }
        let mut postings = Postings::default();
        let ints = ints.into_iter().map(|(number, rules)| (number, postings.add(rules))).collect();
        let addresses =
            addresses.into_iter().map(|(address, rules)| (address, postings.add(rules))).collect();
        let bools = bools.map(|rules| postings.add(rules));
        let origin = Origin::of(&reading.field);
        Some(Self { reading, origin, rules, texts: texts.build(size)?, ints, addresses, bools, postings })
    }

    /// Marks the rules of which some atom holds for some value of the field.
    fn mark(&self, subject: Subject<'_>, alive: u64, hits: &mut [u64]) {
        // Most fields give one of the first three.
        match (self.reading.field.field.get, subject) {
            (Some(Extract::Text(get)), Subject::Call(event)) => {
                if let Some(text) = get(event) {
                    self.mark_text(text, alive, hits);
                }
            }
            (Some(Extract::Int(get)), Subject::Call(event)) => {
                if let Some(number) = get(event) {
                    self.mark_number(number, hits);
                }
            }
            (Some(Extract::Truth(get)), Subject::Call(event)) => {
                if let Some(truth) = get(event) {
                    self.mark_truth(truth, hits);
                }
            }
            _ => {
                self.reading.field.for_condition(subject).any(|value| {
                    self.mark_value(value, alive, hits);
                    false
                });
            }
        }
    }

    fn mark_value(&self, value: &Value<'_>, alive: u64, hits: &mut [u64]) {
        match value {
            Value::Text(text) => self.mark_text(text, alive, hits),
            Value::Int(number) => self.mark_number(*number, hits),
            Value::Bool(truth) => self.mark_truth(*truth, hits),
            Value::Ip(address) => {
                if let Some(list) = self.addresses.get(address) {
                    self.postings.mark(*list, hits);
                }
            }
            // Bytes in lower case are text.
            Value::Bytes(_) if self.reading.lower => self.rules.add_to(hits),
            Value::Bytes(_) => {}
        }
    }

    fn mark_text(&self, text: &str, alive: u64, hits: &mut [u64]) {
        if self.reading.lower {
            self.mark_lower(text, alive, hits);
        } else {
            self.texts.mark(text.as_bytes(), alive, hits);
        }
    }

    fn mark_number(&self, number: i64, hits: &mut [u64]) {
        if let Some(list) = self.ints.get(&number) {
            self.postings.mark(*list, hits);
        }
    }

    fn mark_truth(&self, truth: bool, hits: &mut [u64]) {
        let [no, yes] = self.bools;
        self.postings.mark(if truth { yes } else { no }, hits);
    }

    /// Marks the rules of which some atom holds for the text in lower case; all where that is too long to be made
    /// without an allocation.
    #[inline(never)]
    fn mark_lower(&self, text: &str, alive: u64, hits: &mut [u64]) {
        let mut room = [0; LONGEST_LOWER];
        match room.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                room.make_ascii_lowercase();
                self.texts.mark(room, alive, hits);
            }
            None => self.rules.add_to(hits),
        }
    }
}
