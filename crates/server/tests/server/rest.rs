//! The REST interface: its document, filters, pages, exports, the live stream.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
};

use crate::support::{Fixture, TASK, agent, batch, detection};
use fargard_model::{Heartbeat, Record, Task};
use jsonschema::Validator;
use serde_json::{Value, json};

pub(crate) fn document(fixture: &Fixture) -> Value {
    fixture.send("GET", "/api/v1/openapi.json", &[], b"").json()
}

/// The schema of a JSON answer.
pub(crate) fn schema(document: &Value, method: &str, path: &str, status: &str) -> Validator {
    let escaped = path.replace('/', "~1");
    let pointer = format!("/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema");
    assert!(document.pointer(&pointer).is_some(), "{pointer} is not in the document");
    let mut root = document.clone();
    root["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    jsonschema::validator_for(&root).unwrap()
}

fn filled() -> (Fixture, String) {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let task = Task { arn: TASK.into(), cluster: "prod".into(), family: "web".into(), ..Task::default() };
    let heartbeat = Heartbeat { task, version: "1".into(), events: 5, ..Heartbeat::default() };
    let mut records = vec![Record::Heartbeat(Box::new(heartbeat))];
    records.extend(
        (1..=7).map(|number| detection(number, &format!("/tmp/x{number}"), "=1+1 \"quoted\", \n<b>")),
    );
    assert_eq!(fixture.deliver(&token, &batch(1, records)).status, 200);
    fixture.wait_for(7);
    (fixture, token)
}

#[test]
fn answers_are_what_the_document_says() {
    let (fixture, _) = filled();
    let document = document(&fixture);
    let id = fixture.wait_for(7)[0].id.clone();
    let arn = TASK.replace('/', "%2F");
    let cluster = super::coverage::covered(&fixture).replace('/', "%2F");
    for (route, path) in [
        ("/healthz", "/healthz".to_owned()),
        ("/api/v1/overview", "/api/v1/overview".into()),
        ("/api/v1/findings", "/api/v1/findings".into()),
        ("/api/v1/findings/{id}", format!("/api/v1/findings/{id}")),
        ("/api/v1/findings/{id}/detections", format!("/api/v1/findings/{id}/detections")),
        ("/api/v1/facets", "/api/v1/facets?state=open".into()),
        ("/api/v1/tasks", "/api/v1/tasks".into()),
        ("/api/v1/tasks/{arn}", format!("/api/v1/tasks/{arn}")),
        ("/api/v1/events", format!("/api/v1/events?task={TASK}")),
        ("/api/v1/rules", "/api/v1/rules".into()),
        ("/api/v1/coverage", "/api/v1/coverage".into()),
        ("/api/v1/coverage/statistics", "/api/v1/coverage/statistics?status=HEALTHY".into()),
        ("/api/v1/coverage/clusters/{arn}", format!("/api/v1/coverage/clusters/{cluster}")),
        ("/api/v1/coverage/tasks/{task}", format!("/api/v1/coverage/tasks/{arn}")),
        ("/api/v1/access-keys", "/api/v1/access-keys".into()),
    ] {
        let answer = fixture.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let value = answer.json();
        let validator = schema(&document, "get", route, "200");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}\n{value:#}");
    }
    let changed = fixture.post(
        &format!("/api/v1/findings/{id}/state"),
        &fixture.admin,
        &[("content-type", "application/json")],
        br#"{"state":"acknowledged","note":"mine"}"#,
    );
    assert!(
        schema(&document, "post", "/api/v1/findings/{id}/state", "200").is_valid(&changed.json()),
        "{}",
        changed.body
    );
    let detail = fixture.get(&format!("/api/v1/findings/{id}")).json();
    assert_eq!(detail["history"][0]["who"], "tester");
    assert_eq!(detail["history"][0]["note"], "mine");
    assert_eq!(detail["detections"][0]["event"]["process"]["parent"]["name"], "sh");
    for (path, status) in [
        ("/api/v1/findings/none", "404"),
        ("/api/v1/tasks/none", "404"),
        ("/api/v1/findings?limit=0", "400"),
        ("/api/v1/findings?cursor=none", "400"),
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status.to_string(), status, "{path}: {}", answer.body);
        assert!(schema(&document, "get", "/api/v1/findings/{id}", "404").is_valid(&answer.json()));
    }
    fixture.stop();
}

