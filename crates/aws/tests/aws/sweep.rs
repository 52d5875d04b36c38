//! Listing an account, in simulated time.

use std::{sync::Arc, time::Duration};

use fargard_aws::{Account, AccountOptions, AwsError, Clock, Ecs, Environment, inventory};
use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use fargard_model::Timestamp;
use serde_json::{Value, json};

/// Waiting lets the control plane's time pass.
#[derive(Debug)]
struct Simulated(Arc<ControlPlane>);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn wait(&self, time: Duration) {
        self.0.advance(time);
    }
}

fn plane() -> Arc<ControlPlane> {
    let options = ControlPlaneOptions { throttle: true, ..ControlPlaneOptions::default() };
    let plane = Arc::new(ControlPlane::start(options).unwrap());
    let call = |operation: &str, input: Value| plane.call(operation, &input).unwrap();
    call(
        "RegisterTaskDefinition",
        json!({
            "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "containerDefinitions": [{"name": "app", "image": "app"}],
        }),
    );
    for cluster in ["one", "two"] {
        call("CreateCluster", json!({"clusterName": cluster, "tags": [{"key": "a", "value": cluster}]}));
        for number in 0..23 {
            call(
                "CreateService",
                json!({
                    "cluster": cluster, "serviceName": format!("s{number}"), "taskDefinition": "web",
                    "desiredCount": 5, "launchType": "FARGATE",
                    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
                }),
            );
        }
    }
    plane.advance(Duration::from_secs(60));
    plane
}

fn account(plane: &Arc<ControlPlane>) -> Arc<Account> {
    let url = plane.url();
    let environment: Environment =
        [("AWS_ENDPOINT_URL_ECS", url.as_str()), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]
            .into_iter()
            .collect();
    let clock: Arc<dyn Clock> = Arc::new(Simulated(Arc::clone(plane)));
    let options = AccountOptions {
        region: Some("eu-west-1".to_owned()),
        environment,
        clock,
        ..AccountOptions::default()
    };
    Arc::new(Account::open(options).unwrap())
}

#[test]
fn a_sweep_finds_everything_and_is_never_throttled() {
    let plane = plane();
    let began = plane.now();
    let found = inventory::sweep(&Ecs::new(account(&plane)), &[]).unwrap();
    let counts = [&found.clusters, &found.services, &found.tasks, &found.task_definitions].map(Vec::len);
    assert_eq!(counts, [2, 46, 230, 1]);
    assert_eq!((found.account.as_str(), found.region.as_str()), ("123456789012", "eu-west-1"));
    assert!(!found.account_settings.is_empty() && !found.partial && found.gone.is_empty());
    assert_eq!(found.clusters[0]["tags"][0]["key"], "a");
    assert!(found.services.iter().all(|service| service.get("events").is_none()));
    let calls = plane.calls();
    assert_eq!(calls.get("throttled"), None);
    // Two pages of running tasks, one of stopped ones, for each cluster.
    assert_eq!((calls["ListTasks"], calls["DescribeTasks"], calls["DescribeServices"]), (6, 4, 6));
    assert!(plane.now().0 - began.0 < 5_000_000_000, "{} ns", plane.now().0 - began.0);

    let one = inventory::sweep(&Ecs::new(account(&plane)), &["two".to_owned()]).unwrap();
    assert_eq!((one.clusters.len(), one.tasks.len(), one.partial), (1, 115, true));
}

#[test]
fn a_sweep_takes_a_quarter_of_the_shared_budget_at_most() {
    let options = ControlPlaneOptions { throttle: true, ..ControlPlaneOptions::default() };
    let plane = Arc::new(ControlPlane::start(options).unwrap());
    for number in 0..60 {
        plane.call("CreateCluster", &json!({"clusterName": format!("c{number}")})).unwrap();
    }
    let _ = plane.add_container_instance("c7");
    let began = plane.now();
    let found = inventory::sweep(&Ecs::new(account(&plane)), &[]).unwrap();
    assert_eq!((found.clusters.len(), found.container_instances.len()), (60, 1));
    assert_eq!(
        found.container_instances[0]["clusterArn"],
        found.clusters[found.clusters.iter().position(|one| one["clusterName"] == "c7").unwrap()]["clusterArn"]
    );
    let calls = plane.calls();
    assert_eq!(calls.get("throttled"), None);
    // These share a bucket of 100 and 20 a second.
    let shared = ["ListTasks", "DescribeTasks", "ListContainerInstances"];
    let made: u64 = shared.iter().filter_map(|name| calls.get(*name)).sum();
    let seconds = (plane.now().0 - began.0) as f64 / 1e9;
    assert_eq!(made, 180);
    assert!(made as f64 <= 5.0f64.mul_add(seconds, 25.0) + 1.0, "{made} calls in {seconds} s");
    println!("{made} calls of the shared budget in {seconds:.1} s of simulated time");
}

#[test]
fn throttled_calls_are_made_again_and_come_through() {
    let plane = plane();
    for _ in 0..6 {
        let ecs = Ecs::new(account(&plane));
        for _ in 0..12 {
            assert_eq!(ecs.list_clusters().unwrap().len(), 2);
        }
    }
    let calls = plane.calls();
    assert!(calls["throttled"] > 0, "{calls:?}");
    assert_eq!(calls["ListClusters"], 72);
}

#[test]
fn errors_say_what_failed_where_and_what_to_do() {
    let plane = plane();
    let ecs = Ecs::new(account(&plane));
    let error = ecs.list_tasks("none", false).unwrap_err();
    assert_eq!(error.code(), Some("ClusterNotFoundException"));
    let text = error.to_string();
    assert!(
        text.starts_with(
            "ECS ListTasks in eu-west-1: ClusterNotFoundException (400): Cluster not found. (request "
        ),
        "{text}"
    );
    assert!(text.ends_with("; check the cluster's name and the region"), "{text}");
    let without_region =
        Account::open(AccountOptions { environment: Environment::default(), ..AccountOptions::default() });
    assert_eq!(without_region.unwrap_err(), AwsError::NoRegion);
}

#[test]
fn a_registration_whose_answer_is_lost_is_not_made_again() {
    // It takes the request and closes the connection.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut taken = 0;
        while let Ok((mut stream, _)) = listener.accept() {
            let mut bytes = [0; 4096];
            let read = std::io::Read::read(&mut stream, &mut bytes).unwrap();
            if read == 0 {
                return taken;
            }
            taken += 1;
        }
        taken
    });
    let plane = plane();
    let environment: Environment =
        [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]
            .into_iter()
            .collect();
    let options = AccountOptions {
        region: Some("eu-west-1".to_owned()),
        environment,
        clock: Arc::new(Simulated(plane)),
        role: None,
    };
    let ecs = Ecs::new(Arc::new(Account::open(options).unwrap()));
    let error = ecs.register_task_definition(&json!({"family": "x"})).unwrap_err();
    assert!(error.to_string().contains("no answer"), "{error}");
    let error = ecs.list_clusters().unwrap_err();
    assert!(error.to_string().contains("(tried 6 times)"), "{error}");
    drop(std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap());
    assert_eq!(server.join().unwrap(), 1 + 6);
}
