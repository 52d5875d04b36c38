//! What CloudFormation gets for what it sends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{lambda::Lambda, registry};

const IMAGE: (&str, &str) = ("FARGARD_SENSOR_IMAGE", "registry.example/fargard-sensor:1");

fn template(containers: &Value) -> Value {
    json!({"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
        "RequiresCompatibilities": ["FARGATE"], "Cpu": "256", "Memory": "512", "NetworkMode": "awsvpc",
        "ContainerDefinitions": containers,
    }}}})
}

fn event(fragment: &Value) -> Value {
    json!({
        "region": "eu-west-1", "accountId": "111122223333", "transformId": "111122223333::Fargard",
        "requestId": "r-1", "params": {}, "templateParameterValues": {"Tag": "1.27"}, "fragment": fragment,
    })
}

fn mirrors(url: &str) -> String {
    format!("docker.io={url}")
}

fn containers(response: &Value) -> &Value {
    &response["fragment"]["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
}

#[test]
fn a_template_comes_back_with_the_sensor() {
    let mirrors = mirrors(&registry::start());
    let function = Lambda::start(&[IMAGE, ("FARGARD_REGISTRY_MIRRORS", &mirrors)]);
    let fragment = template(&json!([{"Name": "app", "Image": {"Fn::Sub": "nginx:${Tag}"}}]));
    let response = function.respond(&event(&fragment));
    assert_eq!((&response["requestId"], &response["status"]), (&"r-1".into(), &"success".into()));
    let found = containers(&response);
    assert_eq!(
        found[0]["EntryPoint"],
        json!(["/fargard/fargard-sensor", "run", "--", "/entry"]),
        "{response}"
    );
    assert_eq!(found[0]["Command"], json!(["serve", "--now"]));
    assert_eq!(found[0]["Image"], json!({"Fn::Sub": "nginx:${Tag}"}));
    assert_eq!(found[1]["Name"], "fargard-sensor");
    // What has it already comes back unchanged, and a later call is served too.
    let again = function.respond(&event(&response["fragment"]));
    assert_eq!(again["fragment"], response["fragment"]);
}

#[test]
fn a_call_inside_a_task_definition_gets_its_properties() {
    let function = Lambda::start(&[IMAGE]);
    let properties = template(&json!([{"Name": "app", "Image": "app:1", "EntryPoint": {"Ref": "Words"}}]))["Resources"]
        ["Task"]["Properties"]
        .clone();
    let mut event = event(&properties);
    event["params"] = json!({"Mode": "wrap", "Exclude": "other"});
    event["templateParameterValues"] = json!({"Words": ["/app", "serve"]});
    let response = function.respond(&event);
    assert_eq!(response["status"], "success", "{response}");
    let found = &response["fragment"]["ContainerDefinitions"];
    assert!(found[0]["EntryPoint"].to_string().contains("fargard-sensor"), "{response}");
    assert_eq!(response["fragment"]["Cpu"], "256");
    assert!(response["fragment"].get("Resources").is_none());
}

#[test]
fn what_would_stay_unprotected_fails_unless_told_to_let_it_pass() {
    let closed = "docker.io=http://127.0.0.1:1";
    let mut fragment = template(&json!([{"Name": "app", "Image": "nginx:1"}]));
    let wrap = [IMAGE, ("FARGARD_MODE", "wrap"), ("FARGARD_REGISTRY_MIRRORS", closed)];
    let function = Lambda::start(&wrap);
    let response = function.respond(&event(&fragment));
    assert_eq!(response["status"], "failure");
    let message = response["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("Fargard: would stay unprotected: Task/app [image-unknown]"), "{message}");
    assert!(message.contains("127.0.0.1:1") && message.contains("fargard.mode=off"), "{message}");
    assert!(response.get("fragment").is_none());

    fragment["Metadata"] = json!({"Fargard": {"OnUnprotected": "deploy"}});
    let response = function.respond(&event(&fragment));
    assert_eq!((&response["status"], &response["fragment"]), (&"success".into(), &fragment));

    // Left out on purpose.
    let labelled = json!([{"Name": "app", "Image": "nginx:1", "DockerLabels": {"fargard.mode": "off"}}]);
    let fragment = template(&labelled);
    assert_eq!(function.respond(&event(&fragment))["fragment"], fragment);
}

#[test]
fn a_registry_that_does_not_answer_costs_no_more_time_than_the_call_has() {
    let mirrors = mirrors(&registry::silent());
    let function = Lambda::start(&[IMAGE, ("FARGARD_MODE", "wrap"), ("FARGARD_REGISTRY_MIRRORS", &mirrors)]);
    let containers: Vec<Value> = (0..9)
        .map(|number| json!({"Name": format!("c{number}"), "Image": format!("app:{number}")}))
        .collect();
    let started = Instant::now();
    let time = Duration::from_secs(4);
    let (path, body) = function.call(&event(&template(&json!(containers))).to_string(), time);
    let taken = started.elapsed();
    assert_eq!(path, "invocation/call-1/response");
    let response: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(response["status"], "failure");
    assert!(response["errorMessage"].as_str().unwrap().contains("no answer within"), "{body}");
    // Two of the four seconds are kept back; a loaded machine gets some more.
    assert!(taken < time * 3, "{taken:?}");
}

#[test]
fn without_a_registry_auto_attaches() {
    let function = Lambda::start(&[IMAGE, ("FARGARD_REGISTRY_MIRRORS", "docker.io=http://127.0.0.1:1")]);
    let response = function.respond(&event(&template(&json!([{"Name": "app", "Image": "nginx:1"}]))));
    assert_eq!(response["fragment"]["Resources"]["Task"]["Properties"]["PidMode"], "task", "{response}");
}

#[test]
fn what_is_no_call_of_a_macro_is_an_error_of_the_function() {
    let function = Lambda::start(&[IMAGE]);
    for event in ["{\"test\": true}", "no JSON", ""] {
        let (path, body) = function.call(event, Duration::from_secs(60));
        assert_eq!(path, "invocation/call-1/error", "{body}");
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["errorType"], "Event");
        assert!(error["errorMessage"].as_str().unwrap().len() > 10, "{body}");
    }
    // It goes on after each.
    let odd = event(&json!({"Cpu": "256"}));
    let response = function.respond(&odd);
    assert!(response["errorMessage"].as_str().unwrap().contains("no task definition"), "{response}");
    let twice = odd.to_string().replace("{\"Cpu\":\"256\"}", "{\"Resources\":{\"A\":1,\"A\":2}}");
    let (path, body) = function.call(&twice, Duration::from_secs(60));
    assert!(path.ends_with("/error") && body.contains("given twice"), "{path} {body}");
}

#[test]
fn a_wrong_environment_is_told_at_the_start() {
    let mut function = Lambda::start(&[IMAGE, ("FARGARD_MODE", "wrapp")]);
    let (path, body) = function.posted();
    assert_eq!(path, "init/error");
    assert!(body.contains("FARGARD_MODE: \\\"wrapp\\\" is none of auto, wrap, attach"), "{body}");
    assert_eq!(function.end(), Some(2));
}
