use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::describe;
use crate::{SourceFile, shared};

fn set(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// What names no event type can be of any. Falco's table has names of other architectures that ours has not, and
/// the other way round, so those sets are only told from the others.
fn is_every_type(key: &str, value: &Value) -> bool {
    key == "events" && value.as_array().is_some_and(|names| names.len() > 400)
}

fn by_name(items: &Value) -> BTreeMap<&str, &Value> {
    items.as_array().unwrap().iter().map(|item| (item["info"]["name"].as_str().unwrap(), item)).collect()
}

fn official() -> Option<Vec<SourceFile>> {
    ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"]
        .iter()
        .map(|name| {
            let text = shared::text(&format!("data/falco/{name}.yaml"))?;
            Some(SourceFile { name: format!("{name}.yaml"), text })
        })
        .collect()
}

/// Every item of the three official files, key by key; sets are compared as sets.
#[test]
fn descriptions_are_falcos() {
    let (Some(expected), Some(files)) = (shared::text("data/falco/expected/describe_93.json"), official())
    else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let said: Vec<String> = crate::load(&files).diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let found = describe(&files).unwrap();
    assert_eq!(found["required_engine_version"], expected["required_engine_version"]);
    assert_eq!(found["required_plugin_versions"], expected["required_plugin_versions"]);
    let mut wrong = Vec::new();
    for kind in ["rules", "macros", "lists"] {
        let (found, expected) = (by_name(&found[kind]), by_name(&expected[kind]));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, wanted) in &expected {
            let item = found[name];
            for part in ["info", "details"] {
                for (key, wanted) in wanted[part].as_object().unwrap() {
                    let found = &item[part][key];
                    let same = if is_every_type(key, wanted) {
                        is_every_type(key, found)
                    } else if wanted.is_array() && key != "items_compiled" && key != "items" {
                        found.is_array() && set(found) == set(wanted)
                    } else if wanted.is_string() {
                        found.as_str().map(str::trim_end) == wanted.as_str().map(str::trim_end)
                    } else {
                        found == wanted
                    };
                    if !same {
                        wrong.push(format!("{kind} '{name}' {key}:\n  found {found}\n  Falco {wanted}"));
                    }
                }
            }
        }
    }
    let shown: Vec<_> =
        wrong.iter().take(12).map(|line| line.chars().take(1_500).collect::<String>()).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn exceptions_appends_and_modifiers_are_described() {
    let text = "\
- required_engine_version: 26
- list: inner
  items: [a, b]
- list: outer
  items: [inner, c d]
- macro: opened
  condition: evt.type in (open, openat) and not fd.name startswith anyof (/proc, /sys)
- rule: r
  desc: d
  condition: opened and tolower(proc.name) in (outer) and evt.type != open
  output: \"x %proc.aname[2] %tolower(proc.name) %container.id\"
  priority: warning
  tags: [b, a]
  exceptions:
    - name: e
      fields: [proc.name, fd.name]
      comps: [=, startswith]
      values:
        - [cat, /tmp]
- rule: r
  condition: and proc.pid > 1
  override:
    condition: append
";
    let files = [SourceFile { name: "t.yaml".into(), text: text.into() }];
    insta::assert_json_snapshot!(describe(&files).unwrap());
    assert_eq!(describe(&[SourceFile { name: "t.yaml".into(), text: "- rule: r".into() }]), None);
}
