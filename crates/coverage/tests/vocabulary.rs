//! Each issue, from what ECS says to the text and the command, and what moves a record's time.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use fargard_coverage::{
    inventory::{Item, Resource},
    row::{CoverageRow, Names},
    rules::{Coverage, Known, Policy, Sign, Status, Switch, judge_cluster},
    sweep::Sweep,
};
use fargard_model::Timestamp;
use serde_json::{Value, json};

const NOW: u64 = 1_763_700_000;
const ARN: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod";
const TASK: &str = "arn:aws:ecs:eu-west-1:111122223333:task/prod/0f9de17a";

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000_000_000)
}

/// A task that has run for ten minutes, with an agent's container.
fn task(change: &Value) -> Value {
    let mut task = json!({"taskArn": TASK, "clusterArn": ARN, "version": 3, "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING", "launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7",
        "group": "service:web", "startedBy": "ecs-svc/1", "createdAt": NOW - 610, "startedAt": NOW - 600,
        "attachments": [{"type": "ElasticNetworkInterface", "details": [{"name": "subnetId", "value": "subnet-1"},
            {"name": "networkInterfaceId", "value": "eni-1"}]}],
        "containers": [{"name": "app", "lastStatus": "RUNNING"},
            {"name": "aws-guardduty-agent-x1y2z3", "lastStatus": "RUNNING"}]});
    for (key, value) in change.as_object().unwrap() {
        task[key] = value.clone();
    }
    task
}

struct Scene {
    tasks: Vec<Value>,
    tags: Value,
    definition: Value,
    vpc: Value,
    policy: Policy,
    signs: BTreeMap<String, Sign>,
}

impl Scene {
    fn of(change: &Value) -> Self {
        Self {
            tasks: vec![task(change)],
            tags: json!([]),
            definition: json!({"executionRoleArn": "arn:aws:iam::111122223333:role/x"}),
            vpc: json!({"enableDnsSupport": true, "enableDnsHostnames": true}),
            policy: Policy::default(),
            signs: BTreeMap::new(),
        }
    }

    fn heard(mut self, seconds_ago: u64) -> Self {
        let sign = Sign { at: at(NOW - seconds_ago), version: "0.1.0".to_owned(), ..Sign::default() };
        self.signs.insert(TASK.to_owned(), sign);
        self
    }

    fn known(&self) -> Known {
        let mut definition = self.definition.clone();
        definition["taskDefinitionArn"] = json!("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7");
        let mut vpc = self.vpc.clone();
        vpc["vpcId"] = json!("vpc-1");
        vpc["subnets"] = json!(["subnet-1"]);
        let sweep: Sweep = serde_json::from_value(json!({"account": "111122223333", "region": "eu-west-1",
            "startedAt": NOW - 30, "clusters": [{"clusterArn": ARN, "tags": self.tags}], "tasks": self.tasks,
            "taskDefinitions": [definition], "vpcs": [vpc],
            "services": [{"serviceArn": "arn:aws:ecs:eu-west-1:111122223333:service/prod/web", "clusterArn": ARN,
                "deployments": [{"id": "ecs-svc/1", "createdAt": NOW - 700}]}]}))
        .unwrap();
        let items = sweep.items().unwrap();
        let cluster = items.iter().find_map(|item| match &item.resource {
            Resource::Cluster(cluster) => Some(cluster.clone()),
            _ => None,
        });
        Known::of(cluster.unwrap(), items.into_iter().collect::<Vec<Item>>(), self.signs.clone())
    }

    fn judge(&self) -> Coverage {
        judge_cluster(&self.known(), &self.policy, at(NOW))
    }
}

fn switched(since: u64) -> Switch {
    Switch { on: true, since: at(since) }
}

