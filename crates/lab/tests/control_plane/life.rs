//! Roll-outs, failures, stopped tasks, events.

use std::{collections::BTreeMap, time::Duration};

use fargard_lab::control_plane::ImageBehaviour;
use serde_json::{Value, json};

use crate::stage::{account, call, definition, described, service, with_service};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_service_rolls_out_and_replaces_its_tasks_without_a_gap() {
    let plane = with_service(4);
    let before = described(&plane);
    assert_eq!(
        (&before["runningCount"], &before["deployments"][0]["rolloutState"]),
        (&json!(4), &json!("COMPLETED"))
    );
    assert_eq!(before["events"][0]["message"], "(service web) has reached a steady state.");

    call(&plane, "RegisterTaskDefinition", &definition("app:2"));
    let updated = call(&plane, "UpdateService", &json!({"service": "web", "taskDefinition": "web"}));
    assert_eq!(updated["service"]["deployments"].as_array().unwrap().len(), 2);
    let mut least = u64::MAX;
    for _ in 0..24 {
        plane.advance(Duration::from_secs(5));
        least = least.min(described(&plane)["runningCount"].as_u64().unwrap());
    }
    assert_eq!(least, 4, "minimumHealthyPercent is 100");
    let after = described(&plane);
    assert_eq!(
        (&after["runningCount"], &after["deployments"][0]["rolloutState"]),
        (&json!(4), &json!("COMPLETED"))
    );
    assert!(after["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(after["deployments"].as_array().unwrap().len(), 1);
    let same = call(&plane, "UpdateService", &json!({"service": "web", "taskDefinition": "web:2"}));
    assert_eq!(same["service"]["deployments"].as_array().unwrap().len(), 1, "nothing changed");
}

#[test]
fn what_cannot_start_is_rolled_back_by_the_circuit_breaker() {
    let plane = with_service(2);
    plane.set_image("app:broken", ImageBehaviour::CannotPull("not found".to_owned()));
    call(&plane, "RegisterTaskDefinition", &definition("app:broken"));
    let _ = plane.take_events();
    call(&plane, "UpdateService", &json!({"service": "web", "taskDefinition": "web:2"}));
    plane.advance(5 * MINUTE);
    let after = described(&plane);
    assert!(after["taskDefinition"].as_str().unwrap().ends_with("web:1"), "{after:#}");
    assert_eq!(
        (&after["runningCount"], &after["deployments"][0]["rolloutState"]),
        (&json!(2), &json!("COMPLETED"))
    );
    let listed = call(&plane, "ListServiceDeployments", &json!({"service": "web"}));
    let states: Vec<&Value> =
        listed["serviceDeployments"].as_array().unwrap().iter().map(|each| &each["status"]).collect();
    assert_eq!(states, ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]);

    let names: Vec<Value> = plane
        .take_events()
        .iter()
        .filter(|event| event["detail-type"] == "ECS Deployment State Change")
        .map(|event| event["detail"]["eventName"].clone())
        .collect();
    let expected =
        ["IN_PROGRESS", "FAILED", "IN_PROGRESS", "COMPLETED"].map(|end| format!("SERVICE_DEPLOYMENT_{end}"));
    assert_eq!(names, expected);

    let stopped = call(&plane, "ListTasks", &json!({"desiredStatus": "STOPPED"}));
    let tasks = call(&plane, "DescribeTasks", &json!({"tasks": stopped["taskArns"]}));
    let failed: Vec<&Value> = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["stopCode"] == "TaskFailedToStart")
        .collect();
    assert!(failed.len() >= 3, "the threshold is three");
    assert_eq!(failed[0]["stoppedReason"], "CannotPullContainerError: not found");
}

