use std::collections::{BTreeMap, HashSet};

use super::{ArgKind, Extract, Field, FieldError, all, resolve, resolve_prefix, suggested_output};
use crate::shared;

#[test]
fn names_are_unique_and_documented() {
    let mut seen = HashSet::new();
    for field in all() {
        assert!(seen.insert(field.name), "{} twice", field.name);
        assert!(!field.doc.is_empty(), "{}", field.name);
        assert!(field.get.is_some() || field.absent.is_some(), "{} has no value and no reason", field.name);
    }
}

/// Falco's class of a field, as `falco --list` groups them.
fn class(field: &Field) -> &'static str {
    let name = field.name;
    match name.split('.').next().unwrap_or_default() {
        "evt" | "syscall" => "evt",
        _ if name.starts_with("proc.is_container_") => "container plugin",
        "container" | "k8s" => "container plugin",
        "proc" | "thread" => "process",
        "fd" => "fd",
        "fdlist" => "fdlist",
        "fs" => "fs.path",
        "user" => "user",
        "group" => "group",
        "util" => "util",
        "ecs" => "ecs",
        "dns" => "dns",
        _ => "records",
    }
}

#[test]
fn every_class_has_as_many_fields_as_falco_lists() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for field in all() {
        *counts.entry(class(field)).or_default() += 1;
    }
    let expected = [
        ("evt", 76),
        ("process", 90),
        ("fd", 46),
        ("fdlist", 6),
        ("fs.path", 6),
        ("user", 6),
        ("group", 2),
        ("util", 1),
        ("container plugin", 61),
    ];
    for (class, count) in expected {
        assert_eq!(counts.get(class), Some(&count), "{class}: {counts:?}");
    }
    assert_eq!(expected.iter().map(|(_, count)| count).sum::<usize>(), 294);
}

#[test]
fn every_field_of_the_official_rules_is_known() {
    let Some(text) = shared::text("data/falco/expected/describe_93.json") else { return };
    let described: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rules = described["rules"].as_array().unwrap();
    let mut checked = 0;
    for rule in rules {
        let details = &rule["details"];
        for key in ["condition_fields", "output_fields", "exception_fields"] {
            for field in details[key].as_array().into_iter().flatten() {
                let written = field.as_str().unwrap();
                let (name, arg) = match written.split_once('[') {
                    Some((name, arg)) => (name, Some(arg.trim_end_matches(']'))),
                    None => (written, None),
                };
                assert!(resolve(name, arg).is_ok(), "{written} of {}", rule["info"]["name"]);
                checked += 1;
            }
        }
    }
    assert!(rules.len() >= 93 && checked > 500, "{} rules, {checked} fields", rules.len());
}

#[test]
fn arguments_are_checked() {
    assert!(resolve("evt.arg.name", None).is_ok());
    assert!(resolve("evt.arg[0]", None).is_err());
    assert!(resolve("evt.arg", Some("0")).is_ok());
    assert_eq!(resolve("evt.arg", None).unwrap_err(), FieldError::ArgumentNeeded("evt.arg".into()));
    assert_eq!(resolve("proc.name", Some("1")).unwrap_err(), FieldError::NoArgument("proc.name".into()));
    assert!(matches!(resolve("proc.aname", Some("x")), Err(FieldError::NotAnIndex(..))));
    for (name, arg) in [
        ("proc.aenv", None),
        ("proc.aenv", Some("2")),
        ("proc.aenv", Some("PATH")),
        ("evt.abspath", None),
        ("evt.abspath.src", None),
        ("container.label.app", None),
        ("container.label", Some("com.amazonaws.ecs.cluster")),
        ("container.mount", Some("/usr/*")),
        ("container.mount.dest", Some("0")),
        ("fd.types", Some("0")),
        ("proc.args", Some("3")),
        ("evt.around", Some("1404996934793590564")),
        ("evt.type.is.open", None),
        ("thread.cgroup.cpuacct", None),
    ] {
        assert!(resolve(name, arg).is_ok(), "{name} {arg:?}: {:?}", resolve(name, arg).err());
    }
    for name in ["container.mount", "container.label", "evt.around", "evt.type.is", "thread.cgroup"] {
        assert_eq!(resolve(name, None).unwrap_err(), FieldError::ArgumentNeeded(name.into()));
    }
    let error = resolve("evt.arg.flagz", None).unwrap_err().to_string();
    assert_eq!(error, "field 'evt.arg': no call has an argument 'flagz'; did you mean 'flags'?");
    assert_eq!(
        resolve_prefix("evt.rawarg.nothing", None).unwrap_err(),
        resolve("evt.rawarg", Some("nothing")).unwrap_err()
    );
    assert_eq!(resolve_prefix("evt.arg.flags.x", None).unwrap().1, "evt.arg.flags".len());
    let error = resolve("proc.nam", None).unwrap_err().to_string();
    assert_eq!(error, "unknown field 'proc.nam'; did you mean 'proc.name'?");
}

#[test]
fn outputs_take_the_longest_name_that_is_a_field() {
    let (found, length) = resolve_prefix("fd.name.old", None).unwrap();
    assert_eq!((found.field.name, length), ("fd.name", 7));
    assert!(resolve_prefix("nothing.here", None).is_err());
}

#[test]
fn suggested_fields_are_those_of_the_container_plugin() {
    assert_eq!(
        suggested_output(),
        " container_id=%container.id container_name=%container.name \
         container_image_repository=%container.image.repository container_image_tag=%container.image.tag \
         k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name"
    );
}

#[test]
fn arguments_have_a_form() {
    let without: Vec<&str> = all()
        .filter(|field| field.arg != ArgKind::None && field.arg.form().is_empty())
        .map(|f| f.name)
        .collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn what_is_read_plainly_is_the_same_for_attempts() {
    let is_plain =
        |field: &&Field| matches!(field.get, Some(Extract::Text(_) | Extract::Int(_) | Extract::Truth(_)));
    let plain: Vec<_> = all().filter(is_plain).collect();
    assert!(plain.len() > 20);
    for field in plain {
        assert!(field.while_attempt.is_none() && field.arg == ArgKind::None && !field.list, "{}", field.name);
    }
}
