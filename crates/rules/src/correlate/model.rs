//! Sequences, thresholds and foldings against what their definitions say of all events kept in a list.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use fargard_model::{Event, EventType, Timestamp};
use proptest::prelude::*;

use super::{Alert, Detector};
use crate::{Ruleset, SourceFile, Subject, load, made::EventBuilder};

/// Nanoseconds of the tests' unit of time, one second.
const UNIT: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * UNIT;
/// The time of all correlations, in units.
const WITHIN: u64 = 10;

/// What happens: a letter (the program's name), a key (process id), a value (the port), and a time in units.
#[derive(Clone, Debug)]
struct Happening {
    letter: char,
    key: u32,
    value: u16,
    time: u64,
}

/// Events in the order of arrival, each late by less than the time.
fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = (proptest::sample::select(vec!['a', 'b', 'c', 'u']), 1..3_u32, 1..5_u16, 0..4_u64, 0..6_u64);
    proptest::collection::vec(one, 0..60).prop_map(|steps| {
        let mut now = 20;
        let happening = |(letter, key, value, ahead, late): (char, u32, u16, u64, u64)| {
            now += ahead;
            // Most events come in order.
            Happening { letter, key, value, time: now - late.saturating_sub(3) }
        };
        steps.into_iter().map(happening).collect()
    })
}

fn event(happening: &Happening, num: u64) -> Event {
    let mut builder = EventBuilder::new(EventType::Connect).at(num, START + happening.time * UNIT);
    for (field, value) in [
        ("proc.name", happening.letter.to_string()),
        ("proc.vpid", happening.key.to_string()),
        ("fd.sport", happening.value.to_string()),
    ] {
        builder.set(field, &[&value]).unwrap();
    }
    builder.build().unwrap()
}

thread_local! {
    /// Rules that were loaded before: every case is about one of a few.
    static LOADED: RefCell<HashMap<String, Arc<Ruleset>>> = RefCell::default();
}

fn detector(text: &str) -> Detector {
    let ruleset = LOADED.with_borrow_mut(|loaded| {
        Arc::clone(loaded.entry(text.to_owned()).or_insert_with(|| Arc::new(ruleset(text))))
    });
    Detector::new(ruleset)
}

fn ruleset(text: &str) -> Ruleset {
    let report = load(&[SourceFile { name: "t.yaml".into(), text: text.into() }]);
    let said: Vec<_> = report.diagnostics.iter().map(ToString::to_string).collect();
    report.ruleset.unwrap_or_else(|| panic!("{}", said.join("\n")))
}

/// Indices of the events at which it fired.
fn fired(text: &str, happenings: &[Happening]) -> Vec<usize> {
    let mut detector = detector(text);
    let mut alerts = Vec::new();
    let mut fired = Vec::new();
    for (index, happening) in happenings.iter().enumerate() {
        let event = event(happening, index as u64 + 1);
        detector.observe(&event, &mut alerts);
        fired.extend(alerts.iter().map(|_| index));
    }
    fired
}

const HEAD: &str = "desc: d\n  priority: INFO\n  output: o\n  by: proc.vpid\n  within: 10s\n";

fn sequence(steps: &str, until: bool) -> String {
    let steps: String = steps
        .chars()
        .map(|step| format!("  - condition: evt.type = connect and proc.name = {step}\n"))
        .collect();
    let until = if until { "  until: evt.type = connect and proc.name = u\n" } else { "" };
    format!("- sequence: s\n  {HEAD}  steps:\n{steps}{until}")
}

/// All runs under way are kept: of each how many steps it took, and when it began.
fn sequence_by_definition(steps: &str, until: bool, happenings: &[Happening]) -> Vec<usize> {
    let steps: Vec<char> = steps.chars().collect();
    let mut runs: HashMap<u32, Vec<(usize, u64)>> = HashMap::new();
    let mut fired = Vec::new();
    for (index, happening) in happenings.iter().enumerate() {
        let runs = runs.entry(happening.key).or_default();
        if until && happening.letter == 'u' {
            runs.clear();
        }
        let mut next = runs.clone();
        if steps[0] == happening.letter {
            next.push((1, happening.time));
        }
        for (taken, began) in runs.iter() {
            if steps[*taken] == happening.letter && happening.time.saturating_sub(*began) <= WITHIN {
                next.push((taken + 1, *began));
            }
        }
        if next.iter().any(|(taken, _)| *taken == steps.len()) {
            fired.push(index);
            next.clear();
        }
        *runs = next;
    }
    fired
}

fn threshold(count: usize, distinct: bool) -> String {
    let count = if distinct {
        format!("distinct: {{field: fd.sport, count: {count}}}")
    } else {
        format!("count: {count}")
    };
    format!("- threshold: t\n  {HEAD}  of: {{condition: evt.type = connect and proc.name = a}}\n  {count}\n")
}

/// All events since the last detection are kept.
fn threshold_by_definition(count: usize, distinct: bool, happenings: &[Happening]) -> Vec<usize> {
    let mut kept: HashMap<u32, Vec<(u64, u16)>> = HashMap::new();
    let mut fired = Vec::new();
    for (index, happening) in happenings.iter().enumerate().filter(|(_, happening)| happening.letter == 'a') {
        let kept = kept.entry(happening.key).or_default();
        // An event that comes late counts as happening with the one before.
        let time = happening.time.max(kept.last().map_or(0, |(time, _)| *time));
        kept.push((time, happening.value));
        let within = kept.iter().filter(|(other, _)| time - other <= WITHIN);
        let reached = if distinct {
            within.map(|(_, value)| *value).collect::<BTreeSet<_>>().len()
        } else {
            within.count()
        };
        if reached >= count {
            fired.push(index);
            kept.clear();
        }
    }
    fired
}

