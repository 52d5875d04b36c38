//! How soon a change is seen, in simulated time: an imitated ECS, its events, sensors' heartbeats, the store, the judge.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fargard_coverage::{event, guardduty::create_detector, sweep::Sweep};
use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions, ImageBehaviour};
use fargard_model::{Batch, BatchHeader, Heartbeat, Lost, Record, Task, Timestamp, batch::FORMAT};
use fargard_store::{CoverageStore as _, SqliteStore, StateStore as _};
use serde_json::{Value, json};

use super::Judge;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";
/// Seconds between a sensor's heartbeats.
const BEAT: u64 = 10;

struct World {
    plane: ControlPlane,
    store: Arc<SqliteStore>,
    judge: Judge,
    /// Tasks whose sensors live.
    heard: BTreeSet<String>,
    sequence: u64,
    /// What was measured.
    table: Vec<(&'static str, u64)>,
}

impl World {
    fn new() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let store = Arc::new(SqliteStore::in_memory().unwrap());
        let judge = Judge::for_test(store.clone(), plane.now());
        Self { plane, store, judge, heard: BTreeSet::new(), sequence: 0, table: Vec::new() }
    }

    fn call(&self, operation: &str, input: &Value) -> Value {
        self.plane.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// A cluster of that name with a service or a task of its own.
    fn scene(&self, name: &str, agent: Option<&str>, standalone: bool) {
        let mut containers = vec![json!({"name": "app", "image": "app:1"})];
        containers.extend(
            agent.map(|image| json!({"name": "fargard-sensor-0", "image": image, "essential": false})),
        );
        self.call(
            "RegisterTaskDefinition",
            &json!({"family": name, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
                "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/x", "containerDefinitions": containers}),
        );
        self.call("CreateCluster", &json!({"clusterName": name}));
        let mut input = json!({"cluster": name, "taskDefinition": name, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
        if standalone {
            self.call("RunTask", &input);
        } else {
            input["serviceName"] = json!("web");
            input["desiredCount"] = json!(1);
            self.call("CreateService", &input);
        }
    }

    fn arn(cluster: &str) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{cluster}")
    }

    /// ARN of the newest task of a cluster.
    fn task(&self, cluster: &str) -> String {
        let arns = self.call("ListTasks", &json!({"cluster": cluster}))["taskArns"].clone();
        let tasks = self.call("DescribeTasks", &json!({"cluster": cluster, "tasks": arns}));
        let all = tasks["tasks"].as_array().unwrap().iter();
        let newest = all.max_by_key(|task| (task["createdAt"].as_f64().unwrap() * 1000.0) as u64).unwrap();
        newest["taskArn"].as_str().unwrap().to_owned()
    }

    /// What ECS would list of an account now.
    async fn sweep(&self, more: Value) {
        let mut sweep = json!({"account": ACCOUNT, "region": REGION, "partial": true,
            "startedAt": self.plane.now().seconds()});
        for (name, value) in more.as_object().unwrap() {
            sweep[name] = value.clone();
        }
        let sweep: Sweep = serde_json::from_value(sweep).unwrap();
        self.store.merge(&sweep.items().unwrap()).await.unwrap();
    }

    async fn detector(&self, features: Value) {
        let body = json!({"enable": true, "features": features}).to_string();
        if let Some(old) = self.store.detector_of(ACCOUNT, REGION).await.unwrap() {
            self.store.remove_detector(&old.id).await.unwrap();
        }
        let detector =
            create_detector(body.as_bytes(), "d".to_owned(), ACCOUNT, REGION, self.plane.now()).unwrap();
        assert!(self.store.add_detector(&detector).await.unwrap());
        self.store.judge_again(None).await.unwrap();
    }

    /// A second passes.
    async fn tick(&mut self) {
        self.plane.advance(Duration::from_secs(1));
        let now = self.plane.now();
        if now.seconds().is_multiple_of(BEAT) {
            for task in self.heard.clone() {
                self.beat(&task, now).await;
            }
        }
        for event in self.plane.take_events() {
            let items = event::items(event.to_string().as_bytes()).unwrap();
            self.store.merge(&items).await.unwrap();
        }
        self.judge.round(now).await.unwrap();
    }

    async fn beat(&mut self, task: &str, time: Timestamp) {
        self.sequence += 1;
        let named = Task { arn: task.to_owned(), ..Task::default() };
        let beat = Heartbeat { time, version: "0.1.0".to_owned(), task: named, ..Heartbeat::default() };
        let header = BatchHeader {
            format: FORMAT,
            producer: format!("s-{task}"),
            sequence: self.sequence,
            task_arn: task.to_owned(),
            lost: Lost::default(),
        };
        self.store.apply(&Batch { header, records: vec![Record::Heartbeat(Box::new(beat))] }).await.unwrap();
    }

    async fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.tick().await;
        }
    }

