//! The Terraform module: what Terraform makes of its expressions is what our program takes, and the other way round.
//!
//! The data source itself belongs to a provider that would have to be fetched; the tests take its place, by its protocol.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::support::{fargard, repository, said};

const SENSOR: &str = "registry.example/fargard-sensor:1";

fn containers() -> String {
    json!([{"name": "app", "image": "app:1", "entryPoint": ["/app"], "x": 1.50}]).to_string()
}

/// As the data source calls a program: the query on standard input.
fn ask(arguments: &[&str], query: &str) -> Output {
    let mut command = fargard();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended before it has read all.
    let _ = child.stdin.take().unwrap().write_all(query.as_bytes());
    child.wait_with_output().unwrap()
}

fn embed(more: &[&str], query: &Value) -> Output {
    ask(&[&["embed", "terraform", "--sensor-image", SENSOR], more].concat(), &query.to_string())
}

/// The result, all of whose values must be strings.
fn result(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result.as_object().unwrap().values().all(Value::is_string), "{result}");
    result
}

fn inner(result: &Value, name: &str) -> Value {
    serde_json::from_str(result[name].as_str().unwrap()).unwrap()
}

#[test]
fn a_query_is_answered_as_the_protocol_says() {
    let query = json!({
        "container_definitions": containers(), "cpu": "256", "memory": "512", "network_mode": "awsvpc", "pid_mode": "",
        "requires_compatibilities": "FARGATE", "cpu_architecture": "ARM64", "operating_system_family": "LINUX",
        "has_execution_role": "true",
    });
    let wrapped = result(&embed(&["--require"], &query));
    let list = inner(&wrapped, "container_definitions");
    assert_eq!(list[0]["entryPoint"], json!(["/fargard/fargard-sensor", "run", "--", "/app"]));
    assert_eq!((&list[1]["name"], &list[1]["memory"]), (&"fargard-sensor".into(), &32.into()));
    assert!(wrapped["container_definitions"].as_str().unwrap().contains("1.50") || list[0]["x"] == 1.5);
    assert_eq!((&wrapped["pid_mode"], &wrapped["unprotected"]), (&"".into(), &"".into()));
    assert_eq!(inner(&wrapped, "report")[0]["containers"][0]["result"], "wrap");

    let token = [
        "--server",
        "https://fargard.example",
        "--token-secret",
        "arn:aws:secretsmanager:eu-west-1:1:secret:x",
    ];
    let attached = result(&embed(&[&["--mode", "attach"], &token[..]].concat(), &query));
    assert_eq!(attached["pid_mode"], "task");
    // What went in once goes in again, as when the module's output is its input.
    let mut again = query;
    again["container_definitions"] = wrapped["container_definitions"].clone();
    assert_eq!(result(&embed(&[], &again))["container_definitions"], wrapped["container_definitions"]);
}

#[test]
fn what_the_command_makes_of_a_whole_definition_is_the_same() {
    let mut whole: Value = json!({
        "family": "terraform", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
        "memory": "512", "containerDefinitions": [],
    });
    whole["containerDefinitions"] = serde_json::from_str(&containers()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("task.json");
    fs::write(&path, whole.to_string()).unwrap();
    let command = fargard().args(["embed", "--sensor-image", SENSOR]).arg(&path).output().unwrap();
    let expected: Value = serde_json::from_slice(&command.stdout).unwrap();
    let query = json!({
        "container_definitions": containers(), "cpu": "256", "memory": "512", "network_mode": "awsvpc",
    });
    assert_eq!(
        inner(&result(&embed(&[], &query)), "container_definitions"),
        expected["containerDefinitions"]
    );
}

#[test]
fn errors_go_to_standard_error_with_an_exit_code() {
    let unknown = json!([{"name": "app", "image": "app:1"}]).to_string();
    let huge = "x".repeat(3 << 20);
    for (more, query, expected) in [
        (&[][..], json!({}), "the query has no container_definitions"),
        (&[], json!([]), "no JSON object of strings"),
        (&[], json!({"container_definitions": "[", "cpu": "256"}), "container_definitions:1:2: not JSON"),
        (&[], json!({"container_definitions": "{}"}), "container_definitions is an object, not a list"),
        (&[], json!({"container_definitions": "[]", "cpus": "256"}), "\"cpus\", which is not known"),
        (&[], json!({"container_definitions": "[]", "has_execution_role": "yes"}), "neither true nor false"),
        (&["--require", "--mode", "wrap"], json!({"container_definitions": unknown}), "app [image-unknown]"),
        (&[], json!({"container_definitions": huge}), "longer than the limit"),
    ] {
        let output = embed(more, &query);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected), "{expected}: {}", said(&output));
        assert!(output.stdout.is_empty());
    }
    let reported = result(&embed(&["--mode", "wrap"], &json!({"container_definitions": unknown})));
    assert!(reported["unprotected"].as_str().unwrap().starts_with("app [image-unknown]"), "{reported}");
}

