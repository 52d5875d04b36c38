//! Keys of rules and their values.

use super::{BASE, check, loaded};
use crate::Code;

#[test]
fn switches_and_keys_of_rules() {
    let with = |line: &str| format!("{BASE}  {line}\n");
    for (line, expected) in [
        ("enabled: false", None),
        ("enabled: yes", None),
        ("enabled: OFF", None),
        ("enabled: perhaps", Some((Code::ErrYamlValidate, "expected true or false"))),
        ("enabled: [true]", Some((Code::ErrYamlValidate, "expected true or false"))),
        ("warn_evttypes: false", None),
        ("warn_evttypes: maybe", Some((Code::ErrYamlValidate, "'warn_evttypes'"))),
        ("skip-if-unknown-filter: true", None),
        ("skip-if-unknown-filter: maybe", Some((Code::ErrYamlValidate, "'skip-if-unknown-filter'"))),
        ("capture: true", None),
        ("capture: maybe", Some((Code::ErrYamlValidate, "'capture'"))),
        ("capture_duration: 5000", None),
        ("capture_duration: 5s", Some((Code::ErrYamlValidate, "expected a number, found '5s'"))),
        ("capture_duration: -5", Some((Code::ErrYamlValidate, "expected a number"))),
        ("tags: [a, b]", None),
        ("tags: []", None),
        ("tags:", None),
        ("tags: a", Some((Code::ErrYamlValidate, "tags must be a list"))),
        ("tags: [[a]]", Some((Code::ErrYamlValidate, "tags must be a list"))),
        ("source: syscall", None),
        ("source: ''", None),
        ("source: k8s_audit", Some((Code::UnknownSource, "unknown source k8s_audit"))),
        ("source: [x]", Some((Code::ErrYamlValidate, "'source' must be text"))),
        ("exceptions:", None),
        ("exceptions: x", Some((Code::ErrYamlValidate, "exceptions must be a list"))),
        ("unknown: x", Some((Code::UnknownKey, "'unknown'"))),
        ("append: false", None),
    ] {
        check(&with(line), expected);
    }
    for (toggle, expected) in [
        ("- rule: r\n  enabled: false\n", Some((Code::DeprecatedItem, "'enabled'"))),
        ("- rule: other\n  enabled: false\n", Some((Code::ErrValidate, "no rule by that name"))),
        ("- rule: r\n", Some((Code::ErrYamlValidate, "no mapping for key"))),
        ("- rule: r\n  tags: [a]\n", Some((Code::ErrYamlValidate, "no mapping for key"))),
        ("- rule: r\n  append: true\n", Some((Code::ErrValidate, "must have a condition or exceptions"))),
    ] {
        let report = loaded(&format!("{BASE}{toggle}"));
        let (code, part) = expected.unwrap();
        let found = report.diagnostics.iter().any(|one| one.code == code && one.message.contains(part));
        assert!(found, "{toggle}: {:?}", report.diagnostics);
    }
    let toggled = loaded(&format!("{BASE}- rule: r\n  enabled: false\n- rule: r\n  enabled: true\n"));
    assert!(toggled.ruleset.unwrap().rules()[0].enabled);
    for key in ["desc", "condition", "output", "priority"] {
        let lines: Vec<&str> =
            BASE.lines().filter(|line| !line.trim().starts_with(&format!("{key}:"))).collect();
        check(
            &format!("{}\n", lines.join("\n")),
            Some((Code::ErrYamlValidate, &format!("no mapping for key '{key}'"))),
        );
        let empty = format!("{}\n  {key}:\n", lines.join("\n"));
        check(&empty, Some((Code::ErrYamlValidate, &format!("no mapping for key '{key}'"))));
    }
}

#[test]
fn priorities_in_any_case() {
    for name in
        ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFORMATIONAL", "INFO", "DEBUG"]
    {
        for spelled in
            [name.to_owned(), name.to_lowercase(), format!("{}{}", &name[..1], name[1..].to_lowercase())]
        {
            check(&BASE.replace("INFO", &spelled), None);
        }
    }
    for wrong in ["WARN", "ERR", "urgent", "5", "INFORMATION"] {
        check(&BASE.replace("INFO", wrong), Some((Code::ErrYamlValidate, "invalid priority")));
    }
}

#[test]
fn rules_are_redefined_in_place() {
    let second = BASE.replace("evt.type = open", "evt.type = close");
    let other = BASE.replace("rule: r", "rule: s");
    let ruleset = loaded(&format!("{BASE}{other}{second}")).ruleset.unwrap();
    let names: Vec<_> =
        ruleset.rules().iter().map(|rule| (rule.name.as_str(), rule.condition.as_str())).collect();
    assert_eq!(names, [("r", "evt.type = close"), ("s", "evt.type = open")]);
    let another_source = format!("{BASE}  source: syscall\n{BASE}  source: aws_cloudtrail\n");
    check(&another_source, Some((Code::ErrValidate, "different source")));
}

#[test]
fn unknown_filters_are_skipped_where_asked() {
    for change in ["proc.nothing = 1", "evt.type = nothing"] {
        let text = BASE.replace("evt.type = open", &format!("evt.type = open and {change}"));
        check(&text, Some((Code::ErrCompileCondition, "unknown")));
        check(
            &format!("{text}  skip-if-unknown-filter: true\n"),
            Some((Code::UnknownFilter, "the rule is skipped")),
        );
    }
    let output = BASE.replace("output: o", "output: \"%proc.nothing\"");
    check(&output, Some((Code::ErrCompileOutput, "unknown field")));
    check(
        &format!("{output}  skip-if-unknown-filter: true\n"),
        Some((Code::UnknownFilter, "the rule is skipped")),
    );
}

/// What other engines take and POSIX does not: refused, with what to write instead.
#[test]
fn perl_syntax_is_refused_with_a_remedy() {
    for pattern in ["\\d+", "\\w", "(?i)cat", "(?:a)", "(?=a)", "a(?!b)"] {
        let report = loaded(
            &BASE.replace("evt.type = open", &format!("evt.type = open and proc.name regex '{pattern}'")),
        );
        let error =
            report.diagnostics.iter().find(|one| one.is_error()).unwrap_or_else(|| panic!("{pattern} loads"));
        assert_eq!(error.code, Code::ErrCompileCondition, "{pattern}");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("[0-9]")), "{pattern}: {error:?}");
    }
}
