//! Real tools through the proxy, against a control plane that verifies signatures.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use fargard_agent::proxy::{Proxy, ProxyOptions};
use fargard_aws::{Environment, Provider, SystemClock};
use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use fargard_model::Secret;
use fargard_taskdef::embed::{ImageConfig, ImageTable, Settings};
use serde_json::{Value, json};

struct Stage {
    plane: ControlPlane,
    proxy: Proxy,
    told: Arc<Mutex<Vec<String>>>,
}

fn stage(require: bool) -> Stage {
    let keys = [("AKID".to_owned(), Secret::new("secret"))].into();
    let plane = ControlPlane::start(ControlPlaneOptions { keys, ..ControlPlaneOptions::default() }).unwrap();
    plane.call("CreateCluster", &json!({})).unwrap();
    let url = plane.url();
    let environment: Environment = [
        ("AWS_ENDPOINT_URL_ECS", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]
    .into_iter()
    .collect();
    let config = ImageConfig { entrypoint: vec!["/app".to_owned()], ..ImageConfig::default() };
    let table: BTreeMap<String, ImageConfig> = [("known:1".to_owned(), config)].into();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let proxy = Proxy::start(ProxyOptions {
        settings: Settings {
            sensor_image: "sensor:1".to_owned(),
            mode: fargard_taskdef::embed::Choice::Wrap,
            ..Settings::default()
        },
        require,
        provider: Provider::find(&environment, "eu-west-1", Arc::new(SystemClock)).unwrap(),
        environment,
        clock: Arc::new(SystemClock),
        lookup: Box::new(ImageTable(table.into_iter().collect())),
        tell: Box::new(move |line| heard.lock().unwrap().push(line.to_owned())),
    })
    .unwrap();
    Stage { plane, proxy, told }
}

/// A program with those that `cargo xtask test` installs found first.
fn tool(name: &str) -> Command {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{own}:{path}"));
    command
}

fn aws(stage: &Stage, secret: &str, arguments: &[&str]) -> Output {
    tool("aws")
        .arg("ecs")
        .args(arguments)
        .env("AWS_ENDPOINT_URL_ECS", stage.proxy.url())
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap()
}

fn has_aws() -> bool {
    let there = tool("aws").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: there is no aws command here");
    }
    there
}

fn definition(image: &str) -> String {
    json!({
        "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
        "memory": "512", "containerDefinitions": [{"name": "app", "image": image}],
        "tags": [{"key": "team", "value": "blau-ü"}],
    })
    .to_string()
}

#[test]
fn what_the_aws_command_line_registers_has_the_sensor_and_the_rest_is_unchanged() {
    if !has_aws() {
        return;
    }
    let stage = stage(false);
    let output =
        aws(&stage, "secret", &["register-task-definition", "--cli-input-json", &definition("known:1")]);
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let containers = &answer["taskDefinition"]["containerDefinitions"];
    assert_eq!(containers[0]["entryPoint"], json!(["/fargard/fargard-sensor", "run", "--", "/app"]));
    assert_eq!(
        (&containers[1]["name"], &containers[1]["image"]),
        (&json!("fargard-sensor"), &json!("sensor:1"))
    );
    assert_eq!(answer["tags"][0]["value"], "blau-ü");
    assert_eq!(*stage.told.lock().unwrap(), ["web app: wrap: entry point of image known:1"]);

    let output = aws(&stage, "secret", &["list-task-definitions", "--family-prefix", "web"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(listed["taskDefinitionArns"][0].as_str().unwrap().ends_with("web:1"), "{output:?}");
    let output = aws(&stage, "secret", &["list-tasks", "--cluster", "none"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("(ClusterNotFoundException)"), "{output:?}");
    let calls: Vec<String> = stage.plane.calls().into_keys().collect();
    assert_eq!(calls, ["ListTaskDefinitions", "ListTasks", "RegisterTaskDefinition"]);
}

#[test]
fn what_cannot_be_embedded_goes_through_or_is_refused() {
    if !has_aws() {
        return;
    }
    let arguments =
        |text: &str| ["register-task-definition".to_owned(), "--cli-input-json".to_owned(), text.to_owned()];
    let unknown = arguments(&definition("unknown:1"));
    let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
    let open = stage(false);
    let output = aws(&open, "secret", &unknown);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["taskDefinition"]["containerDefinitions"].as_array().unwrap().len(), 1);
    let told = open.told.lock().unwrap().join("\n");
    assert!(told.starts_with("web app: left alone: image-unknown: "), "{told}");

    let strict = stage(true);
    let output = aws(&strict, "secret", &unknown);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains("(ClientException)") && complaint.contains("image-unknown"), "{complaint}");
    assert!(strict.plane.calls().is_empty());
}

#[test]
fn who_has_not_the_credentials_cannot_use_them() {
    let stage = stage(false);
    if has_aws() {
        let output = aws(&stage, "guessed", &["list-clusters"]);
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("(InvalidSignatureException)"),
            "{output:?}"
        );
    }
    let address = stage.proxy.url();
    let mut stream = std::net::TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: AmazonEC2ContainerServiceV20141113.ListClusters\r\ncontent-length: 2\r\n\r\n{}",
    )
    .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("MissingAuthenticationTokenException"),
        "{answer}"
    );
    assert!(stage.plane.calls().is_empty());
}
