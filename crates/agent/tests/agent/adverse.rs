//! What the agent does when something goes wrong: it never fights.

use std::{collections::BTreeSet, time::Duration};

use fargard_agent::{AgentOptions, Status, wake::wake};
use fargard_lab::control_plane::ImageBehaviour;
use serde_json::{Value, json};

use crate::stage::{SENSOR, Stage, applying, standing};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn broken_sensor(stage: &Stage) {
    stage.plane.set_image(SENSOR, ImageBehaviour::CannotPull("not found".to_owned()));
}

#[test]
fn what_ecs_rolls_back_is_quarantined_also_when_the_state_is_lost() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    stage.service("web", &json!([]), &json!({}));
    broken_sensor(&stage);
    stage.plane.advance(FIVE_MINUTES);
    let options = AgentOptions { state: Some(state.clone()), ..applying() };
    let mut agent = stage.agent(options.clone());
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::RollingOut);
    stage.plane.advance(2 * FIVE_MINUTES);
    assert_eq!(stage.runs("web"), "web:1", "ECS rolled it back");
    for _ in 0..20 {
        let round = agent.round().unwrap();
        let (status, reason) = standing(&round, "web");
        assert_eq!(status, Status::Quarantined);
        assert!(reason.starts_with("ECS rolled it back: "), "{reason}");
        stage.plane.advance(FIVE_MINUTES);
    }
    assert_eq!(stage.changes(), (1, 1));
    let mut again = stage.agent(options.clone());
    assert_eq!(standing(&again.round().unwrap(), "web").0, Status::Quarantined, "the state file remembers");
    std::fs::remove_file(&state).unwrap();
    let mut without_memory = stage.agent(options);
    assert_eq!(
        standing(&without_memory.round().unwrap(), "web"),
        (Status::Quarantined, "it was rolled back before")
    );
    assert_eq!(stage.changes(), (1, 1));
    // A new source is tried once.
    stage.register("web", "app:2");
    stage.call("UpdateService", &json!({"cluster": "main", "service": "web", "taskDefinition": "web"}));
    for _ in 0..20 {
        stage.plane.advance(FIVE_MINUTES);
        without_memory.round().unwrap();
    }
    assert_eq!((stage.changes(), stage.runs("web").as_str()), ((2, 2), "web:3"));
}

#[test]
fn a_roll_out_that_does_not_end_is_taken_back_by_the_agent() {
    let stage = Stage::new();
    stage.service("web", &json!([]), &json!({"deploymentConfiguration": {}}));
    broken_sensor(&stage);
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(applying());
    agent.round().unwrap();
    let mut least = u64::MAX;
    let mut last = None;
    for _ in 0..20 {
        stage.plane.advance(FIVE_MINUTES);
        least = least.min(stage.described("web")["runningCount"].as_u64().unwrap());
        last = Some(agent.round().unwrap());
    }
    let last = last.unwrap();
    let (status, reason) = standing(&last, "web");
    assert_eq!((status, least), (Status::Quarantined, 2), "the app kept running");
    assert!(reason.starts_with("its roll-out failed: not rolled out after 30 minutes"), "{reason}");
    assert_eq!((stage.changes(), stage.runs("web").as_str()), ((1, 2), "web:1"));
}

#[test]
fn a_person_who_goes_back_is_not_overruled() {
    let stage = Stage::new();
    stage.service("web", &json!([]), &json!({}));
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(applying());
    agent.round().unwrap();
    stage.plane.advance(FIVE_MINUTES);
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::Protected);
    stage.call("UpdateService", &json!({"cluster": "main", "service": "web", "taskDefinition": "web:1"}));
    for _ in 0..5 {
        stage.plane.advance(FIVE_MINUTES);
        let round = agent.round().unwrap();
        assert_eq!(standing(&round, "web"), (Status::Quarantined, "somebody deployed what ran before"));
    }
    assert_eq!(stage.changes(), (1, 1));
}

#[test]
fn after_three_failures_nothing_more_is_changed() {
    let stage = Stage::new();
    for number in 0..10 {
        stage.service(&format!("s{number}"), &json!([]), &json!({}));
    }
    broken_sensor(&stage);
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(applying());
    for _ in 0..20 {
        agent.round().unwrap();
        stage.plane.advance(2 * FIVE_MINUTES);
    }
    let round = agent.round().unwrap();
    assert!(round.held.unwrap().starts_with("3 changes were taken back within a day"));
    assert_eq!(stage.changes(), (3, 3));
}

#[test]
fn what_ecs_refuses_is_not_tried_again() {
    let stage = Stage::new();
    stage.service("web", &json!([]), &json!({}));
    stage.plane.advance(FIVE_MINUTES);
    // Registered by somebody with the same identity, then gone: it is registered anew.
    let mut agent = stage.agent(applying());
    agent.round().unwrap();
    stage.plane.advance(FIVE_MINUTES);
    stage.call("DeregisterTaskDefinition", &json!({"taskDefinition": "web:2"}));
    stage.create("second", "web:1", &json!([]), &json!({}));
    for _ in 0..6 {
        stage.plane.advance(FIVE_MINUTES);
        agent.round().unwrap();
    }
    assert_eq!((stage.runs("web"), stage.runs("second")), ("web:2".to_owned(), "web:3".to_owned()));
    assert_eq!(stage.changes().0, 2);
}

#[test]
fn duplicate_late_and_reordered_events_change_nothing() {
    let stage = Stage::new();
    for number in 0..8 {
        stage.service(&format!("s{number}"), &json!([]), &json!({}));
    }
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(AgentOptions { in_flight: 8, ..applying() });
    let mut old: Vec<Value> = stage.plane.take_events();
    for turn in 0..20 {
        let round = agent.round().unwrap();
        assert!(round.failures.is_empty());
        stage.plane.advance(Duration::from_secs(30));
        let mut events = stage.plane.take_events();
        // Twice, backwards, and with what was told long ago.
        events.extend(events.clone());
        events.reverse();
        events.extend(old.iter().skip(turn * 3).take(20).cloned());
        let wakes: BTreeSet<_> = events.iter().filter_map(wake).collect();
        agent.look_at(&wakes).unwrap();
        agent.look_at(&wakes).unwrap();
        old.extend(events);
    }
    let round = agent.round().unwrap();
    assert!(round.standings.iter().all(|standing| standing.status == Status::Protected), "{round:?}");
    assert_eq!(stage.changes(), (8, 8));
}
