//! The loader, case by case: each text with the code it must give and a part of what is said.

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

/// The keys of a rule with a value that each may have.
const KEYS: [(&str, &str); 11] = [
    ("condition", "and proc.name = a"),
    ("output", "more %proc.name"),
    ("desc", "more"),
    ("tags", "[more]"),
    ("exceptions", "[{name: e, fields: proc.name, values: [a]}]"),
    ("priority", "ERROR"),
    ("enabled", "false"),
    ("capture", "true"),
    ("capture_duration", "5"),
    ("warn_evttypes", "false"),
    ("skip-if-unknown-filter", "true"),
];

#[test]
fn every_key_against_every_override() {
    for (index, (key, value)) in KEYS.iter().enumerate() {
        let appendable = index < 5;
        // What replaces a condition begins with no 'and'.
        let replaced = value.strip_prefix("and ").unwrap_or(value);
        let over = |value: &str, how: &str| {
            format!("{BASE}- rule: r\n  {key}: {value}\n  override:\n    {key}: {how}\n")
        };
        let refused = Some((Code::ErrYamlValidate, "cannot be appended to"));
        check(&over(value, "append"), if appendable { None } else { refused });
        // A condition without an event type is one Falco warns of.
        let warned = (*key == "condition").then_some((Code::NoEvttype, "too many"));
        check(&over(replaced, "replace"), warned);
        check(&over(value, "add"), Some((Code::ErrYamlValidate, "must be append or replace")));
        check(&over(value, "[append]"), Some((Code::ErrYamlValidate, "must be append or replace")));
        let not_named =
            format!("{BASE}- rule: r\n  desc: x\n  {key}: {value}\n  override:\n    desc: replace\n");
        if *key != "desc" {
            check(&not_named, Some((Code::ErrYamlValidate, &format!("unexpected key '{key}'"))));
        }
        let not_there = format!("{BASE}- rule: r\n  override:\n    {key}: replace\n");
        check(&not_there, Some((Code::ErrYamlValidate, &format!("but '{key}' is not defined"))));
        let nowhere = format!("- rule: other\n  {key}: {value}\n  override:\n    {key}: replace\n");
        check(&nowhere, Some((Code::ErrValidate, "no rule by that name")));
        let both =
            format!("{BASE}- rule: r\n  {key}: {value}\n  append: true\n  override:\n    {key}: append\n");
        let said = loaded(&both);
        assert!(said.diagnostics.iter().any(|one| one.message.contains("cannot be used together")), "{key}");
    }
    check(
        &format!("{BASE}- rule: r\n  source: x\n  override:\n    source: replace\n"),
        Some((Code::ErrYamlValidate, "cannot be replaced")),
    );
    check(
        &format!("{BASE}- rule: r\n  desc: x\n  override: replace\n"),
        Some((Code::ErrYamlValidate, "must be a mapping")),
    );
}

#[test]
fn overrides_change_what_they_name() {
    let changed = format!(
        "{BASE}- rule: r\n  condition: and proc.name = a\n  output: two\n  desc: two\n  tags: [x, y]\n  override:\n    condition: append\n    output: append\n    desc: append\n    tags: append\n\
         - rule: r\n  priority: ERROR\n  enabled: false\n  tags: [z]\n  override:\n    priority: replace\n    enabled: replace\n    tags: replace\n\
         - rule: r\n  enabled: true\n  override:\n    enabled: replace\n"
    );
    let ruleset = loaded(&changed).ruleset.unwrap();
    let rule = &ruleset.rules()[0];
    assert_eq!(rule.condition, "evt.type = open and proc.name = a");
    assert_eq!((rule.output.as_str(), rule.description.as_str()), ("o two", "d two"));
    assert_eq!(rule.tags, ["z"]);
    assert_eq!((rule.priority, rule.enabled), (fargard_model::Priority::Error, true));
}