fn scenes() -> Vec<(&'static str, Scene)> {
    let plain = || Scene::of(&json!({}));
    let alone = json!({"group": "family:web", "startedBy": "ann"});
    let no_agent = json!([{"name": "app", "lastStatus": "RUNNING"}]);
    let agent = |state: Value| {
        let mut agent = json!({"name": "aws-guardduty-agent-x1y2z3", "lastStatus": "STOPPED"});
        for (key, value) in state.as_object().unwrap() {
            agent[key] = value.clone();
        }
        json!({"containers": [{"name": "app", "lastStatus": "RUNNING"}, agent]})
    };
    let both = |one: &Value, other: &Value| {
        let mut all = one.clone();
        all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        all
    };
    let excluded = json!([{"key": "GuardDutyManaged", "value": "false"}]);
    vec![
        ("not reporting", plain()),
        ("not heard any more", Scene::of(&json!({"containers": no_agent})).heard(300)),
        (
            "program brought, not heard",
            Scene::of(&json!({"containers": [{"name": "app", "lastStatus": "RUNNING"},
                {"name": "fargard-sensor", "lastStatus": "STOPPED", "exitCode": 0}]})),
        ),
        ("no way out", Scene { vpc: json!({"reachesServer": false}), ..plain() }),
        ("exit code", Scene::of(&agent(json!({"exitCode": 2})))),
        (
            "reason",
            Scene::of(&agent(
                json!({"reason": "CannotPullContainerError: pull image manifest has been retried 5 time(s)"}),
            )),
        ),
        (
            "exit code and reason",
            Scene::of(&agent(
                json!({"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}),
            )),
        ),
        (
            "vpc endpoint",
            Scene { vpc: json!({"enableDnsSupport": true, "enableDnsHostnames": false}), ..plain() },
        ),
        ("invocation", Scene::of(&json!({"startedBy": "AWSBatch-queue", "group": "family:web"}))),
        (
            "architecture",
            Scene::of(&json!({"attributes": [{"name": "ecs.cpu-architecture", "value": "riscv64"}]})),
        ),
        ("platform", Scene::of(&json!({"platformVersion": "1.3.0"}))),
        (
            "windows",
            Scene::of(&json!({"platformVersion": "1.0.0", "platformFamily": "WINDOWS_SERVER_2022_CORE"})),
        ),
        ("role", Scene { definition: json!({}), ..plain() }),
        ("network", Scene::of(&json!({"attachments": []}))),
        ("subnet", Scene::of(&json!({"attachments": [{"type": "eni", "details": []}]}))),
        ("task excluded", Scene { tags: excluded.clone(), ..Scene::of(&alone) }),
        ("service excluded", Scene { tags: excluded, ..plain() }),
        (
            "task before automation",
            Scene {
                policy: Policy { automation: switched(NOW - 60), ..Policy::default() },
                ..Scene::of(&alone)
            },
        ),
        (
            "service before automation",
            Scene { policy: Policy { automation: switched(NOW - 60), ..Policy::default() }, ..plain() },
        ),
        (
            "service since automation",
            Scene {
                policy: Policy { automation: switched(NOW - 705), ..Policy::default() },
                ..Scene::of(&json!({"startedAt": NOW - 750, "createdAt": NOW - 760}))
            },
        ),
        ("service without agent", Scene::of(&json!({"containers": no_agent}))),
        (
            "task before monitoring",
            Scene {
                policy: Policy { monitoring: switched(NOW - 60), ..Policy::default() },
                ..Scene::of(&alone)
            },
        ),
        (
            "service before monitoring",
            Scene { policy: Policy { monitoring: switched(NOW - 60), ..Policy::default() }, ..plain() },
        ),
        ("old ARN", Scene::of(&json!({"taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/0f9de17a"}))),
        ("unidentified", Scene::of(&both(&alone, &json!({"containers": no_agent})))),
    ]
}

#[test]
fn every_issue_has_its_text_and_a_command() {
    let told: Vec<String> = scenes()
        .into_iter()
        .map(|(name, scene)| {
            let coverage = scene.judge();
            assert_eq!(coverage.status, Some(Status::Unhealthy), "{name}");
            assert_eq!(coverage.issues.len(), 1, "{name}");
            let issue = &coverage.issues[0];
            format!("{name}\n  {}\n  {}\n  $ {}", issue.text(), issue.remedy.text, issue.remedy.command)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_heard_is_covered_and_what_is_young_or_elsewhere_does_not_count() {
    for (name, scene, status) in [
        ("heard", Scene::of(&json!({})).heard(10), Some(Status::Healthy)),
        (
            "heard, started before",
            Scene {
                policy: Policy { monitoring: switched(NOW), ..Policy::default() },
                ..Scene::of(&json!({})).heard(10)
            },
            Some(Status::Healthy),
        ),
        ("young", Scene::of(&json!({"startedAt": NOW - 20, "createdAt": NOW - 40})), None),
        ("pending", Scene::of(&json!({"lastStatus": "PENDING", "startedAt": null})), None),
        ("on EC2", Scene::of(&json!({"launchType": "EC2"})), None),
        ("long stopped", Scene::of(&json!({"lastStatus": "STOPPED", "stoppedAt": NOW - 3700})), None),
        ("stopped soon", Scene::of(&json!({"lastStatus": "STOPPED", "stoppedAt": NOW - 550})), None),
        (
            "stopped",
            Scene::of(&json!({"lastStatus": "STOPPED", "stoppedAt": NOW - 10})),
            Some(Status::Unhealthy),
        ),
        (
            "stopped, heard to its end",
            Scene::of(&json!({"lastStatus": "STOPPED", "stoppedAt": NOW - 300})).heard(305),
            Some(Status::Healthy),
        ),
    ] {
        assert_eq!(scene.judge().status, status, "{name}");
    }
}

#[test]
fn tasks_of_a_definition_share_an_issue_and_issues_have_a_limit() {
    let mut scene = Scene::of(&json!({}));
    scene.tasks = (0..600).map(|number| {
        task(&json!({"taskArn": format!("{TASK}{number}"),
            "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:{}", number % 60)}))
    }).collect();
    let coverage = scene.judge();
    assert_eq!((coverage.issues.len(), coverage.issues[0].tasks.len()), (50, 10));
    assert_eq!(coverage.tasks.len(), 600);
}

#[test]
fn a_record_moves_with_status_and_new_tasks_only() {
    let names = Names { arn: ARN, account: "111122223333", region: "eu-west-1", cluster: "prod" };
    let step = |row: Option<&CoverageRow>, scene: &Scene, now: u64| {
        CoverageRow::after(row, names, &judge_cluster(&scene.known(), &scene.policy, at(now)), at(now))
    };
    let silent = Scene::of(&json!({}));
    let first = step(None, &silent, NOW);
    assert_eq!(
        (first.status, first.updated_at, first.issue()),
        (Status::Unhealthy, at(NOW), "Agent not reporting")
    );
    let exited =
        Scene::of(&json!({"containers": [{"name": "aws-gd-agent", "lastStatus": "STOPPED", "exitCode": 1}]}));
    let other = step(Some(&first), &exited, NOW + 10);
    assert_eq!((other.updated_at, other.issue()), (at(NOW), "Agent exited"), "another text is no change");
    let heard = step(Some(&other), &Scene::of(&json!({})).heard(0), NOW + 20);
    assert_eq!((heard.status, heard.updated_at, heard.issue()), (Status::Healthy, at(NOW + 20), ""));
    let mut more = Scene::of(&json!({})).heard(0);
    more.tasks
        .push(task(&json!({"taskArn": format!("{TASK}2"), "createdAt": NOW + 25, "startedAt": NOW + 26})));
    let more = step(Some(&heard), &more, NOW + 30);
    assert_eq!((more.status, more.updated_at), (Status::Healthy, at(NOW + 30)), "a new task is a change");
    let mut none = Scene::of(&json!({}));
    none.tasks.clear();
    let zero = step(Some(&first), &none, NOW + 40);
    assert_eq!((zero.status, zero.updated_at), (Status::Unhealthy, at(NOW)), "scaling to zero is none");
    assert_eq!(zero.issues, first.issues);
}
