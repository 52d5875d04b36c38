//! The official CloudTrail rules on recorded attacks, against the alerts that Falco gave.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use fargard_cloudtrail::Reader;
use fargard_outputs::falco::{self, TimeFormat};
use fargard_rules::{Ruleset, SourceFile, load};
use serde_json::Value;

/// A path of the shared test material; `None`, with a message, when it is not there.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let full = root.join("data").join(path);
    if full.exists() {
        return Some(full);
    }
    eprintln!("skipped: no {}", full.display());
    None
}

fn text(path: &Path) -> String {
    fargard_model::bounded::read_to_string(path, 16 << 20).unwrap()
}

fn official_rules() -> Option<Ruleset> {
    let path = shared("falco/aws_cloudtrail_rules.yaml")?;
    let report = load(&[SourceFile { name: "aws_cloudtrail_rules.yaml".into(), text: text(&path) }]);
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
    report.ruleset
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Every alert of all matching rules, in the order of the records and of the rules.
fn alerts(rules: &Ruleset, folder: &Path) -> (usize, Vec<Value>) {
    let (mut records, mut matches, mut alerts) = (0, Vec::new(), Vec::new());
    for record in Reader::open(&[folder]).unwrap() {
        let record = record.unwrap();
        records += 1;
        rules.evaluate(&record, &mut matches);
        for rule in &matches {
            let alert = rules.alert(*rule, &record, "host").unwrap();
            alerts.push(json(&falco::json(&alert, TimeFormat::Iso8601).unwrap()));
        }
    }
    (records, alerts)
}

#[test]
fn the_official_file_loads_whole() {
    let Some(rules) = official_rules() else { return };
    assert_eq!(rules.rules().len(), 22);
    assert_eq!(rules.rules().iter().filter(|rule| rule.enabled).count(), 20);
    assert!(rules.rules().iter().all(|rule| rule.source == fargard_model::Source::AwsCloudtrail));
}

#[test]
fn alerts_are_falcos() {
    let Some(rules) = official_rules() else { return };
    for (folder, records, count) in [("invictus-ir", 2_900, 18), ("stratus-red-team", 266, 3)] {
        let (Some(input), Some(expected)) =
            (shared(&format!("cloudtrail/{folder}")), shared(&format!("cloudtrail/expected/{folder}.jsonl")))
        else {
            return;
        };
        let expected: Vec<Value> = text(&expected).lines().map(json).collect();
        let (read, found) = alerts(&rules, &input);
        assert_eq!((read, found.len()), (records, count), "{folder}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{folder}");
        }
        assert_eq!(expected.len(), count, "{folder}");
    }
}
