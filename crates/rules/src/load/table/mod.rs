//! The loader, case by case: each text with the code it must give and a part of what is said.

mod exceptions;
mod files;
mod overrides;
mod rules;

use crate::{Code, LoadReport, SourceFile, load};

/// A rule that every case may change.
const BASE: &str = "- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";

fn loaded(text: &str) -> LoadReport {
    load(&[SourceFile { name: "t.yaml".into(), text: text.into() }])
}

/// `None`: loads without a word. A code with a part of the message otherwise; nothing else may be said.
fn check(text: &str, expected: Option<(Code, &str)>) {
    let report = loaded(text);
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    match expected {
        None => assert!(said.is_empty() && report.ruleset.is_some(), "{text}\n{said:?}"),
        Some((code, part)) => {
            let found = report.diagnostics.iter().any(|one| one.code == code && one.message.contains(part));
            assert!(found, "{text}\nexpected {code} with '{part}': {said:?}");
            let others = report.diagnostics.iter().filter(|one| one.code != code).count();
            assert_eq!(others, 0, "{text}\n{said:?}");
            let refused = code.severity() == crate::Severity::Error;
            assert_eq!(report.ruleset.is_none(), refused, "{text}");
            assert!(report.diagnostics.iter().all(|one| one.at.line >= 1 && one.at.column >= 1), "{text}");
        }
    }
}