#[test]
fn the_document_itself_is_sound() {
    let fixture = Fixture::start();
    let document = document(&fixture);
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    let names: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    let used: BTreeSet<&str> =
        text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names, used, "schemas that are missing or not used");
}

#[test]
fn unknown_and_bad_parameters_are_named() {
    let fixture = Fixture::start();
    for (path, part) in [
        ("/api/v1/findings?sate=open", "\"sate\""),
        ("/api/v1/findings?state=opened", "\"opened\""),
        ("/api/v1/findings?format=xml", "\"xml\""),
        ("/api/v1/tasks?state=open", "\"state\""),
        ("/api/v1/overview?x=1", "\"x\""),
        ("/api/v1/rules?x=1", "\"x\""),
        ("/api/v1/stream?x=1", "\"x\""),
        ("/api/v1/events", "\"task\""),
        ("/api/v1/events?task=t&since=1h", "\"since\""),
        ("/api/v1/findings?text=%00", "NUL"),
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert!(answer.body.contains(&part.replace('"', "\\\"")), "{path}: {}", answer.body);
    }
}

#[test]
fn pages_cover_everything_once() {
    let (fixture, _) = filled();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = fixture.get(&format!("/api/v1/findings?limit=3{cursor}")).json();
        assert_eq!(page["total"], 7);
        seen.extend(
            page["findings"].as_array().unwrap().iter().map(|finding| finding["id"].clone().to_string()),
        );
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
    let some = fixture
        .get("/api/v1/findings?cluster=prod&cluster=other&priority=critical&tag=T1059&text=QUOTED")
        .json();
    assert_eq!(some["total"], 7);
    assert_eq!(fixture.get("/api/v1/findings?cluster=other").json()["total"], 0);
}

#[test]
fn exports_hold_every_row_and_no_formula() {
    let (fixture, _) = filled();
    let answer = fixture.get("/api/v1/findings?format=csv");
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert!(answer.body.starts_with("\"id\",\"kind\",\"title\""));
    assert_eq!(answer.body.matches("\"'=1+1 \"\"quoted\"\", \n<b>\"").count(), 7, "{}", answer.body);
    assert_eq!(fixture.get("/api/v1/findings?format=csv&limit=2").body.matches("'=1+1").count(), 2);
    let tasks = fixture.get("/api/v1/tasks?format=csv").body;
    assert!(tasks.contains(&format!("\"{TASK}\",\"prod\",\"web\"")), "{tasks}");
}

#[test]
fn the_stream_tells_what_changes_and_ends_with_the_server() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    let listen = |last: Option<&str>| {
        let mut request = agent()
            .get(format!("{}/api/v1/stream", fixture.url))
            .header("authorization", format!("Bearer {}", fixture.admin));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        BufReader::new(request.call().unwrap().into_body().into_reader()).lines()
    };
    let mut stream = listen(None);
    fixture.deliver(&token, &batch(1, vec![detection(1, "/tmp/x", "out")]));
    let mut event = || {
        let lines: Vec<String> =
            stream.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let field = |name: &str| {
            lines
                .iter()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_else(|| panic!("no {name} in {lines:?}"))
                .trim()
                .to_owned()
        };
        (field("event:"), field("id:"), serde_json::from_str::<Value>(&field("data:")).unwrap())
    };
    let (name, first_id, data) = event();
    let id = fixture.wait_for(1)[0].id.clone();
    assert_eq!((name.as_str(), data), ("finding", json!({"kind": "finding", "id": id})));
    let (name, last_id, data) = event();
    assert_eq!((name.as_str(), data), ("task", json!({"kind": "task", "arn": TASK})));
    let mut behind = listen(Some(&first_id));
    let first: String = behind.next().unwrap().unwrap();
    assert_eq!(first, "event: resync", "who missed an update is told so");
    let mut current = listen(Some(&last_id));
    fixture.deliver(&token, &batch(2, vec![detection(2, "/tmp/x", "out")]));
    assert_eq!(current.next().unwrap().unwrap(), "event: finding", "who missed nothing is not");
    assert!(fixture.get("/metrics").body.contains("fargard_listeners 3"));
    fixture.stop();
    assert!(stream.all(|line| line.is_ok()), "the stream ends in order");
}
