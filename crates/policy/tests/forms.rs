//! One model in every form: YAML, JSON, Prisma's JSON.

use fargard_policy::{Collection, Effect, Exception, FIELDS, Policy, Rule, Stage, file, prisma};
use proptest::prelude::*;

#[test]
fn mistakes_have_their_place() {
    let text = "\
default: warn
collections:
  - name: web
    hosts: [web-*, we*b]
    images: []
    color: blue
  - name: web
    hosts: [web-*, -web*]
    colour: \"#fff\"
  - hosts: x
rules:
  - name: one
    collections: [web, nobody]
    checks:
      426: block
      x: alert
      425: explode
  - name: two
    checks: {426: alert}
    stage: later
exceptions:
  - name: old
    check: 426
    expires: 2026-02-30
";
    let problems = file::read(text).unwrap_err();
    insta::assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    // What is wrong in meaning is told when the form is right.
    let text = "\
collections:
  - name: web
    hosts: [web-*, we*b]
    images: []
    color: blue
  - name: web
    hosts: [web-*, -web*]
  - name: All
    containers: [x]
    images: [y]
rules:
  - name: one
    collections: [web, nobody]
exceptions:
  - name: old
    check: 426
    owner: \" \"
    expires: 2026-02-30
    subjects: [-x]
";
    let problems = file::read(text).unwrap_err();
    insta::assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_no_policy_says_why() {
    for (text, part) in [
        ("", "the file is empty"),
        ("- a", "1:1: a mapping with the keys collections, rules, exceptions, default is needed"),
        ("rules: [a: [", "1:"),
        ("rules: {}\n---\nrules: []", "3:1: one document"),
        ("rules: 1", "a list is needed"),
    ] {
        let problems = file::read(text).unwrap_err();
        assert!(problems[0].to_string().contains(part), "{text:?}: {problems:?}");
    }
}

#[test]
fn a_part_of_a_policy_may_name_what_is_elsewhere() {
    let part = file::read("rules:\n  - name: a\n    collections: [elsewhere]\n").unwrap();
    let mut policy = Policy { collections: vec![Collection::new("x")], ..Policy::default() };
    part.put_into(&mut policy);
    assert_eq!((policy.collections.len(), policy.rules.len()), (1, 1));
    assert!(policy.problems()[0].to_string().contains("there is no collection \"elsewhere\""));
}

const CONTAINER: &str = r##"{
  "_id": "containerCompliance", "policyType": "containerCompliance",
  "rules": [
    {"modified": "2024-01-01T00:00:00Z", "owner": "ada", "name": "Fargate tasks", "previousName": "",
     "effect": "alert", "disabled": false, "allCompliance": false,
     "collections": [{"hosts": ["fargate-vulnerability-*"], "images": ["*"], "labels": ["*"], "containers": ["*"],
        "functions": ["*"], "namespaces": ["*"], "appIDs": ["*"], "accountIDs": ["*"], "codeRepos": ["*"],
        "clusters": ["*"], "name": "Fargate", "owner": "ada", "modified": "2024-01-01T00:00:00Z",
        "color": "#AD3C21", "system": false, "prisma": false}],
     "condition": {"readonly": false, "device": "", "vulnerabilities": [{"id": 424, "block": false}, {"id": 426, "block": false}]},
     "verbose": false},
    {"name": "Default - ignore Twistlock components", "effect": "ignore", "disabled": true,
     "collections": [{"name": "All", "system": true, "hosts": ["*"]}], "condition": {}}
  ]}"##;

