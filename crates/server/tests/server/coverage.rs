//! From what ECS says and what sensors send to what is shown.

use std::time::{Duration, Instant};

use fargard_model::{Heartbeat, Record, Task, Timestamp, bounded};
use serde_json::{Value, json};

use crate::support::{Fixture, TASK, batch_of};

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";

fn task_arn(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{number:032x}")
}

fn now() -> u64 {
    Timestamp::now().seconds()
}

fn task(number: usize) -> Value {
    json!({"taskArn": task_arn(number), "clusterArn": CLUSTER, "version": 3, "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING", "launchType": "FARGATE", "platformVersion": "1.4.0", "group": "service:web",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "createdAt": now() - 600, "startedAt": now() - 590,
        "attachments": [{"type": "ElasticNetworkInterface", "details": [{"name": "subnetId", "value": "subnet-1"},
            {"name": "networkInterfaceId", "value": "eni-1"}]}],
        "containers": [{"name": "app", "lastStatus": "RUNNING"}, {"name": "fargard-sensor", "lastStatus": "RUNNING"}]})
}

fn sweep(tasks: usize) -> Value {
    json!({"account": "123456789012", "region": "eu-west-1", "startedAt": now() - 60,
        "clusters": [{"clusterArn": CLUSTER, "status": "ACTIVE"}], "tasks": (0..tasks).map(task).collect::<Vec<_>>()})
}

fn send(fixture: &Fixture, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer =
        fixture.post(path, token, &[("content-type", "application/json")], body.to_string().as_bytes());
    (answer.status, answer.json())
}

fn inventory_token(fixture: &Fixture) -> String {
    let (status, made) =
        send(fixture, &fixture.admin, "/api/v1/inventory-tokens", &json!({"name": "eventbridge"}));
    assert_eq!(status, 200, "{made}");
    made["token"].as_str().unwrap().to_owned()
}

fn beat(fixture: &Fixture, task: &str, sequence: u64) {
    let token = fixture.enrol_as(task, "s");
    let heartbeat = Heartbeat {
        time: Timestamp::now(),
        version: "0.1.0".into(),
        task: Task { arn: task.into(), ..Task::default() },
        ..Heartbeat::default()
    };
    let sent = batch_of("s", sequence, task, vec![Record::Heartbeat(Box::new(heartbeat))]);
    assert_eq!(fixture.deliver(&token, &sent).status, 200);
}

fn wait_for(fixture: &Fixture, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = fixture.get(path);
        if answer.status == 200 && wanted(&answer.json()) {
            return answer.json();
        }
        assert!(Instant::now() < until, "{}", answer.body);
        std::thread::yield_now();
    }
}

#[test]
fn a_cluster_is_judged_from_sweeps_events_and_heartbeats() {
    let fixture = Fixture::start();
    let token = inventory_token(&fixture);
    let (status, answer) = send(&fixture, &token, "/v1/inventory", &sweep(2));
    assert_eq!((status, answer["changed"].as_u64()), (200, Some(4)), "{answer}");
    let status = |wanted: &'static str| move |page: &Value| page["clusters"][0]["status"] == wanted;
    let page = wait_for(&fixture, "/api/v1/coverage", status("UNHEALTHY"));
    let issue = &page["clusters"][0]["issues"][0];
    assert_eq!(issue["kind"], "Agent not reporting");
    assert!(
        issue["remedy"]["command"].as_str().unwrap().starts_with("aws ecs describe-tasks --region eu-west-1")
    );
    let id = task_arn(1).rsplit('/').next().unwrap().to_owned();
    for name in [id, task_arn(1).replace('/', "%2F")] {
        let explained = fixture.get(&format!("/api/v1/coverage/tasks/{name}")).json();
        assert_eq!(explained["task"]["status"], "uncovered");
        assert_eq!(explained["cluster"]["cluster"], "prod");
    }
    let begun = Instant::now();
    beat(&fixture, &task_arn(0), 1);
    // The other stops, as an event tells.
    let mut stopped = task(1);
    stopped["version"] = json!(9);
    stopped["lastStatus"] = json!("STOPPED");
    stopped["stoppedAt"] = json!(now() - 580);
    let event = json!({"version": "0", "source": "aws.ecs", "detail-type": "ECS Task State Change",
        "time": Timestamp::now().rfc3339(), "detail": stopped});
    assert_eq!(send(&fixture, &token, "/v1/ecs-events", &event).0, 200);
    let page = wait_for(&fixture, "/api/v1/coverage", status("HEALTHY"));
    assert!(begun.elapsed() < Duration::from_secs(60), "seen within a minute of the cause");
    assert_eq!(page["clusters"][0]["covered_tasks"], 1);
    assert_eq!(page["clusters"][0]["issues"], json!([]));
    let detail = fixture.get(&format!("/api/v1/coverage/clusters/{}", CLUSTER.replace('/', "%2F"))).json();
    assert_eq!(detail["tasks"][0]["sensor"], "0.1.0");
    // A later sweep without the cluster ends it.
    let mut none = sweep(0);
    none["clusters"] = json!([]);
    none["startedAt"] = json!(now());
    assert_eq!(send(&fixture, &token, "/v1/inventory", &none).0, 200);
    wait_for(&fixture, "/api/v1/coverage", |page| page["total"] == 0);
    fixture.stop();
}

