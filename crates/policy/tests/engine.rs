//! What a policy makes of results: scope, order, exceptions, and the refusal of block.

use fargard_model::{Container, Task, Timestamp};
use fargard_policy::{
    Collection, Effect, Engine, Exception, FIELDS, Field, Policy, Reason, Rule, Stage, Target, file,
};
use proptest::prelude::*;

/// 2023-11-14T22:13:20Z.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn task() -> Task {
    Task {
        arn: "arn:aws:ecs:eu-west-1:111122223333:task/prod/1dddc34c".into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        cluster: "Prod".into(),
        family: "fargate-vulnerability-compliance-task".into(),
        revision: "3".into(),
        service: "shop".into(),
        launch_type: "FARGATE".into(),
        availability_zone: String::new(),
    }
}

fn container() -> Container {
    Container {
        name: "app".into(),
        image: "ubuntu:18.04".into(),
        labels: [("team".to_owned(), "Blue".to_owned())].into(),
        ..Container::default()
    }
}

fn with(field: Field, patterns: &[&str]) -> Collection {
    let mut collection = Collection::new("c");
    *collection.patterns_mut(field) = patterns.iter().map(|&text| text.to_owned()).collect();
    collection
}

fn policy(collections: Vec<Collection>, rules: Vec<Rule>) -> Policy {
    Policy { collections, rules, ..Policy::default() }
}

fn is_in(collection: Collection) -> bool {
    let rule = Rule { collections: vec!["c".into()], ..Rule::new("r") };
    let policy = policy(vec![collection], vec![rule]);
    assert_eq!(policy.problems(), []);
    let (task, container) = (task(), container());
    Engine::new(&policy).scope(&Target { task: &task, container: &container }).rule().is_some()
}

#[test]
fn each_field_is_compared_with_what_it_is_about() {
    for (field, matching, other) in [
        (Field::Accounts, &["111122223333", "1111*"][..], &["4444*"][..]),
        (Field::Clusters, &["prod", "PROD*"], &["prod-2"]),
        (Field::Services, &["shop"], &["sho"]),
        (
            Field::Hosts,
            &[
                "fargate-vulnerability-*",
                "fargate-vulnerability-compliance-task",
                "fargate-vulnerability-compliance-task:3",
                "fargate-vulnerability-compliance-task:1dddc34c",
                "1dddc34c",
                "arn:aws:ecs:eu-west-1:111122223333:task/prod/*",
            ],
            &["fargate-vulnerability", "fargate-vulnerability-compliance-task:4", "prod"],
        ),
        (Field::AppIds, &["fargate-vulnerability-compliance-task:*"], &["1dddc34c"]),
        (
            Field::Images,
            &["ubuntu:18.04", "docker.io/library/ubuntu:18.04", "*:18.04", "ubuntu*", "docker.io/*"],
            &["ubuntu", "ubuntu:20.04", "debian*"],
        ),
        (Field::Containers, &["app"], &["log_router"]),
        (Field::Labels, &["team:blue", "team=blue", "team:*"], &["team:red", "team"]),
        (Field::Namespaces, &["*", "-kube-*"], &["default"]),
    ] {
        for pattern in matching {
            assert!(is_in(with(field, &[pattern])), "{} {pattern}", field.name());
            let alone = pattern.starts_with('-');
            assert!(alone || is_in(with(field, &["zzz*", pattern])), "any of several: {pattern}");
        }
        for pattern in other {
            assert!(!is_in(with(field, &[pattern])), "{} {pattern}", field.name());
        }
    }
    assert!(is_in(with(Field::Images, &["UBUNTU:18.04"])));
    let mut both = with(Field::Clusters, &["prod"]);
    both.services = vec!["other".into()];
    assert!(!is_in(both), "fields are joined by and");
}

#[test]
fn exclusion_counts_before_inclusion() {
    assert!(!is_in(with(Field::Hosts, &["fargate-*", "-fargate-vulnerability-*"])));
    assert!(!is_in(with(Field::Hosts, &["-1dddc34c", "fargate-*"])), "whatever name of it is excluded");
    assert!(is_in(with(Field::Hosts, &["fargate-*", "-fargate-other-*"])));
    assert!(is_in(with(Field::Hosts, &["-web-*"])), "an exclusion alone leaves the rest in");
}

