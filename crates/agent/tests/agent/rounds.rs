//! What the agent does when all is well.

use std::time::Duration;

use fargard_agent::{AgentOptions, Scope, Status};
use serde_json::json;

use crate::stage::{SENSOR, Stage, applying, reporting, standing, statuses};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

#[test]
fn without_apply_it_only_reports() {
    let stage = Stage::new();
    stage.service("web", &json!([]), &json!({}));
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(reporting());
    for _ in 0..3 {
        let round = agent.round().unwrap();
        assert_eq!(standing(&round, "web"), (Status::Unprotected, "report only: --apply would change it"));
        let candidate = round.standings[0].candidate.as_ref().unwrap();
        assert!(candidate.after.contains(SENSOR) && !candidate.before.contains(SENSOR));
        assert_eq!(candidate.notes[0], "app: wrap: entry point of image app:1");
    }
    assert_eq!(stage.changes(), (0, 0));
    assert_eq!(stage.plane.calls()["DescribeTaskDefinition"], 1, "what was read is remembered");
}

#[test]
fn a_service_gets_the_sensor_once_and_keeps_it() {
    let stage = Stage::new();
    stage.service("web", &json!([]), &json!({}));
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(applying());
    let first = agent.round().unwrap();
    assert_eq!(standing(&first, "web").0, Status::RollingOut);
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::RollingOut);
    stage.plane.advance(FIVE_MINUTES);
    for _ in 0..20 {
        let round = agent.round().unwrap();
        assert_eq!(standing(&round, "web"), (Status::Protected, ""));
        stage.plane.advance(FIVE_MINUTES);
    }
    assert_eq!((stage.changes(), stage.runs("web").as_str()), ((1, 1), "web:2"));

    let answer =
        stage.call("DescribeTaskDefinition", &json!({"taskDefinition": "web:2", "include": ["TAGS"]}));
    let containers = answer["taskDefinition"]["containerDefinitions"].as_array().unwrap();
    assert_eq!((containers.len(), &containers[2]["image"]), (3, &json!(SENSOR)));
    assert_eq!(containers[0]["entryPoint"], json!(["/fargard/fargard-sensor", "run", "--", "/app"]));
    assert_eq!(containers[0]["command"], json!(["serve"]));
    let keys: Vec<&str> =
        answer["tags"].as_array().unwrap().iter().map(|tag| tag["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["fargard:identity", "fargard:source", "team"]);

    // Another agent, without memory, finds it protected.
    let round = stage.agent(applying()).round().unwrap();
    assert_eq!(standing(&round, "web").0, Status::Protected);
    assert_eq!(stage.changes(), (1, 1));

    // A new source is another matter, as is another sensor.
    stage.register("web", "app:2");
    stage.call("UpdateService", &json!({"cluster": "main", "service": "web", "taskDefinition": "web"}));
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::Busy);
    stage.plane.advance(FIVE_MINUTES);
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::RollingOut);
    stage.plane.advance(FIVE_MINUTES);
    assert_eq!((stage.changes(), stage.runs("web").as_str()), ((2, 2), "web:4"));
    let mut newer = applying();
    newer.settings.sensor_image = "registry.example/fargard-sensor:2".to_owned();
    let mut agent = stage.agent(newer);
    agent.round().unwrap();
    stage.plane.advance(FIVE_MINUTES);
    assert_eq!(standing(&agent.round().unwrap(), "web").0, Status::Protected);
    assert_eq!((stage.changes(), stage.runs("web").as_str()), ((3, 3), "web:5"));
    let answer = stage.call("DescribeTaskDefinition", &json!({"taskDefinition": "web"}));
    let containers = answer["taskDefinition"]["containerDefinitions"].as_array().unwrap();
    assert_eq!((containers.len(), &containers[2]["image"]), (3, &json!("registry.example/fargard-sensor:2")));
    assert_eq!(containers[0]["entryPoint"], json!(["/fargard/fargard-sensor", "run", "--", "/app"]));
}

#[test]
fn tags_owners_and_controllers_are_respected() {
    let stage = Stage::new();
    let tag = |key: &str, value: &str| json!([{"key": key, "value": value}]);
    stage.service("stack", &tag("aws:cloudformation:stack-name", "web"), &json!({}));
    stage.service("terraform", &tag("ManagedBy", "Terraform"), &json!({}));
    stage.service("off", &tag("fargard.mode", "off"), &json!({}));
    stage.service("attach", &tag("fargard.mode", "attach"), &json!({}));
    stage.service("blue-green", &json!([]), &json!({"deploymentController": {"type": "CODE_DEPLOY"}}));
    stage.service("plain", &json!([]), &json!({}));
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(AgentOptions { in_flight: 10, ..applying() });
    for _ in 0..3 {
        agent.round().unwrap();
        stage.plane.advance(FIVE_MINUTES);
    }
    let round = agent.round().unwrap();
    let expected = [
        ("attach", Status::Protected),
        ("blue-green", Status::OtherController),
        ("off", Status::Excluded),
        ("plain", Status::Protected),
        ("stack", Status::Owned),
        ("terraform", Status::Owned),
    ];
    assert_eq!(statuses(&round), expected.map(|(name, status)| (name.to_owned(), status)).into());
    assert_eq!(stage.changes(), (2, 2));
    assert_eq!(standing(&round, "stack").1, "by CloudFormation stack web: embed there (fargard embed)");
    let answer = stage.call("DescribeTaskDefinition", &json!({"taskDefinition": "attach"}));
    assert_eq!(answer["taskDefinition"]["pidMode"], "task");

    let tagged = stage.agent(AgentOptions { scope: Scope::Tagged, ..reporting() }).round().unwrap();
    let outside = |status: &Status| *status == Status::Excluded;
    assert_eq!(statuses(&tagged).values().filter(|status| outside(status)).count(), 5);
}

#[test]
fn five_hundred_services_are_covered_one_after_another_and_nothing_flaps() {
    let stage = Stage::new();
    stage.register("shared", "app:1");
    for number in 0..500 {
        // Half of them share a definition.
        let name = format!("s{number:03}");
        let owned = if number % 50 == 0 { json!([{"key": "terraform", "value": "true"}]) } else { json!([]) };
        match number % 2 {
            0 => stage.create(&name, "shared", &owned, &json!({"desiredCount": 1})),
            _ => stage.service(&name, &owned, &json!({"desiredCount": 1})),
        }
    }
    stage.plane.advance(FIVE_MINUTES);
    let mut agent = stage.agent(AgentOptions { in_flight: 50, ..applying() });
    let mut rolling = 0;
    for _ in 0..20 {
        let round = agent.round().unwrap();
        assert_eq!((round.held.as_deref(), round.failures.len()), (None, 0));
        let under_way = statuses(&round).values().filter(|status| **status == Status::RollingOut).count();
        assert!(under_way <= 50, "{under_way}");
        rolling += under_way;
        stage.plane.advance(Duration::from_secs(90));
    }
    let round = agent.round().unwrap();
    let count = |wanted: Status| statuses(&round).values().filter(|status| **status == wanted).count();
    assert_eq!((count(Status::Protected), count(Status::Owned)), (490, 10));
    assert_eq!(rolling, 490, "each once");
    // 250 with definitions of their own, and the shared one once.
    assert_eq!(stage.changes(), (251, 490));
    assert_eq!(stage.plane.calls().get("throttled"), None);
}
