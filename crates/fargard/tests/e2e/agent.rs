//! The agent and the proxy of the real program, against an imitated ECS.

use std::{path::Path, process::Command, time::Duration};

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

use crate::support::fargard;

const IMAGE: &str = "registry.example/fargard-sensor:1";

fn plane() -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let call = |operation: &str, input: Value| plane.call(operation, &input).unwrap();
    call("CreateCluster", json!({"clusterName": "main"}));
    call("RegisterTaskDefinition", definition());
    let owned = json!([{"key": "ManagedBy", "value": "Terraform"}]);
    for (name, tags) in [("web", json!([])), ("owned", owned)] {
        call(
            "CreateService",
            json!({
                "cluster": "main", "serviceName": name, "taskDefinition": "web", "desiredCount": 1, "tags": tags,
                "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            }),
        );
    }
    plane.advance(Duration::from_secs(300));
    plane
}

fn definition() -> Value {
    json!({
        "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
        "memory": "512", "containerDefinitions": [{"name": "app", "image": "app:1", "entryPoint": ["/app"]}],
    })
}

fn with_account(mut command: Command, plane: &ControlPlane) -> Command {
    command
        .env("AWS_ENDPOINT_URL_ECS", plane.url())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("FARGARD_SENSOR_IMAGE", IMAGE)
        .env("AWS_PAGER", "");
    command
}

/// Exit code and standard output.
fn agent(plane: &ControlPlane, arguments: &[&str]) -> (i32, String) {
    let mut command = with_account(fargard(), plane);
    let output = command.args(["agent", "--once"]).args(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), format!("{}{complaint}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn the_agent_reports_and_changes_only_when_told() {
    let plane = plane();
    let (code, text) = agent(&plane, &["--diff"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("unprotected      main/web (web:1): report only: --apply would change it\n"),
        "{text}"
    );
    assert!(text.contains("owned            main/owned (web:1): by tag ManagedBy=Terraform"), "{text}");
    assert!(text.contains("+        \"/fargard/fargard-sensor\","), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let apply = ["--apply", "--state", state.to_str().unwrap(), "--format", "json"];
    let (_, text) = agent(&plane, &apply);
    let of_web = |text: &str| -> Value {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|line| line["service"] == "web").unwrap()
    };
    assert_eq!(of_web(&text)["status"], "rolling-out", "{text}");
    plane.advance(Duration::from_secs(300));
    let (code, text) = agent(&plane, &apply);
    assert_eq!((code, &of_web(&text)["status"]), (1, &json!("protected")), "the other one is not: {text}");
    assert_eq!(plane.calls()["RegisterTaskDefinition"], 1);

    let (code, text) = agent(&plane, &["--apply"]);
    assert!(code == 2 && text.contains("--state"), "{text}");
    let (code, text) = agent(&plane, &["--cluster", "none"]);
    assert!(code == 1 && text.contains("MISSING"), "{text}");
}

#[test]
fn the_proxy_embeds_what_a_command_registers_and_ends_as_it_does() {
    let plane = plane();
    let proxied = |command: &[&str]| {
        let mut program = with_account(fargard(), &plane);
        program.args(["embed", "proxy", "--"]).args(command).output().unwrap()
    };
    let output = proxied(&["sh", "-c", "echo $AWS_ENDPOINT_URL_ECS; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(output.stdout.starts_with(b"http://127.0.0.1:"), "{output:?}");
    assert_eq!(proxied(&["sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    assert_eq!(proxied(&["/does/not/exist"]).status.code(), Some(2));

    if Command::new("aws").arg("--version").output().is_err() {
        eprintln!("skipped: there is no aws command here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taskdef.json");
    std::fs::write(&file, definition().to_string()).unwrap();
    let given = format!("file://{}", Path::new(&file).display());
    let output = proxied(&["aws", "ecs", "register-task-definition", "--cli-input-json", &given]);
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["taskDefinition"]["containerDefinitions"][1]["image"], IMAGE);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("fargard: embed: web app: wrap: "), "{told}");
}