#[test]
fn stopped_tasks_stay_for_an_hour() {
    let plane = account();
    call(&plane, "CreateCluster", &json!({}));
    call(&plane, "RegisterTaskDefinition", &definition("job:1"));
    plane.set_image("job:1", ImageBehaviour::Exits { after: Duration::from_secs(30), code: 3 });
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let run = json!({"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network});
    let arn = call(&plane, "RunTask", &run)["tasks"][0]["taskArn"].clone();
    let of = |plane: &fargard_lab::control_plane::ControlPlane| {
        call(plane, "DescribeTasks", &json!({"tasks": [arn.clone()]}))
    };
    plane.advance(Duration::from_secs(20));
    assert_eq!(of(&plane)["tasks"][0]["lastStatus"], "RUNNING");
    plane.advance(MINUTE);
    let task = of(&plane)["tasks"][0].clone();
    assert_eq!(
        (&task["lastStatus"], &task["stopCode"]),
        (&json!("STOPPED"), &json!("EssentialContainerExited"))
    );
    let codes: Vec<&Value> =
        task["containers"].as_array().unwrap().iter().map(|container| &container["exitCode"]).collect();
    assert_eq!(codes, [&json!(3), &json!(143)]);
    plane.advance(55 * MINUTE);
    assert_eq!(of(&plane)["tasks"].as_array().unwrap().len(), 1);
    plane.advance(6 * MINUTE);
    assert_eq!(of(&plane)["failures"][0]["reason"], "MISSING");
}

#[test]
fn every_change_of_a_task_is_an_event_with_a_higher_version() {
    let plane = with_service(3);
    call(&plane, "UpdateService", &json!({"service": "web", "desiredCount": 0}));
    plane.advance(MINUTE);
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let events = plane.take_events();
    let of_tasks = events.iter().filter(|event| event["detail-type"] == "ECS Task State Change");
    for event in of_tasks {
        let detail = &event["detail"];
        let version = detail["version"].as_u64().unwrap();
        let before = last.insert(event["resources"][0].as_str().unwrap().to_owned(), version);
        assert_eq!(version, before.unwrap_or(0) + 1);
        assert!(detail["createdAt"].as_str().unwrap().ends_with('Z'));
        assert_eq!(detail["attachments"][0]["type"], "eni");
    }
    assert_eq!(last.len(), 3);
    assert!(plane.take_events().is_empty());
}

#[test]
fn what_ecs_refuses_is_refused_in_its_words() {
    let plane = with_service(1);
    let refused = |operation: &str, input: Value| plane.call(operation, &input).unwrap_err();
    let mut small = definition("app:1");
    small["memory"] = json!("600");
    let mut ec2 = definition("app:1");
    ec2["requiresCompatibilities"] = json!(["EC2"]);
    call(&plane, "RegisterTaskDefinition", &ec2);
    let mut twice = service(1);
    twice["taskDefinition"] = json!("web:1");
    let mut on_ec2 = service(1);
    on_ec2["serviceName"] = json!("other");
    let eleven: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    for (operation, input, code, words) in [
        ("DescribeClusters", json!([]), "SerializationException", "Start of structure"),
        ("ListTasks", json!({"cluster": "none"}), "ClusterNotFoundException", "Cluster not found."),
        ("UpdateService", json!({"service": "none"}), "ServiceNotFoundException", "Service not found."),
        (
            "DescribeTaskDefinition",
            json!({"taskDefinition": "none"}),
            "ClientException",
            "Unable to describe",
        ),
        (
            "UpdateService",
            json!({"service": "web", "taskDefinition": "web:9"}),
            "InvalidParameterException",
            "not found",
        ),
        ("RegisterTaskDefinition", small, "ClientException", "600 MiB"),
        ("CreateService", twice, "InvalidParameterException", "not idempotent"),
        ("CreateService", on_ec2, "InvalidParameterException", "does not support launch_type FARGATE"),
        ("DescribeServices", json!({"services": eleven}), "InvalidParameterException", "more than 10"),
        ("DeleteCluster", json!({}), "ClusterContainsServicesException", "cannot be deleted"),
        (
            "PutAccountSetting",
            json!({"name": "guardDutyActivate", "value": "on"}),
            "InvalidParameterException",
            "only be read",
        ),
        ("CreateCapacityProvider", json!({}), "UnsupportedFeatureException", "CreateCapacityProvider"),
    ] {
        let (found, message) = refused(operation, input.clone());
        assert!(found == code && message.contains(words), "{operation} {input}: {found}: {message}");
    }
}
