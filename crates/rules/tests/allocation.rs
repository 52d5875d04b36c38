//! An event that matches no rule costs no allocation.

#[cfg(test)]
mod support;

use fargard_rules::Ruleset;

use support::{MIXES, capture, official, records};

/// Allocations of evaluating what matches nothing, once everything was evaluated before.
fn allocations<'e, S: Into<fargard_rules::Subject<'e>>>(
    ruleset: &Ruleset,
    subjects: impl Iterator<Item = S> + Clone,
) -> (u64, u64) {
    let mut found = Vec::with_capacity(ruleset.rules().len());
    for subject in subjects.clone() {
        ruleset.evaluate(subject, &mut found);
    }
    let (mut without, mut allocations) = (0, 0);
    for subject in subjects {
        let counted = allocation_counter::measure(|| ruleset.evaluate(subject, &mut found));
        if found.is_empty() {
            without += 1;
            allocations += counted.count_total;
        }
    }
    (without, allocations)
}

#[test]
fn calls_that_match_nothing_allocate_nothing() {
    let Some(ruleset) = official() else { return };
    for mix in MIXES {
        let Some(events) = capture(&format!("data/falco/bench/{mix}.scap.zst"), 5_000) else { return };
        let (without, allocations) = allocations(&ruleset, events.iter());
        assert!(without > 1_000, "{mix}: {without}");
        assert_eq!(allocations, 0, "{mix}");
    }
}

#[test]
fn records_that_match_nothing_allocate_nothing() {
    let Some((ruleset, records)) = records() else { return };
    let (without, allocations) = allocations(&ruleset, records.iter());
    assert!(without > 3_000);
    assert_eq!(allocations, 0);
}

#[test]
fn allocations_are_seen() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(counted.count_total, 1);
}
