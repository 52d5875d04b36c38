//! Compliance over REST: results of sensors and scans under a policy that changes.

use fargard_model::{CheckResult, CheckStatus, Container, Priority, Record, Task, Timestamp};
use serde_json::{Value, json};

use crate::{
    rest::{document, schema},
    support::{Answer, Fixture, TASK, batch},
};

fn result(check: u32, status: CheckStatus, task: Task, image: &str) -> CheckResult {
    CheckResult {
        id: format!("p-check-{check}"),
        time: Timestamp::now(),
        check,
        title: "Image contains binaries used for crypto mining".into(),
        severity: Priority::Critical,
        status,
        cause: "Found: /tmp/xmrig (named as a miner)".into(),
        subjects: vec!["/tmp/xmrig".into()],
        found: vec![],
        tags: vec!["PCI_DSS_5.2".into(), "NIST_800-190_3.1.3".into()],
        task,
        container: Container { name: "app".into(), image: image.into(), ..Container::default() },
    }
}

fn task() -> Task {
    Task {
        arn: TASK.into(),
        account: "123456789012".into(),
        cluster: "prod".into(),
        family: "fargate-vulnerability-compliance-task".into(),
        launch_type: "FARGATE".into(),
        ..Task::default()
    }
}

fn filled() -> Fixture {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let record = |check, status| Record::CheckResult(Box::new(result(check, status, task(), "ubuntu:18.04")));
    let records = vec![record(426, CheckStatus::Failed), record(425, CheckStatus::Passed)];
    assert_eq!(fixture.deliver(&token, &batch(1, records)).status, 200);
    fixture.wait_for(1);
    fixture
}

fn put(fixture: &Fixture, revision: u64, policy: &Value) -> Answer {
    let body = json!({"revision": revision, "policy": policy}).to_string();
    let admin = format!("Bearer {}", fixture.admin);
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    fixture.send("PUT", "/api/v1/compliance/policy", &headers, body.as_bytes())
}

fn policy(effect: &str) -> Value {
    json!({
        "collections": [{"name": "mine", "hosts": ["fargate-vulnerability-*"]}],
        "rules": [{"name": "miners", "collections": ["mine"], "checks": {"426": effect}}],
    })
}

