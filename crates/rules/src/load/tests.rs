use serde_json::Value;

use crate::{SourceFile, load, schema, shared};

fn codes(text: &str) -> (bool, Vec<&'static str>, Vec<&'static str>) {
    let report = load(&[SourceFile { name: "test.yaml".into(), text: text.into() }]);
    let of = |errors: bool| {
        let mut codes: Vec<_> = report
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error() == errors)
            .map(|diagnostic| diagnostic.code.name())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    };
    (report.ruleset.is_some(), of(true), of(false))
}

fn strings(value: &Value) -> Vec<&str> {
    let mut strings: Vec<_> = value.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    strings.sort_unstable();
    strings.dedup();
    strings
}

#[test]
fn verdicts_are_falcos() {
    let Some(expected) = shared::text("data/falco/loader/expected.json") else { return };
    let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
    let mut wrong = Vec::new();
    for case in &expected {
        let file = case["file"].as_str().unwrap();
        let text = shared::text(&format!("data/falco/loader/{file}")).unwrap();
        let (successful, errors, warnings) = codes(&text);
        let schema = schema::verdict(&SourceFile { name: file.into(), text });
        let found = (successful, errors, warnings, schema.is_valid());
        let wanted = (
            case["successful"].as_bool().unwrap(),
            strings(&case["errors"]),
            strings(&case["warnings"]),
            case["schema_valid"].as_bool().unwrap(),
        );
        if found != wanted {
            wrong.push(format!("{file}: found {found:?}, Falco says {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
}

#[test]
fn official_rules_load_without_a_word() {
    for name in ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"] {
        let Some(text) = shared::text(&format!("data/falco/{name}.yaml")) else { return };
        let report = load(&[SourceFile { name: name.into(), text }]);
        let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "{}", said.join("\n"));
        assert!(report.ruleset.is_some_and(|rules| rules.rules().len() >= 25));
    }
}
