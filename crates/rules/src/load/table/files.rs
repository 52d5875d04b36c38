//! Shapes of whole files, and what they may require.

use super::{BASE, check};
use crate::{Code, SourceFile, load};

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
