//! Judged by Falco: the number of events of each capture that each condition is true for.

#[cfg(test)]
mod support;

use std::collections::BTreeMap;

use fargard_rules::{SourceFile, load};
use fargard_scap::{Capture, decompressed};

use support::{events, open, rule, shared};

#[test]
fn conditions_hold_for_as_many_events_as_in_falco() {
    let Some(expected) = shared("data/falco/expected/semantics.json") else { return };
    let expected: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_slice(&expected).unwrap();
    let mut wrong = Vec::new();
    for (capture, counts) in &expected {
        let rules: Vec<String> = counts.keys().enumerate().map(|(n, condition)| rule(n, condition)).collect();
        let file = SourceFile { name: "semantics".into(), text: rules.concat() };
        let loaded = load(&[file]);
        let ruleset = loaded.ruleset.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        let mut found = vec![0; counts.len()];
        let mut matches = Vec::new();
        for event in events(&format!("data/falco/captures/{capture}")) {
            ruleset.evaluate(&event, &mut matches);
            matches.iter().for_each(|rule| found[rule.index()] += 1);
        }
        for ((condition, expected), found) in counts.iter().zip(&found) {
            if expected != found {
                wrong.push(format!("{capture}: {condition}: Falco {expected}, here {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn official_rules_find_what_falco_finds() {
    let mut rulesets = Vec::new();
    for name in ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"] {
        let Some(text) = shared(&format!("data/falco/{name}.yaml")) else { return };
        let file = SourceFile { name: name.to_owned(), text: String::from_utf8(text).unwrap() };
        let loaded = load(&[file]);
        let mut ruleset = loaded.ruleset.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        // Falco's verdicts are of all 93 rules.
        ruleset.enable(true, |_| true);
        rulesets.push(ruleset);
    }
    assert_eq!(rulesets.iter().map(|ruleset| ruleset.rules().len()).sum::<usize>(), 93);
    for capture in ["cat_write", "connect_localhost", "open-multiple-files", "syscall"] {
        let stats =
            String::from_utf8(shared(&format!("data/falco/expected/{capture}.stats")).unwrap()).unwrap();
        let alerts = shared(&format!("data/falco/expected/{capture}.jsonl")).unwrap();
        let expected_events: usize =
            stats.split_whitespace().find_map(|word| word.strip_prefix("events=")).unwrap().parse().unwrap();
        let expected_alerts = alerts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        let mut found = Vec::new();
        let mut matches = Vec::new();
        let events = events(&format!("data/falco/captures/{capture}.scap"));
        for (event, ruleset) in
            events.iter().flat_map(|event| rulesets.iter().map(move |rules| (event, rules)))
        {
            ruleset.evaluate(event, &mut matches);
            found.extend(matches.iter().map(|rule| ruleset.rules()[rule.index()].name.clone()));
        }
        assert_eq!(events.len(), expected_events, "{capture}");
        assert_eq!(found.len(), expected_alerts, "{capture}: {found:?}");
    }
}

/// The first events of each; `cargo xtask bench rules` reads them whole.
#[test]
fn captures_made_for_benchmarks_are_read() {
    const EVENTS: usize = 30_000;
    for name in ["s_exec", "s_mixed", "s_net", "s_open"] {
        let Some(input) = open(&format!("data/falco/bench/{name}.scap.zst")) else { return };
        let mut capture = Capture::new(decompressed(input).unwrap());
        let read = capture.by_ref().take(EVENTS).map(Result::unwrap);
        let processes = read.filter(|event| event.process.pid != 0).count();
        assert_eq!(processes, EVENTS, "{name}: every event has its process");
        assert_eq!(capture.skipped(), fargard_scap::Skipped::default(), "{name}");
    }
}
