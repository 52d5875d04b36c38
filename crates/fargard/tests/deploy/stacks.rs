//! The stacks, created in an imitated account, and our program started as their task definitions start it.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::support::{cloudformation, fargard, python, repository, said};

/// Types that the imitation passes over.
const UNKNOWN: [&str; 5] = [
    "AWS::CloudFormation::Macro",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::Scheduler::Schedule",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
];

fn created() -> Option<Value> {
    let script = repository().join("crates/fargard/tests/deploy/stacks.py");
    let output = python("moto", &[script.to_str().unwrap(), cloudformation().to_str().unwrap()])?;
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn words(value: &Value) -> Vec<String> {
    // The imitation leaves what AWS::NoValue takes out of a list in it as null.
    value.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn stacks_are_created_and_their_commands_are_ours() {
    let Some(created) = created() else { return };
    let templates = crate::support::templates().expect("moto comes with cfn-lint");
    for (name, stack) in created["stacks"].as_object().unwrap() {
        assert_eq!(stack["status"], "CREATE_COMPLETE", "{name}");
        let template = if matches!(name.as_str(), "report" | "apply") { "agent" } else { name };
        for (logical, resource) in templates[template]["Resources"].as_object().unwrap() {
            let known = !UNKNOWN.contains(&resource["Type"].as_str().unwrap());
            let made = stack["resources"].get(logical).is_some();
            // What stands under a condition is made in some of the stacks only.
            assert!(made == known || resource.get("Condition").is_some(), "{name}: {logical}: {made}");
        }
    }
    let made = |stack: &str, logical: &str| created["stacks"][stack]["resources"].get(logical).is_some();
    assert!(made("apply", "ApplyPolicy") && made("apply", "State"));
    assert!(!made("report", "ApplyPolicy") && !made("report", "State") && made("report", "ReportPolicy"));
    assert!(made("sweep", "AssumePolicy") && !made("sweep", "SweepPolicy"));
    assert!(made("member", "ReportPolicy") && !made("member", "ApplyPolicy"));

    for (family, definition) in created["definitions"].as_object().unwrap() {
        let container = &definition["containerDefinitions"][0];
        let output = fargard().args(words(&container["command"])).arg("--help").output().unwrap();
        assert!(output.status.success(), "{family}: {}", said(&output));
        assert_eq!(container["readonlyRootFilesystem"], true, "{family}");
    }
    let apply = words(&created["definitions"]["apply"]["containerDefinitions"][0]["command"]);
    assert!(apply.ends_with(&["--apply", "--state", "/state/agent.json"].map(str::to_owned)), "{apply:?}");
    let report = words(&created["definitions"]["report"]["containerDefinitions"][0]["command"]);
    assert!(!report.contains(&"--apply".to_owned()), "{report:?}");
    let sweep = words(&created["definitions"]["sweep"]["containerDefinitions"][0]["command"]);
    assert!(
        sweep.contains(&"--external-id".to_owned()) && sweep.contains(&"us-east-1".to_owned()),
        "{sweep:?}"
    );
    server_starts(&created["definitions"]["server-server"]["containerDefinitions"][0]);
}

/// The server's container, on loopback and with its data elsewhere.
fn server_starts(container: &Value) {
    let data = tempfile::tempdir().unwrap();
    let mut command = fargard();
    command.args(words(&container["command"])).env_clear().stdout(Stdio::piped());
    for variable in container["environment"].as_array().unwrap() {
        let value = variable["value"].as_str().map_or_else(|| variable["value"].to_string(), str::to_owned);
        command.env(variable["name"].as_str().unwrap(), value);
    }
    for (number, secret) in container["secrets"].as_array().unwrap().iter().enumerate() {
        command.env(secret["name"].as_str().unwrap(), number.to_string().repeat(64));
    }
    command.env("FARGARD_LISTEN", "127.0.0.1:0").env("FARGARD_DATA", data.path());
    // Nobody outside is asked: the queue is not there.
    let nowhere = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    command.envs(nowhere);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("Fargard listens on ").unwrap_or_else(|| panic!("{first}"));
    assert!(url.starts_with("https://"), "{first}");
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let agent = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).build().new_agent();
    let overview = |token: &str| {
        let asked = agent.get(format!("{url}/api/v1/overview"));
        asked.header("authorization", format!("Bearer {token}")).call().unwrap().status().as_u16()
    };
    let statuses = (overview(&"0".repeat(64)), overview(&"1".repeat(64)));
    child.kill().unwrap();
    child.wait().unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(statuses, (200, 401), "the admin token is the first secret");
    assert!(rest.is_empty(), "no token is printed: {rest:?}");
}