#[test]
fn an_image_before_deployment_is_in_scope_by_its_image() {
    let rules = vec![
        Rule {
            collections: vec!["c".into()],
            stage: Stage::Deployed,
            others: Effect::Alert,
            ..Rule::new("deployed")
        },
        Rule { collections: vec!["c".into()], stage: Stage::Ci, others: Effect::Block, ..Rule::new("ci") },
    ];
    let policy = policy(vec![with(Field::Images, &["ubuntu*"])], rules);
    assert_eq!(policy.problems(), []);
    let (engine, container) = (Engine::new(&policy), container());
    let decide = |task: &Task| {
        let scoped = engine.scope(&Target { task, container: &container });
        (scoped.rule().unwrap().to_owned(), scoped.decide(426, &[], NOW).effect)
    };
    assert_eq!(decide(&Task::default()), ("ci".to_owned(), Effect::Fail));
    assert_eq!(decide(&task()), ("deployed".to_owned(), Effect::Alert));
}

#[test]
fn block_is_refused_where_tasks_are_in_scope_with_the_reason() {
    let text = "collections:\n  - name: my tasks\n    hosts: [fargate-*]\nrules:\n  - name: stop miners\n    \
                collections: [my tasks]\n    checks:\n      425: alert\n      426: block\n";
    let problems = file::read(text).unwrap_err();
    insta::assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    assert!(file::read(&text.replace("    checks", "    stage: ci\n    checks")).is_ok());
    assert!(file::read(&text.replace("block", "fail")).is_ok());
}

fn exception(name: &str, subjects: &[&str], expires: &str) -> Exception {
    Exception {
        name: name.into(),
        check: 426,
        collections: vec!["All".into()],
        subjects: subjects.iter().map(|&text| text.to_owned()).collect(),
        owner: "ada@example.org".into(),
        expires: expires.into(),
        reason: String::new(),
    }
}

#[test]
fn an_exception_holds_until_its_last_day_and_for_what_it_names() {
    let found = ["/opt/bench/xmrig".to_owned(), "/tmp/xmrig".to_owned()];
    let (task, container) = (task(), container());
    let decide = |exceptions: Vec<Exception>, check| {
        let policy = Policy { exceptions, ..Policy::default() };
        assert_eq!(policy.problems(), []);
        let engine = Engine::new(&policy);
        let scoped = engine.scope(&Target { task: &task, container: &container });
        let decision = scoped.decide(check, &found, NOW);
        let by = match decision.reason {
            Reason::Exception(name) => name.to_owned(),
            _ => String::new(),
        };
        (decision.effect, by, decision.excepted)
    };
    let one = |expires| vec![exception("e", &[], expires)];
    assert_eq!(decide(one("2023-11-14"), 426), (Effect::Ignore, "e".into(), vec![]));
    assert_eq!(decide(one("2023-11-13"), 426), (Effect::Alert, String::new(), vec![]));
    assert_eq!(decide(one("2023-11-14"), 425), (Effect::Alert, String::new(), vec![]), "another check");
    let part = exception("part", &["/opt/*"], "2024-01-01");
    assert_eq!(decide(vec![part.clone()], 426), (Effect::Alert, String::new(), vec![0]));
    let case = exception("case", &["/TMP/*"], "2024-01-01");
    assert_eq!(
        decide(vec![part.clone(), case], 426),
        (Effect::Alert, String::new(), vec![0]),
        "letter case counts"
    );
    let rest = exception("rest", &["*/xmrig"], "2024-01-01");
    assert_eq!(decide(vec![part, rest], 426), (Effect::Ignore, "part".into(), vec![]));
}

/// A collection over small alphabets, so that it matches often.
fn any_collection(name: String) -> impl Strategy<Value = Collection> {
    let pattern = prop_oneof![Just("*".to_owned()), "-?\\*?(fargate|ubuntu|prod|a|shop)\\*?"];
    (proptest::sample::select(FIELDS.to_vec()), proptest::collection::vec(pattern, 1..4)).prop_map(
        move |(field, patterns)| {
            let mut collection = Collection::new(name.clone());
            *collection.patterns_mut(field) = patterns;
            collection
        },
    )
}

fn any_effect() -> impl Strategy<Value = Effect> {
    proptest::sample::select(vec![Effect::Ignore, Effect::Alert, Effect::Fail])
}

