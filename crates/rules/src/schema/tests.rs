use std::rc::Rc;

use serde_json::{Map, Value};

use super::{SCHEMA, verdict};
use crate::{
    SourceFile, default_rules, shared,
    yaml::{Content, Node, documents},
};

fn file(text: &str) -> SourceFile {
    SourceFile { name: "x.yaml".into(), text: text.into() }
}

/// YAML as JSON, with the types an editor sees (YAML 1.2, core schema).
fn json(node: &Rc<Node>) -> Value {
    match &node.content {
        Content::Scalar(text, plain) => match text.as_str() {
            _ if node.is_null() => Value::Null,
            "true" if *plain => Value::Bool(true),
            "false" if *plain => Value::Bool(false),
            number if *plain && number.parse::<i64>().is_ok() => number.parse::<i64>().unwrap().into(),
            number if *plain && number.parse::<f64>().is_ok() => number.parse::<f64>().unwrap().into(),
            other => other.into(),
        },
        Content::Sequence(items) => items.iter().map(json).collect(),
        Content::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key.text().unwrap().to_owned(), json(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn rule_files() -> Vec<SourceFile> {
    let official = ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules", "aws_cloudtrail_rules"];
    let mut files = default_rules();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/tests/correlated.yaml");
    let text = fargard_model::bounded::read_to_string(tests.as_ref(), crate::MAX_FILE).unwrap();
    files.push(SourceFile { name: "tests/fargard_rules_correlated.yaml".into(), text });
    files.extend(official.iter().filter_map(|name| {
        Some(SourceFile { name: (*name).into(), text: shared::text(&format!("data/falco/{name}.yaml"))? })
    }));
    files
}

/// The schema is one to an independent validator, and accepts every rule file there is.
#[test]
fn editors_accept_the_default_and_the_official_rules() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in rule_files() {
        for document in documents(&file.text).unwrap() {
            let wrong: Vec<String> = validator
                .iter_errors(&json(&document))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{}: {}", file.name, wrong.join("\n"));
        }
        // Our own items are unknown to Falco's schema.
        let is_own = file.name.ends_with("fargard_rules_correlated.yaml");
        assert_eq!(verdict(&file).is_valid(), !is_own, "{}", file.name);
    }
}

#[test]
fn form_is_judged_without_types() {
    for (text, wrong) in [
        ("- list: l\n  items: [a, 1, true]\n", None),
        ("- required_engine_version: 26\n", None),
        ("- rule: r\n  enabled: \"true\"\n  priority: INFO\n", None),
        ("- rule: r\n  capture_duration: '5000'\n", None),
        ("- rule: 5\n", None),
        ("", None),
        ("- rule: r\n  enabled: yes\n", Some("x.yaml:2:12: expected boolean")),
        ("- rule: r\n  priority: Warning\n", Some("x.yaml:2:13: expected one of EMERGENCY")),
        ("- rule: r\n  source:\n", Some("expected string")),
        ("- rule: r\n  tags: a\n", Some("x.yaml:2:9: expected array")),
        ("- rule: r\n  conditon: a\n", Some("x.yaml:2:3: unknown key 'conditon'")),
        ("- rule: r\n  override: {}\n", Some("nothing is named here")),
        ("- rule: r\n  override: {condition: add}\n", Some("expected one of append, replace")),
        ("- rule: r\n  exceptions: [{fields: a}]\n", Some("key 'name' is missing")),
        ("- rule: r\n  capture_duration: 5s\n", Some("expected integer")),
        ("rule: r\n", Some("x.yaml:1:1: expected array")),
        ("- [", Some("")),
    ] {
        let verdict = verdict(&file(text));
        match wrong {
            None => assert!(verdict.is_valid(), "{text}: {verdict:?}"),
            Some(part) => {
                assert!(verdict.warnings.iter().any(|warning| warning.contains(part)), "{text}: {verdict:?}");
            }
        }
    }
}
