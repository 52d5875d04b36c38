//! Sets of a plan's rules as bits, one for each place in its list.

/// A set.
pub(super) type Bits = Box<[u64]>;

/// Words for that many rules.
pub(super) fn words(rules: usize) -> usize {
    rules.div_ceil(64)
}

/// An empty set of a plan of that many rules.
pub(super) fn none(rules: usize) -> Bits {
    vec![0; words(rules)].into()
}

/// The set of these rules of a plan of that many rules.
pub(super) fn of<'r>(size: usize, rules: impl Iterator<Item = &'r u32>) -> Bits {
    let mut set = none(size);
    rules.for_each(|rule| insert(&mut set, *rule as usize));
    set
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

/// Whether the sets have a rule in common.
#[inline]
pub(super) fn meet(one: &[u64], other: &[u64]) -> bool {
    match (one, other) {
        // Most plans have few rules.
        ([one], [other]) => one & other != 0,
        _ => one.iter().zip(other).any(|(one, other)| one & other != 0),
    }
}

/// Adds rules.
pub(super) fn unite(bits: &mut [u64], rules: &[u64]) {
    for (word, rules) in bits.iter_mut().zip(rules) {
        *word |= rules;
    }
}

/// Removes those of `rules` that `hits` lacks, and empties `hits`.
pub(super) fn keep_hits(alive: &mut [u64], rules: &[u64], hits: &mut [u64]) {
    for ((alive, rules), hits) in alive.iter_mut().zip(rules).zip(hits) {
        *alive &= !rules | *hits;
        *hits = 0;
    }
}

/// Removes rules.
pub(super) fn remove(alive: &mut [u64], rules: &[u64]) {
    for (alive, rules) in alive.iter_mut().zip(rules) {
        *alive &= !rules;
    }
}

/// Calls `visit` with the rules of a set, in order, until it says stop.
pub(super) fn visit(bits: &[u64], mut visit: impl FnMut(usize) -> bool) {
    for (index, word) in bits.iter().enumerate() {
        let mut rest = *word;
        while rest != 0 {
            if !visit(index * 64 + rest.trailing_zeros() as usize) {
                return;
            }
            rest &= rest - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{insert, keep_hits, meet, none, remove, visit};

    fn rules_of(bits: &[u64]) -> Vec<usize> {
        let mut rules = Vec::new();
        visit(bits, |rule| {
            rules.push(rule);
            true
        });
        rules
    }

    #[test]
    fn sets_of_rules() {
        let (mut alive, mut rules, mut hits) = (none(130), none(130), none(130));
        for rule in [0, 5, 63, 64, 129] {
            insert(&mut alive, rule);
        }
        for rule in [5, 64] {
            insert(&mut rules, rule);
        }
        insert(&mut hits, 64);
        assert!(meet(&alive, &rules));
        keep_hits(&mut alive, &rules, &mut hits);
        assert_eq!(rules_of(&alive), [0, 63, 64, 129]);
        assert!(rules_of(&hits).is_empty());
        remove(&mut alive, &rules);
        assert_eq!(rules_of(&alive), [0, 63, 129]);
        assert!(!meet(&alive, &rules));
        let mut first = None;
        visit(&alive, |rule| {
            first = Some(rule);
            false
        });
        assert_eq!((first, rules_of(&alive)), (Some(0), vec![0, 63, 129]));
    }
}