fn folding(fold: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = connect and proc.name = a\n  {fold}\n"
    )
}

/// Each alert with when it was let through, the event it is about, and how many matches it stands for.
fn folded(text: &str, happenings: &[Happening]) -> Vec<(u64, u32, u64)> {
    let mut detector = detector(text);
    let mut alerts = Vec::new();
    let mut found = Vec::new();
    let mut now = 0;
    let mut note = |now: u64, alerts: &[Alert], observed: Subject<'_>| {
        for alert in alerts {
            let Subject::Call(event) = alert.subject(Some(observed)).unwrap() else { panic!("a call") };
            found.push((now, event.process.vpid, alert.folded + 1));
        }
    };
    for (index, happening) in happenings.iter().enumerate() {
        let event = event(happening, index as u64 + 1);
        now = happening.time.max(now);
        detector.observe(&event, &mut alerts);
        note(now, &alerts, Subject::Call(&event));
    }
    detector.finish(&mut alerts);
    let last = event(&Happening { letter: 'a', key: 9, value: 1, time: now }, 99);
    note(u64::MAX / UNIT, &alerts, Subject::Call(&last));
    found
}

proptest! {
    #[test]
    fn sequences_are_as_defined(
        happenings in happenings(),
        steps in proptest::sample::select(vec!["ab", "abc", "aab", "aba", "aaa", "cba"]),
        until: bool,
    ) {
        prop_assert_eq!(
            fired(&sequence(steps, until), &happenings),
            sequence_by_definition(steps, until, &happenings)
        );
    }

    #[test]
    fn thresholds_are_as_defined(happenings in happenings(), count in 2..5_usize, distinct: bool) {
        prop_assert_eq!(
            fired(&threshold(count, distinct), &happenings),
            threshold_by_definition(count, distinct, &happenings)
        );
    }

    /// Every match is told of: as a detection, or in the number of one.
    #[test]
    fn folding_loses_nothing(
        happenings in happenings(),
        fold in proptest::sample::select(vec![
            "dedup: {by: proc.vpid, within: 10s}",
            "dedup: {within: 3s}",
            "limit: {count: 2, within: 10s}",
            "limit: {count: 3, by: [proc.vpid, fd.sport], within: 5s}",
            "dedup: {by: fd.sport, within: 4s}\n  limit: {count: 2, within: 10s}",
            "dedup: {by: k8s.pod.name, within: 10s}",
        ]),
    ) {
        let matches = happenings.iter().filter(|happening| happening.letter == 'a').count() as u64;
        let told = folded(&folding(fold), &happenings);
        prop_assert_eq!(told.iter().map(|(_, _, matches)| matches).sum::<u64>(), matches);
    }

    /// Of a key there is one detection in the time.
    #[test]
    fn repeats_are_folded(happenings in happenings()) {
        let mut last: HashMap<u32, u64> = HashMap::new();
        let told = folded(&folding("dedup: {by: proc.vpid, within: 10s}"), &happenings);
        for (now, key, _) in told.iter().filter(|(now, ..)| *now < 1_000_000) {
            if let Some(before) = last.insert(*key, *now) {
                prop_assert!(now - before >= WITHIN - 2, "{key} at {before} and {now}");
            }
        }
    }

    /// Of a rule there are so many detections in the time.
    #[test]
    fn rates_are_limited(happenings in happenings()) {
        let told = folded(&folding("limit: {count: 2, within: 10s}"), &happenings);
        let times: Vec<u64> = told.iter().map(|(now, ..)| *now).filter(|now| *now < 1_000_000).collect();
        for time in &times {
            let near = times.iter().filter(|other| (*time..time + WITHIN - 2).contains(other)).count();
            prop_assert!(near <= 4, "{near} from {time}");
        }
    }
}

/// Keys that an attacker makes up cost no more than the budget, and what is dropped for them is counted.
#[test]
fn hostile_keys_are_bounded() {
    let text = format!(
        "{}{}{}",
        "- sequence: s\n  desc: d\n  priority: INFO\n  output: '%step1.proc.cmdline'\n  by: proc.cmdline\n  within: 1h\n  \
         steps: [{condition: evt.type = connect}, {condition: evt.type = bind}]\n",
        "- threshold: t\n  desc: d\n  priority: INFO\n  output: o\n  by: proc.cmdline\n  within: 1h\n  \
         of: {condition: evt.type = connect}\n  count: 3\n",
        "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = connect\n  \
         dedup: {by: proc.cmdline, within: 1h}\n",
    );
    let mut detector = detector(&text);
    let mut event = event(&Happening { letter: 'a', key: 1, value: 1, time: 1 }, 1);
    let mut alerts = Vec::new();
    let mut told = 0;
    let rounds = 12_000;
    for round in 0..rounds {
        // Each key twice, so that there is something to hold back; long, so that it must be cut.
        let mut process = (*event.process).clone();
        process.args = vec![format!("{:010}", round / 2).repeat(60)];
        event.process = Arc::new(process);
        event.time = Timestamp(START + round);
        detector.observe(&event, &mut alerts);
        told += alerts.iter().map(|alert| alert.folded + 1).sum::<u64>();
    }
    let statistics = detector.statistics();
    // Each entry costs more than 400 bytes: its key alone is cut to 256.
    assert!(statistics.keys < 3 * (4 << 20) / 400, "{statistics:?}");
    assert!(statistics.evicted > 1_000 && statistics.folded == rounds / 2, "{statistics:?}");
    detector.finish(&mut alerts);
    told += alerts.iter().map(|alert| alert.folded + 1).sum::<u64>();
    assert_eq!(told, rounds);
}