#[test]
fn lists_and_macros_are_appended_to_and_replaced() {
    let list = "- list: l\n  items: [a]\n";
    let user = "- rule: r\n  desc: d\n  condition: evt.type = open and proc.name in (l) and m\n  output: o\n  priority: INFO\n";
    let r#macro = "- macro: m\n  condition: proc.pid = 1\n";
    for (extra, expected) in [
        ("", None),
        ("- list: l\n  items: [b]\n  override:\n    items: append\n", None),
        ("- list: l\n  items: [b]\n  override:\n    items: replace\n", None),
        ("- list: l\n  items: [b]\n  append: true\n", Some((Code::DeprecatedItem, "'append'"))),
        ("- list: l\n  items: [b]\n  append: false\n", None),
        (
            "- list: l\n  items: [b]\n  override:\n    items: prepend\n",
            Some((Code::ErrYamlValidate, "append or replace")),
        ),
        (
            "- list: l\n  items: [b]\n  override:\n    list: replace\n",
            Some((Code::ErrYamlValidate, "cannot be replaced")),
        ),
        (
            "- list: x\n  items: [b]\n  override:\n    items: append\n",
            Some((Code::ErrValidate, "no list by that name")),
        ),
        ("- list: l\n", Some((Code::ErrYamlValidate, "no mapping for key 'items'"))),
        ("- list: l\n  items: a\n", Some((Code::ErrYamlValidate, "must be a sequence"))),
        ("- list: l\n  items: [[a]]\n", Some((Code::ErrYamlValidate, "must be a scalar"))),
        ("- list: l\n  items: []\n", None),
        ("- list: l\n  items: [1, 2.5, true, null, ~]\n", None),
        ("- macro: m\n  condition: or proc.pid = 2\n  override:\n    condition: append\n", None),
        ("- macro: m\n  condition: proc.pid = 2\n  override:\n    condition: replace\n", None),
        (
            "- macro: m\n  condition: or proc.pid = 2\n  append: true\n",
            Some((Code::DeprecatedItem, "'append'")),
        ),
        (
            "- macro: x\n  condition: or proc.pid = 2\n  override:\n    condition: append\n",
            Some((Code::ErrValidate, "no macro by that name")),
        ),
        ("- macro: m\n", Some((Code::ErrYamlValidate, "no mapping for key 'condition'"))),
        ("- macro: m\n  condition: [a]\n", Some((Code::ErrYamlValidate, "must be text"))),
        ("- macro: m\n  condition: proc.pid =\n", Some((Code::ErrCompileCondition, "expected a value"))),
        ("- macro: m\n  condition: other\n", Some((Code::ErrValidate, "undefined macro 'other'"))),
        ("- macro: m\n  condition: proc.nothing = 1\n", Some((Code::ErrCompileCondition, "unknown field"))),
        ("- macro: unused\n  condition: proc.pid = 1\n", Some((Code::UnusedMacro, "'unused'"))),
        ("- list: unused\n  items: [a]\n", Some((Code::UnusedList, "'unused'"))),
        ("- macro: m\n  condition: proc.pid = 1\n  extra: x\n", Some((Code::UnknownKey, "'extra'"))),
        ("- list: l\n  items: [a]\n  extra: x\n", Some((Code::UnknownKey, "'extra'"))),
    ] {
        check(&format!("{list}{macro}{extra}{user}"), expected);
    }
    let odd = "- list: a b\n  items: [x]\n- rule: r\n  desc: d\n  condition: evt.type = open and proc.name in (a b)\n  output: o\n  priority: INFO\n";
    check(odd, Some((Code::InvalidListName, "invalid name 'a b'")));
}

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
fn exceptions_of_every_form() {
    for (exception, expected) in [
        ("{name: e, fields: proc.name, values: [a, b]}", None),
        ("{name: e, fields: proc.name, comps: in, values: [a]}", None),
        ("{name: e, fields: proc.name, comps: pmatch, values: [/a]}", None),
        ("{name: e, fields: proc.name, comps: intersects, values: [a]}", None),
        ("{name: e, fields: proc.name, comps: startswith anyof, values: [a, b]}", None),
        ("{name: e, fields: proc.name, comps: regex oneof, values: ['a[0-9]']}", None),
        ("{name: e, fields: proc.name, comps: '!=  allof', values: [a]}", None),
        ("{name: e, fields: proc.name}", None),
        ("{name: e, fields: proc.name, values: []}", None),
        ("{name: e, fields: [proc.name], values: [[a], [b]]}", None),
        ("{name: e, fields: [proc.name, fd.name], values: [[a, /b]]}", None),
        ("{name: e, fields: [proc.name, fd.name], comps: [in, startswith], values: [[[a, b], /b]]}", None),
        ("{name: e, fields: [proc.name], comps: [=], values: [['a b']]}", None),
        ("{name: e, fields: [proc.name], comps: [glob anyof], values: [[['a*', 'b*']]]}", None),
        ("{name: e, fields: [proc.pid], comps: ['>'], values: [[5]]}", None),
        ("{name: e, fields: [proc.name], comps: [=], values: [[toupper(proc.pname)]]}", None),
        ("{fields: proc.name}", Some((Code::ErrYamlValidate, "no mapping for key 'name'"))),
        ("{name: e}", Some((Code::ErrYamlValidate, "must have a 'fields' property"))),
        ("{name: e, fields: proc.name, values: a}", Some((Code::ErrYamlValidate, "must be a list"))),
        (
            "{name: e, fields: proc.name, comps: =, values: [a]}",
            Some((Code::ErrValidate, "one field takes in, pmatch")),
        ),
        (
            "{name: e, fields: proc.name, comps: [in], values: [a]}",
            Some((Code::ErrYamlValidate, "must be one operator")),
        ),
        (
            "{name: e, fields: [proc.name], comps: in, values: [[a]]}",
            Some((Code::ErrYamlValidate, "must be one as well")),
        ),
        (
            "{name: e, fields: [proc.name, fd.name], comps: [=], values: [[a, b]]}",
            Some((Code::ErrValidate, "equal length")),
        ),
        ("{name: e, fields: [proc.name, fd.name], values: [[a]]}", Some((Code::ErrValidate, "equal length"))),
        (
            "{name: e, fields: [proc.name], values: [a]}",
            Some((Code::ErrValidate, "each value must be a list")),
        ),
        (
            "{name: e, fields: [proc.name], comps: [like], values: [[a]]}",
            Some((Code::ErrValidate, "'like' is not a supported")),
        ),
        (
            "{name: e, fields: [proc.name], comps: [in oneof], values: [[[a]]]}",
            Some((Code::ErrValidate, "not a supported")),
        ),
        (
            "{name: e, fields: [proc.nothing], values: [[a]]}",
            Some((Code::ErrValidate, "'proc.nothing' is not a supported filter field")),
        ),
        (
            "{name: e, fields: proc.nothing, values: [a]}",
            Some((Code::ErrValidate, "not a supported filter field")),
        ),
        (
            "{name: e, fields: [proc.name], values: [[{a: b}]]}",
            Some((Code::ErrYamlValidate, "a value of an exception")),
        ),
        (
            "{name: e, fields: [proc.pid], values: [[x]]}",
            Some((Code::ErrCompileCondition, "'x' is not an integer")),
        ),
        ("x", Some((Code::ErrYamlValidate, "no mapping for key 'name'"))),
    ] {
        check(&format!("{BASE}  exceptions:\n    - {exception}\n"), expected);
    }
    let twice = "  exceptions:\n    - {name: e, fields: proc.name, values: [a]}\n    - {name: e, fields: proc.name, values: [b]}\n";
    check(&format!("{BASE}{twice}"), Some((Code::ExceptionNameNotUnique, "multiple definitions")));
    let once = format!("{BASE}  exceptions:\n    - {{name: e, fields: proc.name, values: [a]}}\n");
    for (exception, expected) in [
        ("{name: e, values: [b]}", None),
        ("{name: e}", Some((Code::AppendNoValues, "no values"))),
        ("{name: e, fields: proc.name, values: [b]}", Some((Code::ErrValidate, "only values"))),
        ("{name: e, comps: in, values: [b]}", Some((Code::ErrValidate, "only values"))),
        ("{name: new, fields: fd.name, values: [/b]}", None),
        ("{name: new, values: [/b]}", Some((Code::ErrYamlValidate, "must have a 'fields' property"))),
    ] {
        let appended =
            format!("- rule: r\n  exceptions:\n    - {exception}\n  override:\n    exceptions: append\n");
        check(&format!("{once}{appended}"), expected);
    }
}

