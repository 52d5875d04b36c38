//! What each rule cost in a replay (`--profile`), on standard error.

use std::{sync::LazyLock, time::Instant};

use fargard_rules::Ruleset;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first reading.
pub(super) fn clock() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Prints the rules whose conditions were evaluated, the dearest first.
#[expect(clippy::print_stderr, reason = "standard output is for alerts")]
pub(super) fn print(rules: &Ruleset) {
    let mut counters = rules.counters();
    counters.retain(|counter| counter.evaluations > 0);
    counters.sort_by_key(|counter| std::cmp::Reverse(counter.nanoseconds));
    eprintln!("evaluated rules (the index left out all others):");
    eprintln!("  {:<60} {:>9} {:>12} {:>12}", "rule", "hits", "evaluations", "ns each");
    for counter in counters {
        let Some(rule) = rules.rules().get(counter.rule.index()) else { continue };
        let each = counter.nanoseconds / counter.evaluations;
        eprintln!("  {:<60} {:>9} {:>12} {each:>12}", rule.name, counter.hits, counter.evaluations);
    }
}