fn any_rule(number: usize) -> impl Strategy<Value = Rule> {
    let stage = proptest::sample::select(Stage::ALL.to_vec());
    let checks =
        proptest::collection::btree_map(prop_oneof![Just(424_u32), Just(425), Just(426)], any_effect(), 0..3);
    let collections = proptest::sample::subsequence(vec!["c0", "c1", "c2", "All"], 1..3);
    (any::<bool>(), stage, collections, checks, any_effect()).prop_map(
        move |(disabled, stage, collections, checks, others)| Rule {
            disabled,
            stage,
            collections: collections.into_iter().map(str::to_owned).collect(),
            checks,
            others,
            ..Rule::new(format!("rule {number}"))
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let collections = (any_collection("c0".into()), any_collection("c1".into()), any_collection("c2".into()));
    let rules = proptest::collection::vec(0..1_usize, 0..5)
        .prop_flat_map(|rules| (0..rules.len()).map(any_rule).collect::<Vec<_>>());
    (collections, rules, any_effect()).prop_map(|((one, two, three), rules, default)| Policy {
        collections: vec![one, two, three],
        rules,
        exceptions: vec![],
        default,
    })
}

/// Whether a collection holds the container, told one collection and one pattern at a time.
fn holds(policy: &Policy, name: &str, task: &Task, container: &Container) -> bool {
    let alone = |collection: Collection| {
        let probe = Policy {
            rules: vec![Rule { collections: vec![collection.name.clone()], ..Rule::new("probe") }],
            collections: vec![collection],
            ..Policy::default()
        };
        Engine::new(&probe).scope(&Target { task, container }).rule().is_some()
    };
    match policy.collection(name) {
        None => name == "All",
        Some(collection) => alone(collection.clone()),
    }
}

proptest! {
    #[test]
    fn the_first_enabled_rule_that_holds_decides_and_else_the_default(policy in any_policy(), ci in any::<bool>()) {
        let task = if ci { Task::default() } else { task() };
        let container = container();
        let stage = if ci { Stage::Ci } else { Stage::Deployed };
        let first = policy.rules.iter().find(|rule| {
            !rule.disabled
                && (rule.stage == Stage::Any || rule.stage == stage)
                && rule.collections.iter().any(|name| holds(&policy, name, &task, &container))
        });
        let engine = Engine::new(&policy);
        let scoped = engine.scope(&Target { task: &task, container: &container });
        prop_assert_eq!(scoped.rule(), first.map(|rule| rule.name.as_str()));
        for check in [424, 425, 426, 448] {
            let expected = first.map_or(policy.default, |rule| rule.effect(check));
            let expected = if !ci && expected == Effect::Fail { Effect::Alert } else { expected };
            let decision = scoped.decide(check, &["/x".to_owned()], NOW);
            prop_assert_eq!(decision.effect, expected);
            let reason = first.map_or(Reason::Default, |rule| Reason::Rule(&rule.name));
            prop_assert_eq!(decision.reason, reason);
        }
    }

    #[test]
    fn one_more_exclusion_never_lets_more_in(
        patterns in proptest::collection::vec("\\*?(fargate|1ddd|zzz)\\*?", 1..3), exclusion in "-\\*?(fargate|4c)\\*?"
    ) {
        let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let more: Vec<&str> = texts.iter().copied().chain([exclusion.as_str()]).collect();
        let inside = |patterns: &[&str]| {
            let policy = Policy {
                collections: vec![with(Field::Hosts, patterns)],
                rules: vec![Rule { collections: vec!["c".into()], ..Rule::new("r") }],
                ..Policy::default()
            };
            Engine::new(&policy).scope(&Target { task: &task(), container: &container() }).rule().is_some()
        };
        prop_assert!(inside(&texts) || !inside(&more));
    }

    #[test]
    fn a_disabled_rule_is_as_if_it_were_not_there(mut policy in any_policy(), at in 0..5_usize) {
        let Some(rule) = policy.rules.get_mut(at) else { return Ok(()) };
        rule.disabled = true;
        let mut without = policy.clone();
        without.rules.remove(at);
        let (task, container) = (task(), container());
        let target = Target { task: &task, container: &container };
        let (one, other) = (Engine::new(&policy), Engine::new(&without));
        prop_assert_eq!(one.scope(&target).rule(), other.scope(&target).rule());
        prop_assert_eq!(one.scope(&target).decide(426, &[], NOW), other.scope(&target).decide(426, &[], NOW));
    }
}