#[test]
fn prismas_policy_comes_in_and_goes_out() {
    let imported = prisma::read(CONTAINER).unwrap();
    assert_eq!(imported.stage, Some(Stage::Deployed));
    let mut policy = Policy { default: Effect::Ignore, ..Policy::default() };
    imported.put_into(&mut policy);
    assert_eq!(policy.problems(), []);
    insta::assert_snapshot!(policy.to_yaml());
    let (written, notes) = prisma::rules(&policy, Stage::Deployed, &[424, 426]).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    let again = prisma::read(&written.to_string()).unwrap();
    assert_eq!(again.policy, policy_of(&policy));
    let blocking = CONTAINER.replace("\"id\": 426, \"block\": false", "\"id\": 426, \"block\": true");
    let problems = prisma::read(&blocking).unwrap().policy.problems();
    assert!(
        problems[0].to_string().contains("block is refused: the rule's scope contains Fargate tasks"),
        "{problems:?}"
    );
    let ci = blocking.replace("containerCompliance", "ciImagesCompliance");
    let imported = prisma::read(&ci).unwrap();
    assert_eq!(imported.policy.problems(), []);
    assert_eq!(imported.policy.rules[0].checks[&426], Effect::Fail);
    imported.put_into(&mut policy);
    let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names[2..], ["Fargate tasks (ci)", "Default - ignore Twistlock components (ci)"]);
    for (text, part) in [
        ("{", "line 1 column"),
        ("3", "neither a list"),
        (r#"{"policyType": "hostCompliance", "rules": []}"#, "not for containers"),
    ] {
        let error = prisma::read(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

fn policy_of(policy: &Policy) -> Policy {
    Policy { default: Effect::default(), ..policy.clone() }
}

#[test]
fn what_prisma_cannot_say_is_said() {
    let mut collection = Collection::new("shop");
    collection.services = vec!["shop".into()];
    let mut policy = Policy { collections: vec![collection], ..Policy::default() };
    assert!(prisma::collections(&policy).unwrap_err()[0].contains("restricts services"));
    policy.collections[0].services = vec!["*".into()];
    policy.rules = vec![Rule { others: Effect::Fail, ..Rule::new("all") }];
    let (written, notes) = prisma::rules(&policy, Stage::Ci, &[424]).unwrap();
    assert_eq!(written["rules"][0]["effect"], "alert, block");
    assert_eq!(written["rules"][1]["name"], "Default");
    assert_eq!(notes.len(), 2, "{notes:?}");
    let (written, notes) = prisma::rules(&policy, Stage::Deployed, &[424]).unwrap();
    assert_eq!(written["rules"][0]["condition"]["vulnerabilities"][0]["block"], false);
    assert!(notes.iter().any(|note| note.contains("fail becomes alert")), "{notes:?}");
}

fn any_name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}\\s]([^\\p{Cc}\\s]| [^\\p{Cc}\\s]){0,8}"
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let patterns = proptest::collection::vec("[a-z:/#\"'\\\\\\[\\]{}é .&!%@`|>-]{1,8}\\*?", 0..3);
    let fields = proptest::collection::vec((proptest::sample::select(FIELDS.to_vec()), patterns), 0..3);
    let collection = (any_name(), "[^\0]{0,12}", fields).prop_map(|(name, description, fields)| {
        let mut collection = Collection { description, ..Collection::new(name) };
        for (field, patterns) in fields {
            *collection.patterns_mut(field) = patterns;
        }
        collection
    });
    let effect = || proptest::sample::select(Effect::ALL.to_vec());
    let checks = proptest::collection::btree_map(any::<u32>(), effect(), 0..3);
    let names = || proptest::collection::vec(any_name(), 0..3);
    let stage = proptest::sample::select(Stage::ALL.to_vec());
    let rule = (any_name(), any::<bool>(), stage, names(), checks, effect(), "[^\0]{0,12}").prop_map(
        |(name, disabled, stage, collections, checks, others, notes)| Rule {
            name,
            notes,
            disabled,
            stage,
            collections,
            checks,
            others,
        },
    );
    let exception = (any_name(), any::<u32>(), names(), names(), any_name(), "[^\0]{0,12}").prop_map(
        |(name, check, collections, subjects, owner, reason)| Exception {
            name,
            check,
            collections,
            subjects,
            owner,
            expires: "2027-01-31".into(),
            reason,
        },
    );
    let list = proptest::collection::vec(collection, 0..3);
    (list, proptest::collection::vec(rule, 0..3), proptest::collection::vec(exception, 0..3), effect())
        .prop_map(|(collections, rules, exceptions, default)| Policy {
            collections,
            rules,
            exceptions,
            default,
        })
}

proptest! {
    #[test]
    fn yaml_and_json_read_back_to_the_same(policy in any_policy()) {
        let json = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Policy>(&json).unwrap(), &policy);
        if policy.problems().iter().all(|problem| problem.is_reference) {
            let text = policy.to_yaml();
            // Collections may be elsewhere when the file has none.
            match file::read(&text) {
                Ok(file) => prop_assert_eq!(&file.policy, &policy, "{}", text),
                Err(problems) => prop_assert!(problems.iter().all(|problem| problem.is_reference), "{:?}\n{}", problems, text),
            }
        }
    }

    #[test]
    fn prismas_collections_read_back_to_the_same(policy in any_policy()) {
        let Ok(written) = prisma::collections(&policy) else { return Ok(()) };
        let read = prisma::read(&written.to_string()).unwrap();
        for collection in &policy.collections {
            let empty = FIELDS.iter().any(|field| collection.patterns(*field).is_empty());
            if policy.collections.iter().filter(|other| other.name == collection.name).count() == 1 && !empty {
                let mut expected = collection.clone();
                if expected.color.is_empty() {
                    expected.color = "#68A1D2".to_owned();
                }
                prop_assert_eq!(read.policy.collection(&collection.name).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "(collections|rules|checks|name|[-:{}\\[\\] \n]|426|a){0,30}") {
        let _ = file::read(&text);
        let _ = prisma::read(&text);
    }
}
