//! What lints claim of conditions, held against evaluating them.

use fargard_model::{EventType, Fd};
use proptest::prelude::*;

use super::lint;
use crate::{
    Code, Ruleset, SourceFile, load,
    testing::{Made, made},
};

/// Comparisons that say something of each other.
const CHECKS: [&str; 30] = [
    "evt.type = open",
    "evt.type in (open, close)",
    "not evt.type in (close)",
    "evt.type != open",
    "proc.name = a",
    "proc.name = ab",
    "proc.name != a",
    "proc.name in (a, b)",
    "proc.name in ()",
    "proc.name startswith a",
    "proc.name startswith anyof (a, b)",
    "proc.name endswith b",
    "proc.name contains b",
    "proc.name icontains A",
    "proc.name = oneof (a, b)",
    "proc.name != anyof (a, b)",
    "proc.name exists",
    "fd.name exists",
    "fd.name = /a",
    "fd.name != /a",
    "fd.name startswith /a",
    "fd.name pmatch (/a)",
    "fd.name in (/a, /a/b)",
    "fd.num > 1",
    "fd.num <= 1",
    "fd.num = 0x2",
    "fd.num in (1, 2)",
    "proc.aname = a",
    "proc.aname = b",
    "evt.num > 0",
];

fn conditions() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(CHECKS.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

/// Every mix of event type, name, parent and descriptor.
fn events() -> Vec<Made> {
    let mut events = Vec::new();
    for kind in [EventType::Open, EventType::Close, EventType::Dup] {
        for name in ["a", "b", "ab", "A", "c"] {
            for parent in ["a", "b"] {
                for descriptor in
                    [None, Some(("/a", 1)), Some(("/a/b", 2)), Some(("/ab", 0)), Some(("/c", 3))]
                {
                    let mut event = made(kind).by(name).parent(parent).result(0);
                    event.0.fd = descriptor.map(|(name, num)| Fd {
                        num,
                        typechar: Some('f'),
                        name: name.into(),
                        ..Fd::default()
                    });
                    events.push(event);
                }
            }
        }
    }
    events
}

fn loaded(conditions: &[&str]) -> (Vec<(String, Code)>, Ruleset) {
    let rule = |index: usize, condition: &str| {
        format!("- rule: r{index}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
    };
    let text = conditions.iter().enumerate().map(|(index, condition)| rule(index, condition)).collect();
    let files = [SourceFile { name: "t.yaml".into(), text }];
    let found = lint(&files)
        .into_iter()
        .filter_map(|found| Some((found.item.as_ref()?.name.clone(), found.code)))
        .collect();
    (found, load(&files).ruleset.unwrap())
}

/// By event, which of the rules match.
fn matches(ruleset: &Ruleset) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    events()
        .iter()
        .map(|event| {
            ruleset.evaluate(&event.0, &mut found);
            found.iter().map(|id| id.index()).collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_lints_claim_of_a_rule_is_true(condition in conditions()) {
        let (found, ruleset) = loaded(&[&condition]);
        let matched = matches(&ruleset).iter().filter(|rules| !rules.is_empty()).count();
        for (_, code) in found {
            match code {
                Code::LintUnsatisfiable | Code::LintNeverComputed => prop_assert_eq!(matched, 0, "{}", condition),
                Code::LintAlwaysTrue => prop_assert_eq!(matched, events().len(), "{}", condition),
                _ => {}
            }
        }
    }

    #[test]
    fn what_lints_claim_of_two_rules_is_true(first in conditions(), second in conditions()) {
        let (found, ruleset) = loaded(&[&first, &second]);
        let matched = matches(&ruleset);
        for (rule, code) in found {
            let implied = matched.iter().all(|rules| match (code, rule.as_str()) {
                (Code::LintShadowed, _) => !rules.contains(&1) || rules.contains(&0),
                (Code::LintSubsumed, _) => !rules.contains(&0) || rules.contains(&1),
                (Code::LintDuplicate, _) => rules.len() != 1,
                _ => true,
            });
            prop_assert!(implied, "{}: {} / {}", code, first, second);
        }
    }
}
