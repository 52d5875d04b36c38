//! What a later item may do to an earlier one of its name.

use super::{BASE, check, loaded};
use crate::Code;

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