#[track_caller]
fn is_as_described(fixture: &Fixture, method: &str, route: &str, answer: &Answer) {
    let validator = schema(&document(fixture), method, route, &answer.status.to_string());
    let value = answer.json();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{route}: {errors:#?}\n{value:#}");
}

#[test]
fn answers_are_what_the_document_says() {
    let fixture = filled();
    let kept = put(&fixture, 0, &policy("fail"));
    is_as_described(&fixture, "put", "/api/v1/compliance/policy", &kept);
    let id = fixture.get("/api/v1/compliance/images").json()["images"][0]["id"].as_str().unwrap().to_owned();
    for (route, path) in [
        ("/api/v1/compliance/images", "/api/v1/compliance/images".to_owned()),
        ("/api/v1/compliance/images/{id}", format!("/api/v1/compliance/images/{id}")),
        ("/api/v1/compliance/images/{id}", "/api/v1/compliance/images/none".into()),
        ("/api/v1/compliance/standards", "/api/v1/compliance/standards".into()),
        ("/api/v1/compliance/policy", "/api/v1/compliance/policy".into()),
        ("/api/v1/compliance/policy/history", "/api/v1/compliance/policy/history".into()),
        ("/api/v1/compliance/images", "/api/v1/compliance/images?status=bad".into()),
        ("/api/v1/compliance/standards", "/api/v1/compliance/standards?x=1".into()),
    ] {
        is_as_described(&fixture, "get", route, &fixture.get(&path));
    }
}

#[test]
fn a_policy_counts_at_once_for_what_is_stored() {
    let fixture = filled();
    let images =
        |query: &str| fixture.get(&format!("/api/v1/compliance/images?{query}")).json()["images"].clone();
    let one = &images("app_embedded=true&check=426&status=alerted")[0];
    assert_eq!((&one["host"], &one["alerted"]), (&json!("0123456789abcdef"), &json!([426])));
    assert_eq!(one["passed"], json!([425]));

    assert_eq!(put(&fixture, 0, &policy("ignore")).status, 200);
    assert_eq!(images("status=alerted"), json!([]));
    assert_eq!(images("rule=miners&collection=mine")[0]["ignored"], json!([426]));
    let answer = put(&fixture, 0, &policy("alert"));
    assert_eq!((answer.status, answer.code().as_str()), (409, "revision_conflict"));
    assert_eq!(put(&fixture, 1, &policy("alert")).json()["who"], "tester");
    let standards = fixture.get("/api/v1/compliance/standards").json();
    assert_eq!((&standards["targets"], &standards["alerted"]), (&json!(1), &json!(1)));
    let pci = &standards["standards"][0];
    assert_eq!((&pci["name"], pci["failed"].as_u64() > Some(0)), (&json!("pci_dss"), true), "{pci}");
    let csv = fixture.get("/api/v1/compliance/standards?format=csv").body;
    assert!(csv.contains("\"PCI DSS\",\"5.2\",\"failed\",\"0\",\"1\",\"0\",\"0\",\"426\""), "{csv}");
    let csv = fixture.get("/api/v1/compliance/images?format=csv").body;
    assert!(
        csv.contains("\"ubuntu:18.04\",\"\",\"0123456789abcdef\"") && csv.contains("\"alerted\",\"426\""),
        "{csv}"
    );
}

#[test]
fn a_policy_that_cannot_be_used_is_refused_with_the_reason() {
    let fixture = filled();
    let answer = put(&fixture, 0, &policy("block"));
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_policy"));
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    let said = "rules[0].checks.426: block is refused: the rule's scope contains Fargate tasks (collection \"mine\" with \
                hosts fargate-vulnerability-*), and the block action doesn't apply to Fargate tasks";
    assert!(message.starts_with(said), "{message}");
    is_as_described(&fixture, "put", "/api/v1/compliance/policy", &answer);
    let answer = put(&fixture, 0, &json!({"rules": [{"name": "x", "cheks": {}}]}));
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad_json"));
    assert!(answer.body.contains("cheks"), "{}", answer.body);
    let long = "x".repeat(200);
    let collections: Vec<Value> =
        (0..1_000).map(|number| json!({"name": format!("{long}{number}")[3..], "hosts": [long]})).collect();
    let answer = put(&fixture, 0, &json!({"collections": collections}));
    assert_eq!(answer.status, 200, "a policy of a thousand collections is none too large: {}", answer.body);
    assert_eq!(fixture.get("/api/v1/compliance/policy").json()["revision"], 1);
}

#[test]
fn results_of_scans_are_kept_by_image_and_those_of_tasks_refused() {
    let fixture = Fixture::start();
    let send = |results: &[CheckResult]| {
        let body = json!({"results": results}).to_string();
        let headers = [("content-type", "application/json")];
        fixture.post("/api/v1/compliance/results", &fixture.admin, &headers, body.as_bytes())
    };
    let answer = send(&[result(426, CheckStatus::Failed, Task::default(), "app:1")]);
    is_as_described(&fixture, "post", "/api/v1/compliance/results", &answer);
    let images = |stage: &str| {
        let page = fixture.get(&format!("/api/v1/compliance/images?stage={stage}")).json();
        page["images"].as_array().unwrap().len()
    };
    assert_eq!((images("ci"), images("deployed"), images("any")), (1, 0, 1));
    let answer = send(&[result(426, CheckStatus::Passed, task(), "app:1")]);
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_results"));
    assert_eq!(send(&vec![result(1, CheckStatus::Passed, Task::default(), "a"); 1_001]).status, 422);
}
