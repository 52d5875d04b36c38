//! ECS's events through moto's EventBridge and SQS into the server and to the agent, and changes of coverage out again.

use std::time::{Duration, Instant};

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use crate::{
    moto::{ACCOUNT, Moto},
    server::{Place, agent, get, get_until, stop},
    support::{DEADLINE, Running, fargard},
};

/// A cluster `main` with a service of two tasks, fifteen minutes ago.
fn plane() -> ControlPlane {
    let before = Timestamp(Timestamp::now().0 - 900_000_000_000);
    let plane =
        ControlPlane::start(ControlPlaneOptions { now: before, ..ControlPlaneOptions::default() }).unwrap();
    let call = |operation: &str, input: Value| plane.call(operation, &input).unwrap();
    call("CreateCluster", json!({"clusterName": "main"}));
    let definition = json!({
        "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/x",
        "containerDefinitions": [{"name": "app", "image": "app:1", "entryPoint": ["/app"]}],
    });
    call("RegisterTaskDefinition", definition.clone());
    call("RegisterTaskDefinition", definition);
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    call(
        "CreateService",
        json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": network}),
    );
    plane.advance(Duration::from_secs(900));
    plane
}

#[test]
fn events_come_in_by_a_queue_and_changes_go_out_by_a_bus() {
    let Some(moto) = Moto::start() else { return };
    let attributes = json!({"VisibilityTimeout": "5"});
    let events = moto.queue_of("aws.ecs", "ecs-events", &attributes);
    let changes = moto.queue_of("fargard.guardduty", "changes", &json!({}));
    let place = Place::new();
    let mut settings: Vec<(&str, String)> = moto.environment().to_vec();
    settings.extend([
        ("FARGARD_ECS_QUEUE", events.clone()),
        ("FARGARD_NOTIFY_EVENT_BUS", "default".to_owned()),
        ("FARGARD_NOTIFY_HOLD", "1".to_owned()),
    ]);
    // What cannot be read must not hold up the rest.
    moto.call("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": events, "MessageBody": "no event"}));
    let (running, tokens) = place.first_start_with(&settings);
    let (agent, url) = (agent(), place.url());
    // The newest first, and everything twice: the version decides.
    let told = plane().take_events();
    for event in told.iter().rev().chain(&told) {
        moto.put_event(event);
    }
    let sent = Instant::now();
    let page = get_until(&agent, &url, &tokens.admin, "/api/v1/coverage", |page| {
        page["clusters"][0]["uncovered_tasks"] == 2 && page["clusters"][0]["status"] == "UNHEALTHY"
    });
    println!("{} events seen {:.1} s after the last was put", 2 * told.len(), sent.elapsed().as_secs_f64());
    assert_eq!((&page["total"], &page["clusters"][0]["cluster"]), (&json!(1), &json!("main")), "{page}");
    // All but the one that cannot be read is deleted, also what says nothing of coverage.
    moto.put_event(
        &json!({"source": "aws.ecs", "detail-type": "ECS Something New", "resources": [], "detail": {}}),
    );
    let until = Instant::now() + DEADLINE;
    while moto.counts(&events) != (0, 1) && moto.counts(&events) != (1, 0) {
        assert!(Instant::now() < until, "{:?}", moto.counts(&events));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let metrics = |agent: &ureq::Agent| {
        let answer =
            agent.get(format!("{url}/metrics")).header("Authorization", format!("Bearer {}", tokens.admin));
        answer.call().unwrap().body_mut().read_to_string().unwrap()
    };
    let counted = metrics(&agent);
    assert!(
        counted.contains(&format!("fargard_queue_messages_total{{result=\"taken\"}} {}", 2 * told.len())),
        "{counted}"
    );
    assert!(counted.contains("fargard_queue_messages_total{result=\"unrelated\"} 1"), "{counted}");
    assert!(counted.contains("fargard_queue_messages_total{result=\"unreadable\"}"), "{counted}");
    assert!(counted.contains("fargard_queue_failures_total 0"), "{counted}");
    // The change went out through EventBridge.
    let mut bodies = Vec::new();
    while bodies.is_empty() {
        assert!(Instant::now() < until, "no change was told");
        bodies = moto.receive(&changes);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let event: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(event["detail-type"], "GuardDuty Runtime Protection Unhealthy");
    let detail = &event["detail"];
    assert_eq!((&detail["accountId"], &detail["resourceAccountId"]), (&json!(ACCOUNT), &json!(ACCOUNT)));
    assert_eq!(
        (&detail["previousStatus"], &detail["currentStatus"]),
        (&json!("Healthy"), &json!("Unhealthy"))
    );
    assert_eq!(detail["resourceDetails"]["ecsClusterDetails"]["clusterName"], "main");
    assert_eq!(get(&agent, &url, &tokens.admin, "/api/v1/coverage")["total"], 1);
    stop(running);
}

#[test]
fn the_agent_looks_at_what_events_are_about() {
    let Some(moto) = Moto::start() else { return };
    let events = moto.queue_of("aws.ecs", "ecs-events", &json!({}));
    let plane = plane();
    let _ = plane.take_events();
    let mut command = fargard();
    command
        .args(["agent", "--every", "1440", "--events", &events, "--format", "json"])
        .args(["--sensor-image", "registry.example/fargard-sensor:1"])
        .envs(moto.environment())
        .env("AWS_ENDPOINT_URL_ECS", plane.url());
    let mut agent = Running::start(&mut command);
    agent.wait_for(&["unprotected", "web:1"]);
    moto.call("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": events, "MessageBody": "no event"}));
    plane
        .call("UpdateService", &json!({"cluster": "main", "service": "web", "taskDefinition": "web:2"}))
        .unwrap();
    let calls = plane.calls()["ListClusters"];
    plane.take_events().iter().for_each(|event| moto.put_event(event));
    agent.wait_for(&["busy", "web:2"]);
    agent.wait_for(&["is no event"]);
    plane.advance(Duration::from_secs(300));
    plane.take_events().iter().for_each(|event| moto.put_event(event));
    agent.wait_for(&["unprotected", "web:2"]);
    assert_eq!(plane.calls()["ListClusters"], calls, "there was no look at everything");
    // What was understood is deleted.
    let until = Instant::now() + DEADLINE;
    while moto.counts(&events) != (0, 1) {
        assert!(Instant::now() < until, "{:?}", moto.counts(&events));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    agent.signal(rustix::process::Signal::TERM);
    assert!(agent.finish().0.success());
}
