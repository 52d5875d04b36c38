//! Policies allow what is called and nothing else: the calls are read from the source, and counted at an imitated ECS.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::Arc,
    time::Duration,
};

use fargard_aws::{Account, AccountOptions, Ecs, Environment, inventory};
use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

use crate::support::{fargard, read, repository, said, templates};

/// Effect, actions and kinds of condition of a policy's statements, by their Sid.
type Statements = BTreeMap<String, (String, BTreeSet<String>, BTreeSet<String>)>;

fn listed(value: &Value) -> BTreeSet<String> {
    let all = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    all.iter().map(|each| each.as_str().unwrap().to_owned()).collect()
}

fn statements(policy: &Value) -> Statements {
    let all = policy["Statement"].as_array().unwrap().iter();
    let read = |statement: &Value| {
        let conditions = statement["Condition"].as_object().cloned().unwrap_or_default();
        let kinds = conditions.iter().flat_map(|(operator, keys)| {
            keys.as_object().unwrap().keys().map(move |key| format!("{operator} {key}"))
        });
        let sid = statement["Sid"].as_str().unwrap_or_else(|| panic!("{statement} has no Sid")).to_owned();
        let effect = statement["Effect"].as_str().unwrap().to_owned();
        (sid, (effect, listed(&statement["Action"]), kinds.collect()))
    };
    all.map(read).collect()
}

fn policy(name: &str) -> Statements {
    statements(&serde_json::from_str(&read(&format!("deploy/iam/{name}.json"))).unwrap())
}

/// Operations of a service that a policy allows.
fn allowed(name: &str, service: &str) -> BTreeSet<String> {
    let actions = policy(name).into_values().flat_map(|(_, actions, _)| actions);
    actions.filter_map(|action| Some(action.strip_prefix(service)?.strip_prefix(':')?.to_owned())).collect()
}

/// Every file of `deploy/iam`, by name.
fn names() -> Vec<String> {
    let entries = fs::read_dir(repository().join("deploy/iam")).unwrap();
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn policies_allow_single_actions_only() {
    let names = names();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        for (sid, (effect, actions, conditions)) in policy(&name) {
            assert_eq!(effect, "Allow", "{name} {sid}");
            assert!(actions.iter().all(|action| !action.contains('*')), "{name} {sid}: {actions:?}");
            let passes = actions.contains("iam:PassRole");
            let to_whom = conditions.contains("StringEquals iam:PassedToService");
            assert_eq!(passes, to_whom, "{name} {sid}: roles are passed to ECS's tasks only");
        }
    }
}

#[test]
fn templates_hold_the_same_policies() {
    let Some(templates) = templates() else { return };
    let mut seen = BTreeSet::new();
    for (template, content) in &templates {
        let resources = content["Resources"].as_object().unwrap();
        let all =
            resources.values().map(|resource| (resource["Type"].as_str().unwrap(), &resource["Properties"]));
        let policies = all.flat_map(|(kind, properties)| match kind {
            "AWS::IAM::Role" => properties["Policies"].as_array().cloned().unwrap_or_default(),
            "AWS::IAM::Policy" => vec![properties.clone()],
            _ => Vec::new(),
        });
        for found in policies {
            let name = found["PolicyName"].as_str().unwrap();
            let mut expected = policy(name);
            let found = statements(&found["PolicyDocument"]);
            // The agent's container has no secrets.
            if (template.as_str(), name) == ("agent", "execution") {
                expected.remove("ReadTokens");
            }
            assert_eq!(found, expected, "{template}: {name}");
            seen.insert(name.to_owned());
        }
    }
    assert_eq!(seen, names().into_iter().collect(), "a policy that no template uses");
}

/// Operations that each method of `Ecs` calls, as the source says.
fn operations() -> BTreeMap<String, BTreeSet<String>> {
    let constants: BTreeMap<String, String> = read("crates/aws/src/ecs/mod.rs")
        .split(';')
        .filter_map(|item| {
            let (name, rest) = item.rsplit_once("const ")?.1.split_once(": Operation")?;
            Some((name.to_owned(), rest.split('"').nth(1)?.to_owned()))
        })
        .collect();
    assert!(constants.len() > 10, "{constants:?}");
    let source = read("crates/aws/src/ecs/read.rs") + &read("crates/aws/src/ecs/write.rs");
    let methods = source.split("pub fn ").skip(1).map(|text| {
        let name = text.split(['(', '<']).next().unwrap().to_owned();
        let words: BTreeSet<&str> =
            text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let called = constants.iter().filter(|(name, _)| words.contains(name.as_str()));
        (name, called.map(|(_, operation)| operation.clone()).collect())
    });
    methods.collect()
}

