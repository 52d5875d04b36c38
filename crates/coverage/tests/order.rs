//! Any order and repetition of events plus one sweep ends in the same state.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use fargard_coverage::{
    event,
    inventory::{ClusterState, Item, Resource},
    sweep::Sweep,
};
use fargard_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod";
const BEGIN: u64 = 1_763_697_600;

fn arn(task: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task/prod/{task:032x}")
}

/// A task after its `version` first changes, one each ten seconds; the last stops it.
fn task(task: usize, version: u64) -> Value {
    let status =
        ["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "STOPPED"][usize::try_from(version - 1).unwrap()];
    let stopped = if version == 5 { BEGIN + 50 } else { 0 };
    json!({"taskArn": arn(task), "clusterArn": CLUSTER, "version": version, "lastStatus": status,
        "launchType": "FARGATE", "createdAt": BEGIN, "stoppedAt": stopped})
}

fn task_event(number: usize, version: u64) -> Vec<Item> {
    let time =
        format!("{:.3}", jiff::Timestamp::from_second(i64::try_from(BEGIN + version * 10).unwrap()).unwrap());
    let event = json!({"version": "0", "id": "1", "source": "aws.ecs", "detail-type": "ECS Task State Change",
        "account": "111122223333", "time": time, "region": "eu-west-1", "resources": [arn(number)],
        "detail": task(number, version)});
    event::items(event.to_string().as_bytes()).unwrap()
}

fn deployment_event(number: u64, name: &str) -> Vec<Item> {
    let time = jiff::Timestamp::from_second(i64::try_from(BEGIN + number).unwrap()).unwrap().to_string();
    let event = json!({"version": "0", "id": "2", "source": "aws.ecs", "detail-type": "ECS Deployment State Change",
        "account": "111122223333", "time": time, "region": "eu-west-1",
        "resources": ["arn:aws:ecs:eu-west-1:111122223333:service/prod/web"],
        "detail": {"eventType": "INFO", "eventName": name, "deploymentId": format!("ecs-svc/{number}"), "updatedAt": time}});
    event::items(event.to_string().as_bytes()).unwrap()
}

/// What a sweep lists that began `after` seconds: each task as it was then, unless it is left out.
fn sweep(after: u64, gone: &[bool], tag: bool) -> Vec<Item> {
    let tasks: Vec<Value> = gone
        .iter()
        .enumerate()
        .filter(|(_, gone)| !**gone)
        .filter_map(|(number, _)| Some(task(number, (after / 10).min(5).checked_sub(1)? + 1)))
        .collect();
    let sweep: Sweep = serde_json::from_value(json!({"account": "111122223333", "region": "eu-west-1",
        "startedAt": BEGIN + after, "tasks": tasks,
        "clusters": [{"clusterArn": CLUSTER, "status": "ACTIVE",
            "tags": if tag { json!([{"key": "FargardManaged", "value": "false"}]) } else { json!([]) }}],
        "services": [{"serviceArn": "arn:aws:ecs:eu-west-1:111122223333:service/prod/web", "clusterArn": CLUSTER,
            "status": "ACTIVE", "deployments": [{"id": "ecs-svc/1", "createdAt": BEGIN}]}]}))
    .unwrap();
    sweep.items().unwrap()
}

/// Merges the news in this order; between them, some of what can be forgotten is.
fn apply(news: &[Vec<Item>], forget: &[bool]) -> BTreeMap<String, Item> {
    let mut state: BTreeMap<String, Item> = BTreeMap::new();
    for (number, items) in news.iter().enumerate() {
        for item in items.clone() {
            let merged = match state.remove(&item.id) {
                Some(old) => old.merge(item),
                None => item,
            };
            state.insert(merged.id.clone(), merged);
        }
        if forget.get(number).copied().unwrap_or(false) {
            let swept = swept(&state);
            state.retain(|_, item| item.parent != CLUSTER || !item.is_forgettable(swept, Timestamp(0), 1));
        }
    }
    let swept = swept(&state);
    state.retain(|_, item| item.parent != CLUSTER || item.exists(swept));
    state
}

fn swept(state: &BTreeMap<String, Item>) -> Timestamp {
    match state.get(CLUSTER).map(|item| &item.resource) {
        Some(Resource::Cluster(ClusterState { swept, .. })) => *swept,
        _ => Timestamp(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn order_and_repetition_do_not_matter(
        after in 0_u64..70,
        gone in prop::collection::vec(any::<bool>(), 4),
        tag: bool,
        (order, again) in (Just((0..27).collect::<Vec<usize>>()).prop_shuffle(), prop::collection::vec(0_usize..27, 0..20)),
        forget in prop::collection::vec(any::<bool>(), 47),
    ) {
        let mut news: Vec<Vec<Item>> = (0..4).flat_map(|number| (1..=5).map(move |version| task_event(number, version))).collect();
        for (number, name) in [(5, "SERVICE_DEPLOYMENT_IN_PROGRESS"), (15, "SERVICE_DEPLOYMENT_COMPLETED"),
            (25, "SERVICE_DEPLOYMENT_IN_PROGRESS"), (35, "SERVICE_DEPLOYMENT_FAILED"), (12, "SERVICE_DEPLOYMENT_IN_PROGRESS"),
            (12, "SERVICE_DEPLOYMENT_COMPLETED")] {
            news.push(deployment_event(number, name));
        }
        news.push(sweep(after, &gone, tag));
        let straight = apply(&news, &[]);
        let mixed: Vec<Vec<Item>> = order.iter().chain(&again).map(|at| news[*at].clone()).collect();
        prop_assert_eq!(straight, apply(&mixed, &forget));
    }
}
