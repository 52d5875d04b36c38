//! Sets of a plan's rules as bits, one for each place in its list.

/// Words of a set.
pub(super) type Bits = Box<[u64]>;

/// A set that stays as it is.
#[derive(Debug, Default)]
pub(super) struct Set {
    words: Bits,
    fold: u64,
}

impl Set {
    /// The set of these rules of a plan of that many rules.
    pub(super) fn of(size: usize, rules: impl Iterator<Item = usize>) -> Self {
        let mut words = none(size);
        rules.for_each(|rule| insert(&mut words, rule));
        let fold = fold(&words);
        Self { words, fold }
    }

    /// One word for the whole set: sets that have a rule in common have words with a bit in common. With up to 64 rules
    /// the reverse is true as well.
    pub(super) fn fold(&self) -> u64 {
        self.fold
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Adds the rules to a set.
    pub(super) fn add_to(&self, bits: &mut [u64]) {
        for (word, rules) in bits.iter_mut().zip(&self.words) {
            *word |= rules;
        }
    }
}

/// The rules of a plan that may still match.
#[derive(Debug)]
pub(super) struct Alive<'m> {
    words: &'m mut [u64],
    fold: u64,
}

impl<'m> Alive<'m> {
    /// All that the words say.
    pub(super) fn new(words: &'m mut [u64]) -> Self {
        let fold = fold(words);
        Self { words, fold }
    }

    /// As [`Set::fold`].
    pub(super) fn fold(&self) -> u64 {
        self.fold
    }

    /// Whether the sets may have a rule in common.
    pub(super) fn meets(&self, rules: &Set) -> bool {
        self.fold & rules.fold != 0
    }

    /// Removes rules.
    pub(super) fn remove(&mut self, rules: &Set) {
        for (alive, rules) in self.words.iter_mut().zip(&rules.words) {
            *alive &= !rules;
        }
        self.fold = fold(self.words);
    }

    /// Removes those of `rules` that `hits` lacks, and empties `hits`.
    pub(super) fn keep_hits(&mut self, rules: &Set, hits: &mut [u64]) {
        for ((alive, rules), hits) in self.words.iter_mut().zip(&rules.words).zip(hits) {
            *alive &= !rules | *hits;
            *hits = 0;
        }
        self.fold = fold(self.words);
    }

    /// Calls `visit` with the rules, in order, until it says stop.
    pub(super) fn visit(&self, mut visit: impl FnMut(usize) -> bool) {
        for (index, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                if !visit(index * 64 + rest.trailing_zeros() as usize) {
                    return;
                }
                rest &= rest - 1;
            }
        }
    }
}

/// An empty set of a plan of that many rules.
fn none(rules: usize) -> Bits {
    vec![0; rules.div_ceil(64)].into()
}

fn fold(words: &[u64]) -> u64 {
    words.iter().fold(0, |all, word| all | word)
}

/// Adds a rule.
pub(super) fn insert(bits: &mut [u64], rule: usize) {
    if let Some(word) = bits.get_mut(rule / 64) {
        *word |= 1 << (rule % 64);
    }
}

/// Whether a rule is in the set.
pub(super) fn has(bits: &[u64], rule: usize) -> bool {
    bits.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::{Alive, Set};

    fn rules_of(alive: &Alive<'_>) -> Vec<usize> {
        let mut rules = Vec::new();
        alive.visit(|rule| {
            rules.push(rule);
            true
        });
        rules
    }

    fn set(rules: &[usize]) -> Set {
        Set::of(130, rules.iter().copied())
    }

    #[test]
    fn sets_of_rules() {
        let mut words = [0; 3];
        set(&[0, 5, 63, 64, 129]).add_to(&mut words);
        let mut alive = Alive::new(&mut words);
        let rules = set(&[5, 64]);
        assert!(alive.meets(&rules));
        let mut hits = [0; 3];
        set(&[64]).add_to(&mut hits);
        alive.keep_hits(&rules, &mut hits);
        assert_eq!((rules_of(&alive), hits), (vec![0, 63, 64, 129], [0; 3]));
        alive.remove(&rules);
        assert_eq!(rules_of(&alive), [0, 63, 129]);
        assert!(!alive.meets(&set(&[7])));
        let mut first = None;
        alive.visit(|rule| {
            first = Some(rule);
            false
        });
        assert_eq!(first, Some(0));
        alive.remove(&set(&[0, 63, 129]));
        assert_eq!((rules_of(&alive), alive.fold()), (vec![], 0));
    }
}