    /// First issue of a cluster, empty where it is healthy; `None` without a record.
    async fn issue(&self, cluster: &str) -> Option<String> {
        let row = self.store.coverage_row(&Self::arn(cluster)).await.unwrap()?;
        Some(row.issues.first().map(|issue| issue.text()).unwrap_or_default())
    }

    /// Seconds from now until a cluster's first issue begins so (or it has none), which must be less than a minute.
    async fn measure(&mut self, what: &'static str, cluster: &str, begins: &str) {
        for seconds in 0..60 {
            let issue = self.issue(cluster).await;
            let is_it = issue
                .as_ref()
                .is_some_and(|text| text.starts_with(begins) && begins.is_empty() == text.is_empty());
            if is_it {
                self.table.push((what, seconds));
                return;
            }
            self.tick().await;
        }
        panic!("{what}: {:?} after a minute", self.issue(cluster).await);
    }
}

const NOT_REPORTING: &str = "Agent not reporting : Agent not reporting";

async fn heartbeats(world: &mut World) {
    for name in ["heard", "exits"] {
        world.scene(name, Some(if name == "exits" { "agent:exits" } else { "agent:1" }), false);
    }
    let after = Duration::from_secs(400);
    world.plane.set_image("agent:exits", ImageBehaviour::Exits { after, code: 2 });
    world.pass(200).await;
    assert!(world.issue("heard").await.unwrap().starts_with(NOT_REPORTING));
    for name in ["heard", "exits"] {
        let task = world.task(name);
        world.heard.insert(task);
    }
    world.measure("a sensor's heartbeats begin", "heard", "").await;
    let task = world.task("heard");
    world.pass(60).await;
    world.heard.remove(&task);
    world.measure("a sensor is killed; ECS says nothing", "heard", NOT_REPORTING).await;
    // Its agent's container ends, and with it the heartbeats.
    let exits = world.task("exits");
    loop {
        let described = world.call("DescribeTasks", &json!({"cluster": "exits", "tasks": [exits]}));
        let containers = described["tasks"][0]["containers"].as_array().unwrap().clone();
        if containers.iter().any(|container| container["exitCode"] == 2) {
            break;
        }
        world.tick().await;
    }
    world.heard.remove(&exits);
    world.measure("an agent's container exits", "exits", "Agent exited : ExitCode: 2").await;
}

async fn tasks(world: &mut World) {
    world.scene("bare", None, false);
    // ECS starts a service's tasks a moment later. The grace of 120 s begins when they run.
    world.pass(5).await;
    let started = loop {
        world.tick().await;
        let task = world.task("bare");
        let described = world.call("DescribeTasks", &json!({"cluster": "bare", "tasks": [task]}));
        if let Some(at) = described["tasks"][0]["startedAt"].as_f64() {
            break at as u64;
        }
    };
    while world.plane.now().seconds() < started + 120 {
        assert_eq!(world.issue("bare").await.as_deref(), Some(""), "it is young");
        world.tick().await;
    }
    world
        .measure(
            "a task without a sensor is no longer young",
            "bare",
            "Agent not provisioned : Service requires",
        )
        .await;
    world.plane.set_image("agent:none", ImageBehaviour::CannotPull("not found".to_owned()));
    world.scene("unpullable", Some("agent:none"), true);
    world.pass(15).await;
    let pulling = "Agent exited : Reason: CannotPullContainerError";
    world.measure("a task ends because its agent's image cannot be pulled", "unpullable", pulling).await;
    world.call("CreateCluster", &json!({"clusterName": "ec2"}));
    let _ = world.plane.add_container_instance("ec2");
    for seconds in 0..60 {
        let row = world.store.coverage_row(&World::arn("ec2")).await.unwrap();
        if row.is_some_and(|row| row.compatible_instances == 1 && row.status.name() == "UNHEALTHY") {
            world.table.push(("an EC2 instance without a sensor registers", seconds));
            return;
        }
        world.tick().await;
    }
    panic!("an EC2 instance is not seen");
}