#[test]
fn required_versions() {
    for (version, expected) in [
        ("0.26.0", None),
        ("26", None),
        ("0", None),
        ("62", None),
        ("0.62.0", None),
        ("\"0.57.0\"", None),
        ("0.57.0-rc1", None),
        ("63", Some((Code::ErrValidate, "require engine version 0.63.0"))),
        ("0.63.0", Some((Code::ErrValidate, "require engine version 0.63.0"))),
        ("1.0.0", Some((Code::ErrValidate, "require engine version 1.0.0"))),
        ("1.2", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
        ("-5", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
        ("abc", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
        ("", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
        ("[1]", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
        ("99999999999999999999999", Some((Code::ErrYamlValidate, "expected N or A.B.C"))),
    ] {
        check(&format!("- required_engine_version: {version}\n{BASE}"), expected);
    }
    for (plugins, expected) in [
        ("[{name: container, version: 0.4.0}]", None),
        ("[{name: container, version: 0.4.0}, {name: json, version: 0.7.0}]", None),
        ("[{name: cloudtrail, version: 0.10.0}]", None),
        ("[]", None),
        ("[{name: container, version: 0.99.0}]", Some((Code::ErrValidate, "container (>= 0.99.0)"))),
        ("[{name: container, version: 1.0.0}]", Some((Code::ErrValidate, "must load one of"))),
        ("[{name: okta, version: 0.1.0}]", Some((Code::ErrValidate, "okta (>= 0.1.0)"))),
        ("[{name: okta, version: 0.1.0, alternatives: [{name: json, version: 0.5.0}]}]", None),
        (
            "[{name: okta, version: 0.1.0, alternatives: [{name: github, version: 0.5.0}]}]",
            Some((Code::ErrValidate, "okta (>= 0.1.0), github (>= 0.5.0)")),
        ),
        ("[{name: container}]", Some((Code::ErrYamlValidate, "needs a name and a version"))),
        ("[{version: 0.1.0}]", Some((Code::ErrYamlValidate, "needs a name and a version"))),
        ("[container]", Some((Code::ErrYamlValidate, "needs a name and a version"))),
        ("[{name: container, version: 4}]", Some((Code::ErrYamlValidate, "expected A.B.C"))),
        ("{name: container}", Some((Code::ErrYamlValidate, "must be a list"))),
    ] {
        check(&format!("- required_plugin_versions: {plugins}\n{BASE}"), expected);
    }
}

#[test]
fn files_of_every_shape() {
    for (text, expected) in [
        ("", None),
        ("---\n", None),
        ("# nothing\n", None),
        ("---\n...\n---\n", None),
        ("null\n", None),
        ("- a\n", Some((Code::ErrYamlValidate, "each element must be a mapping"))),
        ("rule: r\n", Some((Code::ErrYamlValidate, "not a YAML array"))),
        ("text\n", Some((Code::ErrYamlValidate, "not a YAML array"))),
        ("- [\n", Some((Code::ErrYamlParse, ""))),
        ("- rule: \"a\n", Some((Code::ErrYamlParse, ""))),
        ("- rule:\n", Some((Code::ErrYamlValidate, "the rule has no name"))),
        ("- rule: ''\n", Some((Code::ErrYamlValidate, "the rule has no name"))),
        ("- macro: [a]\n", Some((Code::ErrYamlValidate, "the macro has no name"))),
        ("- list: {a: b}\n", Some((Code::ErrYamlValidate, "the list has no name"))),
        ("- sequences: x\n", Some((Code::UnknownItem, "unknown top-level item (sequences)"))),
        ("- {}\n", Some((Code::UnknownItem, "unknown top-level item"))),
    ] {
        check(text, expected);
    }
    check(&format!("{BASE}---\n{}", BASE.replace("rule: r", "rule: s")), None);
    // The first key that says what an item is counts.
    check(&format!("- required_engine_version: 5\n  rule: x\n{BASE}"), None);
    // The first error of a file ends it; the next file is read all the same.
    let first = SourceFile { name: "a".into(), text: format!("- rule:\n{BASE}") };
    let second = SourceFile { name: "b".into(), text: "- macro:\n".into() };
    let report = load(&[first, second]);
    let files: Vec<_> = report.diagnostics.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(files, ["a", "b"]);
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
