//! The vocabulary of GuardDuty's issues, each from a scenario in an imitated ECS, through a real server to the AWS CLI;
//! and tasks whose heartbeats come from real sensors.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions, ImageBehaviour};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use crate::{
    coverage::program,
    coverage_ecs::{RUN, Stage, containers},
    server::Place,
    support::{Running, fargard},
};

const ACCOUNT: &str = "123456789012";
/// Whose detector is younger than its tasks.
const LATE: &str = "222222222222";

/// An imitated ECS that began fifteen minutes ago.
fn plane(account: &str) -> ControlPlane {
    let now = Timestamp(Timestamp::now().0 - u64::try_from(RUN.as_nanos()).unwrap());
    let options = ControlPlaneOptions { account: account.to_owned(), now, ..ControlPlaneOptions::default() };
    ControlPlane::start(options).unwrap()
}

/// The ARN of a cluster's only task.
fn task_of(stage: &Stage, cluster: &str) -> String {
    let listed = stage.call("ListTasks", &json!({"cluster": cluster}));
    listed["taskArns"][0].as_str().unwrap_or_else(|| panic!("{cluster} has no task")).to_owned()
}

/// A key of the server for an account, as the AWS CLI takes it.
fn key(stage: &Stage, account: &str, role: &str) -> [(&'static str, String); 2] {
    let made = stage.fargard(&["server", "key", "create", "--account", account, "--role", role, role]);
    let text = String::from_utf8(made.stdout).unwrap();
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| {
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
        (name, value.to_owned())
    })
}