/// Runs Terraform without anything from outside.
fn terraform(directory: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("terraform")
        .args(arguments)
        .current_dir(directory)
        .env("TF_CLI_CONFIG_FILE", directory.join("none.rc"))
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_IN_AUTOMATION", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "terraform {arguments:?}: {}", said(&output));
    output
}

/// The module with the data source's place taken: what it is asked is an output, what it answers a file.
fn module(directory: &Path) {
    let source = repository().join("deploy/terraform");
    for file in ["variables.tf", "outputs.tf", "main.tf"] {
        let text = fs::read_to_string(source.join(file)).unwrap();
        let mut text = text.replace("data.external.embed.result", "local.result");
        if let Some((before, block)) = text.split_once("data \"external\" \"embed\" {\n") {
            let (block, after) = block.split_once("\n}\n").unwrap();
            text = format!("{before}locals {{\n  asked = {{\n{block}\n  }}\n}}\n{after}");
        }
        fs::write(directory.join(file), text).unwrap();
    }
    let rest = "locals { result = jsondecode(file(\"${path.module}/result.json\")) }\noutput \"asked\" { value = local.asked }\n";
    fs::write(directory.join("rest.tf"), rest).unwrap();
    fs::write(directory.join("none.rc"), "").unwrap();
    let nothing = json!({"container_definitions": "[]", "pid_mode": "", "unprotected": "", "report": "[]"});
    fs::write(directory.join("result.json"), nothing.to_string()).unwrap();
}

#[test]
fn terraform_and_the_program_understand_each_other() {
    if Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().is_err() {
        eprintln!("skipped: terraform is not installed");
        return;
    }
    terraform(&repository().join("deploy/terraform"), &["fmt", "-check", "-diff"]);
    let scratch = tempfile::tempdir().unwrap();
    module(scratch.path());
    let given = json!({
        "container_definitions": containers(), "sensor_image": SENSOR, "cpu": "256", "memory": "512", "mode": "attach",
        "settings": {"FARGARD_FIM": "on"}, "exclude": ["other"], "image_sources": [], "program": "/usr/bin/fargard",
        "server": "https://fargard.example", "token_secret": "arn:aws:secretsmanager:eu-west-1:1:secret:x",
    });
    fs::write(scratch.path().join("terraform.tfvars.json"), given.to_string()).unwrap();
    terraform(scratch.path(), &["init", "-input=false"]);
    let outputs = || -> Value {
        terraform(scratch.path(), &["apply", "-auto-approve", "-input=false"]);
        serde_json::from_slice(&terraform(scratch.path(), &["output", "-json"]).stdout).unwrap()
    };
    let asked = outputs()["asked"]["value"].clone();
    let program: Vec<&str> =
        asked["program"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(program[0], "/usr/bin/fargard");
    let answer = ask(&program[1..], &asked["query"].to_string());
    let answered = result(&answer);
    fs::write(scratch.path().join("result.json"), &answer.stdout).unwrap();
    let outputs = outputs();
    assert_eq!(outputs["pid_mode"]["value"], "task");
    assert_eq!(outputs["container_definitions"]["value"], answered["container_definitions"]);
    let list = inner(&answered, "container_definitions");
    assert!(list[1]["environment"].to_string().contains("FARGARD_FIM"), "{list}");
    assert_eq!(outputs["report"]["value"][0]["containers"][0]["result"], "attach");
}
