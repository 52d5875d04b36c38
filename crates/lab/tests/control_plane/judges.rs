//! AWS's own clients against the control plane.

use std::{process::Command, time::Duration};

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions, ImageBehaviour};
use serde_json::{Value, json};

use crate::stage::{call, definition, with_service};

/// A program with those that `cargo xtask test` installs found first.
fn tool(name: &str) -> Command {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{own}:{path}"));
    command
}

/// Whether a program can be run like that.
fn has(program: &str, arguments: &[&str]) -> bool {
    let there = tool(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: `{program} {}` does not work here", arguments.join(" "));
    }
    there
}

#[test]
fn botocores_model_knows_every_member_of_every_answer() {
    if !has("python3", &["-c", "import boto3"]) {
        return;
    }
    let plane = with_service(2);
    let _ = plane.add_container_instance("default");
    plane.set_image("app:2", ImageBehaviour::CannotPull("not found".to_owned()));
    call(&plane, "RegisterTaskDefinition", &definition("app:2"));
    call(&plane, "UpdateService", &json!({"service": "web", "taskDefinition": "web:2"}));
    plane.advance(Duration::from_secs(300));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/control_plane/judge.py");
    let output = tool("python3").args([script, &plane.url()]).output().unwrap();
    let (text, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}");
    let kinds: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kinds >= 25, "only {kinds} operations were judged");
}

fn aws(plane: &ControlPlane, arguments: &[&str]) -> (bool, String) {
    let output = tool("aws")
        .arg("ecs")
        .args(arguments)
        .env("AWS_ENDPOINT_URL_ECS", plane.url())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_PAGER", "")
        .output()
        .unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn the_aws_command_line_works_against_it() {
    if !has("aws", &["--version"]) {
        return;
    }
    let plane = with_service(1);
    let json_of = |arguments: &[&str]| -> Value {
        let (done, text) = aws(&plane, arguments);
        assert!(done, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let registered = definition("app:3").to_string();
    let answer = json_of(&["register-task-definition", "--cli-input-json", &registered]);
    assert_eq!(answer["taskDefinition"]["revision"], 2);
    json_of(&["update-service", "--service", "web", "--task-definition", "web:2"]);
    plane.advance(Duration::from_secs(120));
    let (done, text) = aws(&plane, &["wait", "services-stable", "--services", "web"]);
    assert!(done, "{text}");
    let tasks = json_of(&["list-tasks", "--service-name", "web", "--query", "taskArns"]);
    assert_eq!(tasks.as_array().unwrap().len(), 1);
    let (done, text) = aws(&plane, &["describe-tasks", "--cluster", "none", "--tasks", "x"]);
    assert!(!done && text.contains("(ClusterNotFoundException)"), "{text}");
}

#[test]
fn too_many_calls_are_throttled_as_ecs_does() {
    if !has("python3", &["-c", "import boto3"]) {
        return;
    }
    let plane = ControlPlane::start(ControlPlaneOptions { throttle: true, ..ControlPlaneOptions::default() })
        .unwrap();
    let program = "
import boto3, sys
from botocore.config import Config
from botocore.exceptions import ClientError
ecs = boto3.client('ecs', endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='a',
                   aws_secret_access_key='b', config=Config(retries={'max_attempts': 0}))
codes = []
for _ in range(60):
    try:
        ecs.list_clusters()
        codes.append('ok')
    except ClientError as error:
        codes.append(error.response['Error']['Code'])
print(codes.count('ok'), codes.count('ThrottlingException'))";
    let output = tool("python3").args(["-c", program, &plane.url()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "50 10\n", "{output:?}");
    assert_eq!((plane.calls()["ListClusters"], plane.calls()["throttled"]), (50, 10));
    plane.advance(Duration::from_secs(1));
    assert!(plane.call("ListClusters", &json!({})).is_ok());
}
