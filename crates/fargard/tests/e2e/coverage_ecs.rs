//! Each scenario on an imitation of ECS, told to a real server by events and a sweep.

use std::time::{Duration, Instant};

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions, ImageBehaviour};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use crate::{
    server::{Place, Tokens, agent, beat},
    support::{DEADLINE, fargard},
};

/// How long the imitation's tasks have run when the server is told.
pub(crate) const RUN: Duration = Duration::from_secs(900);
const ACCOUNT: &str = "123456789012";

pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) place: Place,
    pub(crate) tokens: Tokens,
}

impl Stage {
    pub(crate) fn call(&self, operation: &str, input: &Value) -> Value {
        self.plane.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// A cluster of that name with one task of a definition of that name.
    pub(crate) fn scene(
        &self,
        name: &str,
        definition: &Value,
        standalone: bool,
        tags: &Value,
        start: &Value,
    ) {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/execution");
        let mut whole = json!({"family": name, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "executionRoleArn": role});
        merge(&mut whole, definition);
        if whole["executionRoleArn"].is_null() {
            whole.as_object_mut().unwrap().remove("executionRoleArn");
        }
        self.call("RegisterTaskDefinition", &whole);
        self.call("CreateCluster", &json!({"clusterName": name, "tags": tags}));
        let mut wanted = json!({"cluster": name, "taskDefinition": name, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
        merge(&mut wanted, start);
        if standalone {
            self.call("RunTask", &wanted);
        } else {
            wanted["serviceName"] = json!("web");
            wanted["desiredCount"] = json!(1);
            self.call("CreateService", &wanted);
        }
    }

    fn post(&self, path: &str, token: &str, body: &str) -> Value {
        let mut answer = ureq::post(format!("{}{path}", self.place.url()))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .send(body)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn fargard(&self, args: &[&str]) -> std::process::Output {
        fargard()
            .args(args)
            .env("FARGARD_SERVER", self.place.url())
            .env("FARGARD_TOKEN", &self.tokens.admin)
            .env("AWS_ENDPOINT_URL_ECS", self.plane.url())
            .env("AWS_ACCESS_KEY_ID", "a")
            .env("AWS_SECRET_ACCESS_KEY", "b")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .output()
            .unwrap()
    }

    pub(crate) fn tell_events(&self) -> usize {
        let events = self.plane.take_events();
        for event in &events {
            self.post("/v1/ecs-events", &self.tokens.admin, &event.to_string());
        }
        events.len()
    }

    pub(crate) fn listed(&self) -> Vec<Value> {
        let listed = self.fargard(&["coverage", "list"]);
        serde_json::from_slice(&listed.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&listed.stderr)))
    }

    /// Waits until the first issue of each cluster, empty for none, is this one.
    pub(crate) fn wait_for(&self, wanted: &[(&str, &str)]) {
        let until = Instant::now() + DEADLINE;
        loop {
            let clusters = self.listed();
            let text = |name: &str| {
                let cluster = clusters.iter().find(|cluster| cluster["cluster"] == name)?;
                Some(cluster["issues"][0]["text"].as_str().unwrap_or_default().to_owned())
            };
            let wrong: Vec<String> = wanted
                .iter()
                .map(|(name, part)| (name, part, text(name)))
                .filter(|(_, part, text)| match text {
                    Some(text) => !text.contains(**part) || part.is_empty() != text.is_empty(),
                    None => true,
                })
                .map(|(name, part, text)| format!("{name}: {text:?}, not {part:?}"))
                .collect();
            if wrong.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "{wrong:#?}");
        }
    }

    fn beat(&self, task: &str) {
        beat(&agent(), &self.place.url(), &self.tokens.enrolment, task);
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

pub(crate) fn containers(agent: Option<&str>) -> Value {
    let mut all = vec![json!({"name": "app", "image": "app:1"})];
    all.extend(agent.map(|image| json!({"name": "fargard-sensor", "image": image, "essential": false})));
    json!({"containerDefinitions": all})
}

/// Cluster, and what the server must come to say of it.
const EXPECTED: [(&str, &str); 9] = [
    ("silent", "Agent not reporting : Agent not reporting, for task(s) in TaskDefinition - 'silent:1'"),
    ("exits", "Agent exited : ExitCode: 2, for task(s) in TaskDefinition - 'exits:1'"),
    ("unembedded", "Agent not provisioned : Service requires a new deployment"),
    ("alone", "Others : Unidentified issue, for task(s) in TaskDefinition - 'alone:1'"),
    ("roleless", "Agent not provisioned : TaskExecutionRole missing from TaskDefinition - 'roleless:1'"),
    ("excluded", "Agent not provisioned : Services deployed when clusters had exclusion tag"),
    ("excluded-alone", "Agent not provisioned : Tasks started when clusters had exclusion tag"),
    ("old-platform", "Agent not provisioned : Unsupported platform '1.3.0'"),
    ("AWSBatch-queue", "Agent not provisioned : Unsupported invocation by `AWSBatch`"),
];

#[test]
fn scenarios_of_ecs_end_in_their_issues() {
    let place = Place::new();
    let (_running, tokens) = place.first_start();
    let before = Timestamp(Timestamp::now().0 - u64::try_from(RUN.as_nanos()).unwrap());
    let plane =
        ControlPlane::start(ControlPlaneOptions { now: before, ..ControlPlaneOptions::default() }).unwrap();
    let stage = Stage { plane, place, tokens };
    stage.plane.set_image("agent:exits", ImageBehaviour::Exits { after: Duration::from_secs(5), code: 2 });
    let (none, tagged) = (json!([]), json!([{"key": "GuardDutyManaged", "value": "false"}]));
    let (agent, bare, usual) = (containers(Some("agent:1")), containers(None), json!({}));
    let mut roleless = agent.clone();
    roleless["executionRoleArn"] = Value::Null;
    stage.scene("silent", &agent, false, &none, &usual);
    stage.scene("exits", &containers(Some("agent:exits")), false, &none, &usual);
    stage.scene("unembedded", &bare, false, &none, &usual);
    stage.scene("alone", &bare, true, &none, &usual);
    stage.scene("roleless", &roleless, false, &none, &usual);
    stage.scene("excluded", &agent, false, &tagged, &usual);
    stage.scene("excluded-alone", &agent, true, &tagged, &usual);
    stage.scene("old-platform", &agent, false, &none, &json!({"platformVersion": "1.3.0"}));
    stage.scene("AWSBatch-queue", &bare, true, &none, &usual);
    stage.plane.advance(RUN);
    // Events alone tell of clusters and tasks, but not of tags and definitions.
    assert!(stage.tell_events() > EXPECTED.len());
    stage.wait_for(&[EXPECTED[0], EXPECTED[1], EXPECTED[2], EXPECTED[3], EXPECTED[7]]);
    let swept = stage.fargard(&["coverage", "sweep"]);
    let said = String::from_utf8_lossy(&swept.stdout);
    assert!(
        said.starts_with("9 clusters, 6 services, 9 tasks;"),
        "{said}{}",
        String::from_utf8_lossy(&swept.stderr)
    );
    stage.wait_for(&EXPECTED);
    // What is heard is covered, even where it was not expected.
    let task = stage.call("ListTasks", &json!({"cluster": "silent"}))["taskArns"][0].clone();
    let begun = Instant::now();
    stage.beat(task.as_str().unwrap());
    stage.wait_for(&[("silent", "")]);
    println!("seen {:.1} s after the heartbeat", begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(60));
    // A deleted cluster is gone with the next sweep.
    stage.call("UpdateService", &json!({"cluster": "exits", "service": "web", "desiredCount": 0}));
    stage.plane.advance(Duration::from_secs(120));
    stage.call("DeleteService", &json!({"cluster": "exits", "service": "web", "force": true}));
    stage.plane.advance(Duration::from_secs(60));
    stage.call("DeleteCluster", &json!({"cluster": "exits"}));
    assert!(stage.fargard(&["coverage", "sweep"]).status.success());
    let until = Instant::now() + DEADLINE;
    while stage.listed().iter().any(|cluster| cluster["cluster"] == "exits") {
        assert!(Instant::now() < until, "a deleted cluster stays");
    }
}