fn aws(stage: &Stage, key: &[(&'static str, String)], args: &[&str]) -> Value {
    let output = Command::new(program("aws").unwrap())
        .arg("guardduty")
        .args(args)
        .args(["--output", "json"])
        .envs(key.iter().map(|(name, value)| (name, value)))
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_GUARDDUTY", stage.place.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

const MONITORED: &str = r#"[{"Name":"RUNTIME_MONITORING","Status":"ENABLED","AdditionalConfiguration":[{"Name":"ECS_FARGATE_AGENT_MANAGEMENT","Status":"ENABLED"}]}]"#;

/// What the AWS CLI shows of every cluster: issues by the cluster's name, and the whole record.
fn listed(stage: &Stage, key: &[(&'static str, String)], detector: &str) -> BTreeMap<String, Value> {
    let page = aws(stage, key, &["list-coverage", "--detector-id", detector]);
    let records = page["Resources"].as_array().cloned().unwrap_or_default();
    let name = |record: &Value| {
        record["ResourceDetails"]["EcsClusterDetails"]["ClusterName"].as_str().unwrap().to_owned()
    };
    records.into_iter().map(|record| (name(&record), record)).collect()
}

/// Without a signature the same may be read, and nothing be changed.
fn unsigned(stage: &Stage, detector: &str, clusters: usize) {
    let page = aws(stage, &[], &["list-coverage", "--detector-id", detector, "--no-sign-request"]);
    assert_eq!(page["Resources"].as_array().map(Vec::len), Some(clusters), "{page}");
    let ask = |method: &str, origin: Option<&str>| {
        let url = format!("{}/detector/{detector}", stage.place.url());
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let mut answer = crate::server::agent().run(request.body(()).unwrap()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(ask("GET", None).0, 200);
    let (status, text) = ask("DELETE", None);
    assert!(status == 403 && text.contains("AccessDenied"), "{status} {text}");
    let (status, text) = ask("GET", Some("http://evil.example"));
    assert!(status == 403 && text.contains("MissingAuthenticationToken"), "{status} {text}");
}

/// Cluster, and how its first issue begins.
const EXPECTED: [(&str, &str); 10] = [
    (
        "killed",
        "Agent exited : ExitCode: 137 with reason: 'OutOfMemoryError: Container killed due to memory usage'",
    ),
    (
        "unpullable",
        "Agent exited : Reason: CannotPullContainerError: pull image manifest has been retried 5 time(s)",
    ),
    ("odd-cpu", "Agent not provisioned : Unsupported CPU architecture 'riscv64', for task(s)"),
    ("windows", "Agent not provisioned : Unsupported platform 'Windows_Server_2022_Core', for task(s)"),
    (
        "no-network",
        "Agent not provisioned : Missing network configuration 'awsvpcConfiguration', for task(s)",
    ),
    ("old-arn", "Others : Unidentified issue, for task(s) in TaskDefinition - 'old-arn:1'"),
    ("vpc-dns", "VPC Endpoint Creation Failed : Enabling private DNS requires both enableDnsSupport"),
    ("vpc-cut", "Agent not reporting : VPC_ISSUE, for task(s) in TaskDefinition - 'vpc-cut:1'"),
    ("late", "Agent not provisioned : Service requires a new deployment to fix/troubleshoot"),
    (
        "late-alone",
        "Agent not provisioned : Tasks started before enabling Runtime Monitoring require a relaunch",
    ),
];

/// Everything of the vocabulary that the other scenarios have not.
fn play(stage: &Stage, late: &Stage) {
    let (none, usual, agent) = (json!([]), json!({}), containers(Some("agent:1")));
    let reason = "OutOfMemoryError: Container killed due to memory usage".to_owned();
    let after = Duration::from_secs(5);
    stage.plane.set_image("agent:killed", ImageBehaviour::Killed { after, code: 137, reason });
    let unpullable = "pull image manifest has been retried 5 time(s)".to_owned();
    stage.plane.set_image("agent:none", ImageBehaviour::CannotPull(unpullable));
    stage.scene("killed", &containers(Some("agent:killed")), false, &none, &usual);
    stage.scene("unpullable", &containers(Some("agent:none")), true, &none, &usual);
    for name in ["odd-cpu", "windows", "no-network"] {
        stage.scene(name, &agent, false, &none, &usual);
    }
    for (name, subnet) in [("vpc-dns", "subnet-dns"), ("vpc-cut", "subnet-cut")] {
        let network = json!({"awsvpcConfiguration": {"subnets": [subnet]}});
        stage.scene(name, &agent, false, &none, &json!({"networkConfiguration": network}));
    }
    let setting = |value: &str| json!({"name": "taskLongArnFormat", "value": value});
    stage.call("PutAccountSetting", &setting("disabled"));
    stage.scene("old-arn", &agent, true, &none, &usual);
    stage.call("PutAccountSetting", &setting("enabled"));
    stage.call("CreateCluster", &json!({"clusterName": "ec2"}));
    let _ = (stage.plane.add_container_instance("ec2"), stage.plane.add_container_instance("ec2"));
    late.scene("late", &agent, false, &none, &usual);
    late.scene("late-alone", &agent, true, &none, &usual);
    for one in [stage, late] {
        one.plane.advance(RUN);
    }
    let alter = |cluster: &str, members: Value| stage.plane.alter_task(&task_of(stage, cluster), &members);
    alter("odd-cpu", json!({"attributes": [{"name": "ecs.cpu-architecture", "value": "riscv64"}]}));
    alter("windows", json!({"platformFamily": "Windows_Server_2022_Core"}));
    alter("no-network", json!({"attachments": []}));
}

#[test]
fn every_issue_of_the_vocabulary_reaches_the_aws_cli() {
    if program("aws").is_none() {
        eprintln!("skipped: no aws (cargo xtask test sets it up)");
        return;
    }
    let place = Place::new();
    let anonymous = ("FARGARD_GUARDDUTY_ANONYMOUS", "999999999999/eu-west-1".to_owned());
    let (_running, tokens) = place.first_start_with(&[anonymous]);
    let stage = Stage { plane: plane(ACCOUNT), place: place.clone(), tokens: tokens.clone() };
    let late = Stage { plane: plane(LATE), place, tokens };
    play(&stage, &late);
    // A detector that is younger than the tasks of its account.
    let late_key = key(&stage, LATE, "member");
    aws(&stage, &late_key, &["create-detector", "--enable", "--features", MONITORED]);
    for one in [&stage, &late] {
        assert!(one.tell_events() > 0);
        let swept = one.fargard(&["coverage", "sweep"]);
        assert!(swept.status.success(), "{}", String::from_utf8_lossy(&swept.stderr));
    }
    // What EC2 says of VPCs.
    let vpcs = json!({"account": ACCOUNT, "region": "eu-west-1", "startedAt": Timestamp::now().seconds(), "partial": true,
        "vpcs": [{"vpcId": "vpc-1", "subnets": ["subnet-dns"], "enableDnsSupport": true, "enableDnsHostnames": false},
            {"vpcId": "vpc-2", "subnets": ["subnet-cut"], "enableDnsSupport": true, "enableDnsHostnames": true,
                "reachesServer": false}]});
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(vpcs.to_string().as_bytes()).unwrap();
    assert!(stage.fargard(&["coverage", "sweep", file.path().to_str().unwrap()]).status.success());
    stage.wait_for(&EXPECTED);
    // An administrator of another account sees them all.
    let auditor = key(&stage, "999999999999", "administrator");
    let made = aws(&stage, &auditor, &["create-detector", "--enable", "--features", MONITORED]);
    let detector = made["DetectorId"].as_str().unwrap();
    let records = listed(&stage, &auditor, detector);
    unsigned(&stage, detector, records.len());
    for (cluster, begins) in EXPECTED {
        let record = &records[cluster];
        let issues = &record["ResourceDetails"]["EcsClusterDetails"]["FargateDetails"]["Issues"];
        assert!(issues[0].as_str().is_some_and(|text| text.starts_with(begins)), "{cluster}: {issues}");
        assert_eq!(record["CoverageStatus"], "UNHEALTHY", "{cluster}");
        let instances = &record["ResourceDetails"]["EcsClusterDetails"]["ContainerInstanceDetails"];
        let counts = (&instances["CoveredContainerInstances"], &instances["CompatibleContainerInstances"]);
        assert_eq!(counts, (&json!(0), &json!(0)), "{cluster} has tasks on Fargate only");
        let account = if cluster.starts_with("late") { LATE } else { ACCOUNT };
        assert_eq!(record["AccountId"], account, "{cluster}");
    }
    let on_ec2 = &records["ec2"]["ResourceDetails"]["EcsClusterDetails"]["ContainerInstanceDetails"];
    assert_eq!(on_ec2["CompatibleContainerInstances"], 2, "{on_ec2}");
    assert_eq!(records["ec2"]["CoverageStatus"], "UNHEALTHY");
}

/// The metadata endpoint that ECS gives a task's containers; its URI.
fn metadata(task: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/v4/x", listener.local_addr().unwrap());
    let of_task = json!({"TaskARN": task, "Cluster": "c", "Family": "app", "Revision": "1", "LaunchType": "FARGATE",
        "Containers": [], "Limits": {"CPU": 0.25}});
    let container =
        json!({"DockerId": "1", "Name": "app", "Image": "app:1", "ImageID": "sha256:0", "Labels": {}});
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let (mut first, mut line) = (String::new(), String::new());
            let _ = reader.read_line(&mut first);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let body = if first.contains("/task") { &of_task } else { &container }.to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(&stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    uri
}

/// A command under a real sensor, in the place of a task; it ends by itself after some minutes.
fn sensor(stage: &Stage, task: &str) -> (Running, rustix::process::Pid) {
    let mut running = Running::start(
        fargard()
            .args(["watch", "--quiet", "--server", &stage.place.url(), "--token", &stage.tokens.enrolment])
            .args(["--", "sh", "-c", "echo pid $$; exec sleep 240"])
            .env("ECS_CONTAINER_METADATA_URI_V4", metadata(task)),
    );
    let line = running.wait_for(&["pid "]);
    let pid = line.rsplit(' ').next().unwrap().parse().unwrap();
    (running, rustix::process::Pid::from_raw(pid).unwrap())
}

#[test]
fn real_sensors_cover_their_tasks_and_their_silence_is_seen_within_a_minute() {
    let place = Place::new();
    let (_running, tokens) = place.first_start();
    let stage = Stage { plane: plane(ACCOUNT), place, tokens };
    let (none, usual) = (json!([]), json!({}));
    stage.scene("sidecar", &containers(Some("agent:1")), false, &none, &usual);
    stage.scene("wrapped", &containers(None), false, &none, &usual);
    stage.scene("alone", &containers(None), true, &none, &usual);
    stage.plane.advance(RUN);
    stage.tell_events();
    stage.wait_for(&[
        ("sidecar", "Agent not reporting"),
        ("wrapped", "Agent not provisioned"),
        ("alone", "Others"),
    ]);
    let begun = Instant::now();
    let names = ["sidecar", "wrapped", "alone"];
    let sensors = names.map(|name| sensor(&stage, &task_of(&stage, name)));
    stage.wait_for(&names.map(|name| (name, "")));
    let covered = begun.elapsed();
    // Version and losses are the sensor's own.
    let task = task_of(&stage, "wrapped");
    let explained = stage.fargard(&["coverage", "explain", &task, "--format", "json"]);
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    assert_eq!(explained["task"]["sensor"], env!("CARGO_PKG_VERSION"), "{explained}");
    // The app of one ends, with its sensor; ECS goes on saying that the task runs.
    let ended = Instant::now();
    rustix::process::kill_process(sensors[1].1, rustix::process::Signal::KILL).unwrap();
    stage.wait_for(&[("wrapped", "Agent not reporting"), ("sidecar", ""), ("alone", "")]);
    let silent = ended.elapsed();
    println!(
        "covered {:.1} s after three sensors were started, silence seen {:.1} s after the end of one",
        covered.as_secs_f64(),
        silent.as_secs_f64()
    );
    assert!(covered < Duration::from_secs(60) && silent < Duration::from_secs(60));
    for (running, pid) in sensors {
        // One has ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let _ = running.finish();
    }
}
