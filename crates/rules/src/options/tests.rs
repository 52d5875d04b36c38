use std::sync::Arc;

use fargard_model::{EventType, Priority};
use serde_json::json;

use super::{Options, Select, Selection};
use crate::{Detector, Matching, RuleId, SourceFile, Subject, load_with, testing::exec};

fn config(text: &str) -> Result<(Options, Vec<String>), String> {
    let file = SourceFile { name: "falco.yaml".into(), text: text.into() };
    let variable = |name: &str| (name == "HOME").then(|| "/root".to_owned());
    Options::of_falco_config(&file, variable).map_err(|error| error.to_string())
}

const RULES: &str = "\
- rule: one
  desc: d
  condition: evt.type = execve and proc.name = sh
  output: ran %proc.name in %static.stage
  priority: NOTICE
  tags: [process, shell]
- rule: two
  desc: d
  condition: evt.type = execve and static.stage = prod
  output: ran %proc.pid
  priority: ERROR
  tags: [process]
";

fn files() -> Vec<SourceFile> {
    vec![SourceFile { name: "r.yaml".into(), text: RULES.into() }]
}

const CONFIG: &str = "\
rules_files: [a.yaml]
json_output: true
priority: warning
rule_matching: first
rules:
  - disable:
      rule: '*'
  - enable:
      tag: shell
  - enable: {rule: t*}
static_fields:
  stage: prod
append_output:
  - match:
      source: syscall
      tags: [process]
    extra_output: home=${HOME} $${x} pid=%proc.pid
    extra_fields:
      - proc.vpid
      - who: '%user.uid of ${HOME}'
  - match: {rule: two}
    suggested_output: true
  - match: {rule: nothing}
    extra_output: '%no.such.field'
";

#[test]
fn a_configuration_says_which_rules_count_and_what_alerts_show() {
    let (options, ignored) = config(CONFIG).unwrap();
    assert_eq!(ignored, ["rules_files", "json_output"]);
    assert_eq!(options.matching, Matching::First);
    assert_eq!(options.minimum_priority, Some(Priority::Warning));
    let enable = |enable, select| Selection { enable, select };
    assert_eq!(
        options.selections,
        [
            enable(false, Select::Rule("*".into())),
            enable(true, Select::Tag("shell".into())),
            enable(true, Select::Rule("t*".into())),
        ]
    );
    let report = load_with(&files(), &options);
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    let ruleset = report.ruleset.unwrap();
    let enabled: Vec<_> = ruleset.rules().iter().map(|rule| (rule.name.as_str(), rule.enabled)).collect();
    assert_eq!(enabled, [("one", false), ("two", true)]);
    assert_eq!(ruleset.event_types(RuleId(1)), [EventType::Execve]);
    let event = exec("/bin/sh", &[]).0;
    let detection = ruleset.detection(RuleId(0), &event, "p", "h").unwrap();
    assert_eq!(detection.output, "ran sh in prod home=/root ${x} pid=11");
    assert_eq!(
        json!(detection.output_fields),
        json!({
            "proc.name": "sh", "proc.pid": 11, "proc.vpid": 11, "static.stage": "prod", "who": "0 of /root",
        })
    );
    let detection = ruleset.detection(RuleId(1), &event, "p", "h").unwrap();
    assert!(detection.output.contains("container_id=abc-1 container_name=web"), "{}", detection.output);
}

const CORRELATIONS: &str = "
- sequence: Run and connect
  desc: d
  priority: ERROR
  tags: [process]
  by: [container.id]
  within: 5m
  steps:
  - condition: evt.type = execve
  - condition: evt.type = connect
  output: '%step1.proc.name in %static.stage'
- threshold: Runs
  desc: d
  priority: ERROR
  by: [container.id]
  within: 5m
  of: {condition: evt.type = execve}
  count: 2
  output: '%correlation.count'
";

#[test]
fn sequences_and_thresholds_show_what_is_added_as_rules_do() {
    let load = |config_text: &str| {
        let files = [SourceFile { name: "c.yaml".into(), text: CORRELATIONS.into() }];
        load_with(&files, &config(config_text).unwrap().0)
    };
    let report = load(
        "static_fields: {stage: prod}\n\
         append_output:\n\
         - {match: {source: syscall, tags: [process]}, extra_output: pid=%proc.pid, extra_fields: [proc.vpid]}\n\
         - {match: {rule: Runs}, suggested_output: true}\n",
    );
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    let mut detector = Detector::new(Arc::new(report.ruleset.unwrap()));
    let (mut alerts, mut shown) = (Vec::new(), Vec::new());
    for (num, kind) in (1..).zip([EventType::Execve, EventType::Connect, EventType::Execve]) {
        let mut event = exec("/bin/sh", &[]).0;
        (event.num, event.kind) = (num, kind);
        detector.observe(&event, &mut alerts);
        shown.extend(
            alerts.iter().filter_map(|alert| detector.alert(alert, Some(Subject::Call(&event)), "h")),
        );
    }
    let [sequence, threshold] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!(sequence.output, "sh in prod pid=11");
    assert_eq!(
        json!(sequence.output_fields),
        json!({"step1.proc.name": "sh", "static.stage": "prod", "proc.pid": 11, "proc.vpid": 11})
    );
    assert!(threshold.output.starts_with("2 container_id=abc-1 container_name=web"), "{}", threshold.output);
    assert!(!threshold.output_fields.contains_key("proc.vpid"), "{:?}", threshold.output_fields);
    let wrong = load("append_output: [{match: {rule: Runs}, extra_fields: [{x: '%no.such.field'}]}]\n");
    assert!(
        wrong.diagnostics.iter().any(|found| found.message.contains("no.such.field")),
        "{:?}",
        wrong.diagnostics
    );
}

#[test]
fn errors_name_place_and_remedy() {
    for (text, wrong) in [
        ("- a\n", "falco.yaml:1:1: a configuration is a mapping"),
        ("priority: soon\n", "falco.yaml:1:11: "),
        ("rule_matching: last\n", "falco.yaml:1:16: expected first or all"),
        ("rules: {enable: x}\n", "falco.yaml:1:8: expected a list"),
        ("rules:\n  - allow: {rule: x}\n", "falco.yaml:2:5: expected enable or disable"),
        ("rules:\n  - enable: {name: x}\n", "falco.yaml:2:14: expected rule"),
        ("append_output:\n  - extra: x\n", "falco.yaml:2:5: expected match, extra_output"),
        ("append_output:\n  - suggested_output: perhaps\n", "falco.yaml:2:23: expected true or false"),
        ("static_fields:\n  a b: c\n", "falco.yaml:2:3: the name of a static field"),
        ("static_fields:\n  a: 100%\n", "falco.yaml:2:6: a static field's value"),
        ("a: [\n", "falco.yaml:"),
    ] {
        let error = config(text).unwrap_err();
        assert!(error.starts_with(wrong), "{text}: {error}");
    }
    let (options, _) = config("append_output:\n  - extra_output: '%no.such'\n").unwrap();
    let report = load_with(&files(), &options);
    assert!(report.ruleset.is_none());
    assert!(report.diagnostics.iter().any(|one| one.code.name() == "LOAD_ERR_COMPILE_OUTPUT"));
    assert_eq!(config("").unwrap(), (Options::default(), Vec::new()));
}