async fn switches(world: &mut World) {
    world.scene("old", Some("agent:1"), false);
    world.scene("old-alone", Some("agent:1"), true);
    world.pass(200).await;
    let vpc = json!({"vpcId": "vpc-1", "subnets": ["subnet-1"], "enableDnsSupport": true, "enableDnsHostnames": false});
    world.sweep(json!({"vpcs": [vpc]})).await;
    world
        .measure("a sweep tells of a VPC without DNS host names", "old", "VPC Endpoint Creation Failed")
        .await;
    let vpc = json!({"vpcId": "vpc-1", "subnets": ["subnet-1"], "reachesServer": false,
        "enableDnsSupport": true, "enableDnsHostnames": true});
    world.sweep(json!({"vpcs": [vpc]})).await;
    world.measure("a sweep tells of a VPC without a way out", "old", "Agent not reporting : VPC_ISSUE").await;
    let tags = json!([{"key": "FargardManaged", "value": "false"}]);
    let cluster = json!({"clusterArn": World::arn("old-alone"), "status": "ACTIVE", "tags": tags});
    let tasks =
        world.call("DescribeTasks", &json!({"cluster": "old-alone", "tasks": [world.task("old-alone")]}));
    world.sweep(json!({"clusters": [cluster], "tasks": tasks["tasks"]})).await;
    let excluded = "Agent not provisioned : Tasks started when clusters had exclusion tag";
    world.measure("a sweep tells of an exclusion tag", "old-alone", excluded).await;
    // Monitoring, younger than these tasks; then automation, younger than tasks that monitoring is older than.
    let monitoring = json!({"name": "RUNTIME_MONITORING", "status": "ENABLED"});
    world.detector(json!([monitoring])).await;
    world.scene("newer-alone", Some("agent:1"), true);
    world.scene("older", Some("agent:1"), false);
    world.pass(200).await;
    let mut detector = world.store.detector_of(ACCOUNT, REGION).await.unwrap().unwrap();
    let with = json!({"features": [{"name": "RUNTIME_MONITORING", "status": "ENABLED",
        "additionalConfiguration": [{"name": "ECS_FARGATE_AGENT_MANAGEMENT", "status": "ENABLED"}]}]});
    detector = fargard_coverage::guardduty::update_detector(
        detector,
        with.to_string().as_bytes(),
        world.plane.now(),
    )
    .unwrap();
    assert!(world.store.set_detector(&detector).await.unwrap());
    world.store.judge_again(None).await.unwrap();
    let before = "Agent not provisioned : Tasks started before enabling Automated Agent Configuration";
    world.measure("automation is switched on: a task that is older", "newer-alone", before).await;
    let before = "Agent not provisioned : Services deployed before enabling Automated Agent Configuration";
    world.measure("automation is switched on: a service that is older", "older", before).await;
    let before = "Agent not provisioned : Service requires a new deployment";
    world.measure("automation is switched on: a service older than monitoring", "old", before).await;
}

#[tokio::test]
async fn changes_are_seen_within_a_minute_of_their_cause() {
    let mut world = World::new();
    heartbeats(&mut world).await;
    tasks(&mut world).await;
    switches(&mut world).await;
    for (what, seconds) in &world.table {
        println!("{seconds:>3} s  {what}");
    }
    assert_eq!(world.table.len(), 12);
}

#[tokio::test]
async fn flapping_is_not_told_and_what_lasts_is_told_once() {
    let mut world = World::new();
    world.scene("web", Some("agent:1"), false);
    world.pass(100).await;
    let task = world.task("web");
    world.heard.insert(task.clone());
    world.pass(60).await;
    let told = |world: &World| {
        let (store, now) = (world.store.clone(), world.plane.now());
        async move {
            let mut told = Vec::new();
            while let Some(notice) = store.take_notice("test", now, now).await.unwrap() {
                let event: Value = serde_json::from_str(&notice.body).unwrap();
                told.push(event["detail"]["currentStatus"].as_str().unwrap().to_owned());
                store.notice_told(notice.number).await.unwrap();
            }
            told
        }
    };
    assert_eq!(told(&world).await, Vec::<String>::new());
    // Silent for 55 s at a time: the API shows it, nobody is woken.
    for _ in 0..3 {
        world.heard.remove(&task);
        world.measure("silent", "web", NOT_REPORTING).await;
        world.heard.insert(task.clone());
        world.measure("heard", "web", "").await;
        world.pass(30).await;
    }
    assert_eq!(told(&world).await, Vec::<String>::new());
    world.heard.remove(&task);
    world.pass(90).await;
    assert_eq!(told(&world).await, ["Unhealthy"]);
    world.pass(90).await;
    world.heard.insert(task);
    world.pass(60).await;
    assert_eq!(told(&world).await, ["Healthy"]);
}

#[tokio::test]
async fn a_server_that_was_away_takes_nobody_for_silent() {
    let mut world = World::new();
    world.scene("web", Some("agent:1"), false);
    world.pass(30).await;
    let task = world.task("web");
    world.heard.insert(task.clone());
    world.pass(200).await;
    assert_eq!(world.issue("web").await.as_deref(), Some(""));
    // The server is away for ten minutes; nothing is folded meanwhile.
    world.plane.advance(Duration::from_secs(600));
    world.judge = Judge::for_test(world.store.clone(), world.plane.now());
    let heard = std::mem::take(&mut world.heard);
    world.pass(30).await;
    assert_eq!(world.issue("web").await.as_deref(), Some(""), "sensors have not been heard again yet");
    world.heard = heard;
    world.pass(60).await;
    assert_eq!(world.issue("web").await.as_deref(), Some(""));
    // Who stays away is silent.
    world.plane.advance(Duration::from_secs(600));
    world.judge = Judge::for_test(world.store.clone(), world.plane.now());
    world.heard.clear();
    world.measure("away, and silent since", "web", NOT_REPORTING).await;
}