/// Operations that these files call.
fn called_in(files: &[&str]) -> BTreeSet<String> {
    let source: String = files.iter().map(|file| read(file)).collect();
    let calls =
        |name: &str| [format!(".{name}("), format!(".{name}::<")].iter().any(|call| source.contains(call));
    operations().into_iter().filter(|(name, _)| calls(name)).flat_map(|(_, operations)| operations).collect()
}

#[test]
fn policies_allow_the_calls_that_the_source_makes() {
    assert_eq!(allowed("sweep", "ecs"), called_in(&["crates/aws/src/inventory.rs"]));
    assert_eq!(allowed("agent-report", "ecs"), called_in(&["crates/agent/src/agent.rs"]));
    let mut applying = called_in(&["crates/agent/src/agent.rs", "crates/agent/src/change.rs"]);
    // A revision is registered with tags.
    applying.insert("TagResource".to_owned());
    let report = allowed("agent-report", "ecs");
    assert_eq!(&report | &allowed("agent-apply", "ecs"), applying);
    assert!(
        report.is_disjoint(&allowed("agent-apply", "ecs")),
        "what only reports must not be able to change"
    );
    // A batch of messages needs the right to each.
    let queue = read("crates/aws/src/queue.rs");
    let operations = queue.split("= operation(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let needed = operations.map(|name| name.trim_end_matches("Batch").to_owned()).collect();
    assert_eq!(allowed("server-events", "sqs"), needed);
    assert!(read("crates/aws/src/registry_login.rs").contains("GetAuthorizationToken"));
    assert!(read("crates/aws/src/credentials/role.rs").contains("Action=AssumeRole"));
}

/// An account with a cluster and a service.
fn account() -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let call = |operation: &str, input: Value| plane.call(operation, &input).unwrap();
    call("CreateCluster", json!({"clusterName": "main"}));
    call(
        "RegisterTaskDefinition",
        json!({
            "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "containerDefinitions": [{"name": "app", "image": "app:1", "entryPoint": ["/app"]}],
        }),
    );
    call(
        "CreateService",
        json!({
            "cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        }),
    );
    let _ = plane.add_container_instance("main");
    plane.advance(Duration::from_secs(300));
    plane
}

fn variables(plane: &ControlPlane) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_ECS", plane.url()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKID".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ]
}

/// Operations that were called meanwhile.
fn called(plane: &ControlPlane, work: impl FnOnce()) -> BTreeSet<String> {
    let before = plane.calls();
    work();
    let more = |(name, count): &(String, u64)| before.get(name).copied().unwrap_or_default() < *count;
    plane.calls().into_iter().filter(more).map(|(name, _)| name).collect()
}

#[test]
fn a_sweep_calls_what_its_policy_allows() {
    let plane = account();
    let environment: Environment = variables(&plane).into_iter().collect();
    let opened = Account::open(AccountOptions { environment, ..AccountOptions::default() }).unwrap();
    let calls = called(&plane, || {
        inventory::sweep(&Ecs::new(Arc::new(opened)), &[]).unwrap();
    });
    assert_eq!(calls, allowed("sweep", "ecs"));
}

#[test]
fn the_agent_calls_what_its_policies_allow() {
    let plane = account();
    let scratch = tempfile::tempdir().unwrap();
    let state = scratch.path().join("state.json");
    let agent = |more: &[&str]| {
        let mut command: Command = fargard();
        command.args(["agent", "--once", "--sensor-image", "registry.example/fargard-sensor:1"]).args(more);
        let output = command.envs(variables(&plane)).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{}", said(&output));
    };
    let report = allowed("agent-report", "ecs");
    assert_eq!(called(&plane, || agent(&[])), report);
    let calls = called(&plane, || agent(&["--apply", "--state", state.to_str().unwrap()]));
    let both = &report | &allowed("agent-apply", "ecs");
    assert!(calls.is_subset(&both), "{calls:?}");
    assert!(calls.contains("RegisterTaskDefinition") && calls.contains("UpdateService"), "{calls:?}");
}