#[test]
fn inventory_is_taken_from_its_senders_only_and_bad_input_is_named() {
    let fixture = Fixture::start();
    let token = inventory_token(&fixture);
    let sensor = fixture.enrol();
    for other in [fixture.enrolment.as_str(), sensor.as_str(), "", "x"] {
        assert_eq!(send(&fixture, other, "/v1/inventory", &sweep(1)).0, 401);
        assert_eq!(send(&fixture, other, "/v1/ecs-events", &json!({})).0, 401);
    }
    assert_eq!(send(&fixture, &token, "/api/v1/access-keys", &json!({})).0, 401, "it may do nothing else");
    let mut foreign = sweep(1);
    foreign["account"] = json!("999999999999");
    for (path, body, status, part) in [
        ("/v1/inventory", json!({}), 422, "needs account"),
        ("/v1/inventory", foreign, 422, "is not an ARN of this sweep"),
        ("/v1/inventory", json!({"clusers": []}), 400, "clusers"),
        ("/v1/ecs-events", json!({}), 422, "source"),
        (
            "/v1/ecs-events",
            json!({"source": "aws.ec2", "detail-type": "x", "time": 1, "detail": {}}),
            200,
            "",
        ),
        (
            "/v1/ecs-events",
            json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": 1,
            "detail": {"taskArn": "x"}}),
            422,
            "taskArn",
        ),
    ] {
        let (got, answer) = send(&fixture, &token, path, &body);
        assert_eq!(got, status, "{answer}");
        assert!(answer.to_string().contains(part), "{answer}");
    }
    for (path, part) in [
        ("/api/v1/coverage?sort=x", "sort"),
        ("/api/v1/coverage?order=up", "order"),
        ("/api/v1/coverage?cursor=00", "cursor"),
        ("/api/v1/coverage?clusters=x", "clusters"),
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    assert_eq!(fixture.get("/api/v1/coverage/tasks/none").status, 404);
    assert_eq!(fixture.get("/api/v1/coverage/clusters/none").status, 404);
}

#[test]
fn keys_are_shown_once_and_errors_are_those_of_aws() {
    let fixture = Fixture::start();
    let (status, key) = send(
        &fixture,
        &fixture.admin,
        "/api/v1/access-keys",
        &json!({"name": "ann", "account": "123456789012", "role": "member", "read_only": true}),
    );
    assert_eq!(status, 200, "{key}");
    let secret = key["secret"].as_str().unwrap();
    let listed = fixture.get("/api/v1/access-keys");
    assert_eq!(listed.json()["keys"][0]["id"], key["id"]);
    assert!(!listed.body.contains(secret) && !listed.body.contains("secret"), "{}", listed.body);
    for file in std::fs::read_dir(fixture.data.path()).unwrap() {
        let bytes = bounded::read(&file.unwrap().path(), 64 << 20).unwrap();
        assert!(
            !bytes.windows(secret.len()).any(|some| some == secret.as_bytes()),
            "it is kept in the clear"
        );
    }
    let bad = json!({"name": "ann", "account": "1", "role": "member"});
    assert_eq!(send(&fixture, &fixture.admin, "/api/v1/access-keys", &bad).0, 422);
    let signed = |key: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261121/eu-west-1/guardduty/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=00"
        )
    };
    let (known, unknown) = (signed(key["id"].as_str().unwrap()), signed("FGKAX"));
    for (path, authorization, code) in [
        ("/detector", "", "MissingAuthenticationTokenException"),
        ("/guardduty/detector", "", "MissingAuthenticationTokenException"),
        ("/detector/x/coverage", "Bearer x", "IncompleteSignatureException"),
        ("/tags/arn%3Aaws%3Ax%2Fy", unknown.as_str(), "UnrecognizedClientException"),
        ("/detector", known.as_str(), "InvalidSignatureException"),
        ("/nothing/here", known.as_str(), "InvalidSignatureException"),
    ] {
        let mut headers = vec![("x-amz-date", "20261121T000000Z")];
        if !authorization.is_empty() {
            headers.push(("authorization", authorization));
        }
        let answer = fixture.send("GET", path, &headers, b"");
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        assert_eq!(answer.header("x-amzn-errortype"), code, "{path}");
        assert_eq!(answer.json()["__type"], code);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-amzn-requestid").is_empty());
    }
    let path = format!("/api/v1/access-keys/{}", key["id"].as_str().unwrap());
    let bearer = format!("Bearer {}", fixture.admin);
    for status in [204, 404] {
        assert_eq!(fixture.send("DELETE", &path, &[("authorization", &bearer)], b"").status, status);
    }
}

/// Has the cluster of [`TASK`] judged, with a task that is not heard and an access key; its ARN.
pub(crate) fn covered(fixture: &Fixture) -> &'static str {
    let mut swept = sweep(1);
    swept["tasks"].as_array_mut().unwrap().push(task(0));
    swept["tasks"][1]["taskArn"] = json!(TASK);
    assert_eq!(send(fixture, &fixture.admin, "/v1/inventory", &swept).0, 200);
    let key = json!({"name": "ann", "account": "123456789012", "role": "member"});
    assert_eq!(send(fixture, &fixture.admin, "/api/v1/access-keys", &key).0, 200);
    wait_for(fixture, "/api/v1/coverage", |page| page["total"] == 1);
    CLUSTER
}
