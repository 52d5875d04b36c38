//! GuardDuty's API as the real AWS CLI and boto3 use it, and `fargard coverage`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    server::{Place, Tokens},
    support::{DEADLINE, Running, fargard, repository},
};

/// Clusters of the sweep: one more than a page holds.
const CLUSTERS: usize = 51;

/// A program that the setup put beside the build, or the machine's own.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let own = repository().join("target/python/bin").join(name);
    let path = std::env::var_os("PATH")?;
    let all = std::iter::once(own).chain(std::env::split_paths(&path).map(|directory| directory.join(name)));
    all.into_iter().find(|file| file.is_file())
}

/// A server with an administrator's key.
pub(crate) struct Stage {
    pub(crate) place: Place,
    _running: Running,
    pub(crate) tokens: Tokens,
    key: (String, String),
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Stage {
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let (running, tokens) = place.first_start();
        let mut stage = Self { place, _running: running, tokens, key: (String::new(), String::new()) };
        stage.key = stage.make_key(&["--account", "111122223333", "--role", "administrator", "auditor"]);
        stage
    }

    pub(crate) fn make_key(&self, args: &[&str]) -> (String, String) {
        let made = self.fargard(&[&["server", "key", "create"], args].concat());
        assert!(made.status.success(), "{}", text(&made));
        let made = text(&made);
        let value = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        (value("AWS_ACCESS_KEY_ID="), value("AWS_SECRET_ACCESS_KEY="))
    }

    pub(crate) fn fargard(&self, args: &[&str]) -> Output {
        let url = self.place.url();
        fargard()
            .args(args)
            .env("FARGARD_SERVER", url)
            .env("FARGARD_TOKEN", &self.tokens.admin)
            .output()
            .unwrap()
    }

    pub(crate) fn environment(&self, command: &mut Command) {
        command
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1)
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL_GUARDDUTY", self.place.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE");
    }

    pub(crate) fn aws(&self, aws: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(aws);
        self.environment(&mut command);
        command.arg("guardduty").args(args).args(["--output", "json"]).output().unwrap()
    }

    /// A sweep of this many clusters of two accounts, each with one task; every third is heard of by nobody.
    pub(crate) fn sweep(&self, clusters: usize) {
        let now = jiff::Timestamp::now().as_second();
        for (account, part) in [("111122223333", 0), ("444455556666", 1)] {
            let arn = |number: usize| format!("arn:aws:ecs:eu-west-1:{account}:cluster/c{number:05}");
            let numbers: Vec<usize> = (0..clusters).filter(|number| number % 2 == part).collect();
            let tasks: Vec<Value> = numbers
                .iter()
                .filter(|number| *number % 3 == 0)
                .map(|number| {
                    json!({"taskArn": format!("arn:aws:ecs:eu-west-1:{account}:task/c{number:05}/{number:032x}"),
                        "clusterArn": arn(*number), "version": 1, "lastStatus": "RUNNING", "launchType": "FARGATE",
                        "group": "service:web", "createdAt": now - 600, "startedAt": now - 590,
                        "attachments": [{"type": "eni", "details": [{"name": "subnetId", "value": "subnet-1"},
                            {"name": "networkInterfaceId", "value": "eni-1"}]}],
                        "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:{account}:task-definition/web:7"),
                        "containers": [{"name": "app", "lastStatus": "RUNNING"}]})
                })
                .collect();
            let clusters: Vec<Value> = numbers
                .iter()
                .map(|number| {
                    let tags = match number % 5 {
                        0 => json!([{"key": "GuardDutyManaged", "value": "false"}]),
                        _ => json!([]),
                    };
                    json!({"clusterArn": arn(*number), "status": "ACTIVE", "tags": tags})
                })
                .collect();
            let sweep = json!({"account": account, "region": "eu-west-1", "startedAt": now - 5,
                "clusters": clusters, "tasks": tasks});
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(sweep.to_string().as_bytes()).unwrap();
            let sent = self.fargard(&["coverage", "sweep", file.path().to_str().unwrap()]);
            assert!(sent.status.success(), "{}", text(&sent));
        }
        let until = Instant::now() + DEADLINE;
        loop {
            let counts = self.fargard(&["coverage", "stats"]);
            let counts: Value = serde_json::from_slice(&counts.stdout).unwrap();
            if counts["healthy"]
                .as_u64()
                .zip(counts["unhealthy"].as_u64())
                .is_some_and(|(one, two)| one + two == clusters as u64)
            {
                return;
            }
            assert!(Instant::now() < until, "{counts}");
        }
    }
}

pub(crate) fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    if output.stdout.trim_ascii().is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| {
            each["resourceDetails"]["ecsClusterDetails"]["clusterName"]
                .as_str()
                .or_else(|| each["ResourceDetails"]["EcsClusterDetails"]["ClusterName"].as_str())
                .unwrap()
        })
        .collect()
}

fn resources(page: &Value) -> Value {
    json!({"resources": page["Resources"]})
}

#[test]
fn the_aws_cli_lists_and_counts_coverage() {
    let Some(aws) = program("aws") else {
        eprintln!("skipped: no aws (cargo xtask test sets it up)");
        return;
    };
    let stage = Stage::new();
    let run = |args: &[&str]| stage.aws(&aws, args);
    let features = r#"[{"Name":"RUNTIME_MONITORING","Status":"ENABLED","AdditionalConfiguration":[{"Name":"ECS_FARGATE_AGENT_MANAGEMENT","Status":"ENABLED"}]}]"#;
    assert_eq!(json_of(&run(&["list-detectors"]))["DetectorIds"], json!([]));
    let made = json_of(&run(&["create-detector", "--enable", "--features", features, "--tags", "a=b"]));
    let id = made["DetectorId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    detectors(&run, &id);
    stage.sweep(CLUSTERS);
    filters_and_orders(&run, &id);
    pages(&run, &id);
    let counts = |args: &[&str]| {
        json_of(&run(
            &[&["get-coverage-statistics", "--detector-id", &id, "--statistics-type"], args].concat()
        ))["CoverageStatistics"]
            .clone()
    };
    let unhealthy = (0..CLUSTERS).filter(|number| number % 3 == 0).count();
    assert_eq!(
        counts(&["COUNT_BY_COVERAGE_STATUS", "COUNT_BY_RESOURCE_TYPE"]),
        json!({"CountByResourceType": {"ECS": CLUSTERS},
            "CountByCoverageStatus": {"HEALTHY": CLUSTERS - unhealthy, "UNHEALTHY": unhealthy}})
    );
    let account = r#"{"FilterCriterion":[{"CriterionKey":"ACCOUNT_ID","FilterCondition":{"Equals":["111122223333"]}}]}"#;
    assert_eq!(
        counts(&["COUNT_BY_RESOURCE_TYPE", "--filter-criteria", account]),
        json!({"CountByResourceType": {"ECS": 26}})
    );
    roles_and_errors(&stage, &aws, &id);
    command_line(&stage);
}

fn detectors(run: &impl Fn(&[&str]) -> Output, id: &str) {
    assert_eq!(json_of(&run(&["list-detectors"]))["DetectorIds"], json!([id]));
    let second = run(&["create-detector", "--enable"]);
    assert!(
        text(&second).contains("(BadRequestException)")
            && text(&second).contains("a detector already exists"),
        "{}",
        text(&second)
    );
    let shown = json_of(&run(&["get-detector", "--detector-id", id]));
    assert_eq!((&shown["Status"], &shown["Tags"]), (&json!("ENABLED"), &json!({"a": "b"})));
    let monitoring = shown["Features"]
        .as_array()
        .unwrap()
        .iter()
        .find(|each| each["Name"] == "RUNTIME_MONITORING")
        .unwrap();
    assert_eq!(monitoring["AdditionalConfiguration"][1]["Status"], "ENABLED");
    let arn = format!("arn:aws:guardduty:eu-west-1:111122223333:detector/{id}");
    json_of(&run(&["tag-resource", "--resource-arn", &arn, "--tags", "c=d,e=f"]));
    json_of(&run(&["untag-resource", "--resource-arn", &arn, "--tag-keys", "a", "c"]));
    assert_eq!(json_of(&run(&["list-tags-for-resource", "--resource-arn", &arn]))["Tags"], json!({"e": "f"}));
    let refused = run(&[
        "update-detector",
        "--detector-id",
        id,
        "--features",
        r#"[{"Name":"S3_DATA_EVENTS","Status":"ENABLED"}]"#,
    ]);
    assert!(text(&refused).contains("S3_DATA_EVENTS is not supported by this server"), "{}", text(&refused));
    let unknown = run(&["list-coverage", "--detector-id", "0".repeat(32).as_str()]);
    assert!(
        text(&unknown).contains("because the input detectorId is not owned by the current account."),
        "{}",
        text(&unknown)
    );
    // Switched off, there is no coverage; then on again.
    for (switch, monitors) in [("--no-enable", false), ("--enable", true)] {
        json_of(&run(&["update-detector", "--detector-id", id, switch]));
        let listed = run(&["list-coverage", "--detector-id", id]);
        assert!(listed.status.success(), "{}", text(&listed));
        assert_eq!(text(&listed).contains("Resources"), monitors, "{}", text(&listed));
    }
}

fn filters_and_orders(run: &impl Fn(&[&str]) -> Output, id: &str) {
    let list =
        |args: &[&str]| resources(&json_of(&run(&[&["list-coverage", "--detector-id", id], args].concat())));
    let filtered = |key: &str, condition: &str| {
        let filter =
            format!(r#"{{"FilterCriterion":[{{"CriterionKey":"{key}","FilterCondition":{condition}}}]}}"#);
        names(&list(&["--filter-criteria", &filter])).len()
    };
    let count = |holds: fn(usize) -> bool| (0..CLUSTERS).filter(|number| holds(*number)).count();
    for (key, condition, wanted) in [
        ("ACCOUNT_ID", r#"{"Equals":["444455556666"]}"#, count(|number| number % 2 == 1)),
        ("RESOURCE_TYPE", r#"{"Equals":["ECS"]}"#, CLUSTERS),
        ("RESOURCE_TYPE", r#"{"Equals":["EKS","EC2"]}"#, 0),
        ("COVERAGE_STATUS", r#"{"Equals":["UNHEALTHY"]}"#, count(|number| number % 3 == 0)),
        ("MANAGEMENT_TYPE", r#"{"NotEquals":["DISABLED"]}"#, count(|number| number % 5 != 0)),
        ("ECS_CLUSTER_NAME", r#"{"Equals":["c00001","c00002"]}"#, 2),
        ("CLUSTER_ARN", r#"{"Equals":["arn:aws:ecs:eu-west-1:444455556666:cluster/c00001"]}"#, 1),
        ("ADDON_VERSION", r#"{"Equals":["x"]}"#, 0),
        ("CLUSTER_NAME", r#"{"Equals":["c00001"]}"#, 0),
        ("EKS_CLUSTER_NAME", r#"{"NotEquals":["x"]}"#, CLUSTERS),
        ("AGENT_VERSION", r#"{"Equals":["x"]}"#, 0),
        ("INSTANCE_ID", r#"{"Equals":["i-1"]}"#, 0),
    ] {
        assert_eq!(filtered(key, condition), wanted, "{key} {condition}");
    }
    for key in [
        "ACCOUNT_ID",
        "COVERAGE_STATUS",
        "ISSUE",
        "ADDON_VERSION",
        "UPDATED_AT",
        "CLUSTER_NAME",
        "EKS_CLUSTER_NAME",
        "ECS_CLUSTER_NAME",
        "INSTANCE_ID",
    ] {
        let sorted = |order: &str| {
            let sort = format!(r#"{{"AttributeName":"{key}","OrderBy":"{order}"}}"#);
            list(&["--sort-criteria", &sort, "--page-size", "20"])
        };
        let (up, down) = (sorted("ASC"), sorted("DESC"));
        let (up, mut down) = (names(&up), names(&down));
        down.reverse();
        assert_eq!((up.len(), &up), (CLUSTERS, &down), "{key}");
        if key == "ECS_CLUSTER_NAME" {
            assert!(up.is_sorted());
        }
    }
    let unhealthy =
        list(&["--sort-criteria", r#"{"AttributeName":"ISSUE","OrderBy":"DESC"}"#, "--max-items", "1"]);
    let one = &unhealthy["resources"][0];
    assert_eq!(
        (&one["CoverageStatus"], &one["Issue"]),
        (&json!("UNHEALTHY"), &json!("Agent not provisioned"))
    );
    assert!(
        one["UpdatedAt"].is_number() || one["UpdatedAt"].as_str().is_some_and(|at| at.starts_with("20")),
        "{one}"
    );
}

fn pages(run: &impl Fn(&[&str]) -> Output, id: &str) {
    // The CLI itself pages as long as there is a token.
    for size in ["50", "49", "7"] {
        let all = json_of(&run(&["list-coverage", "--detector-id", id, "--page-size", size]));
        assert_eq!(all["Resources"].as_array().unwrap().len(), CLUSTERS, "{size}");
    }
    let first = json_of(&run(&["list-coverage", "--detector-id", id, "--max-results", "50"]));
    let token = first["NextToken"].as_str().unwrap();
    let rest =
        json_of(&run(&["list-coverage", "--detector-id", id, "--max-results", "50", "--next-token", token]));
    assert_eq!((rest["Resources"].as_array().unwrap().len(), &rest["NextToken"]), (1, &Value::Null));
    let other = r#"{"AttributeName":"ISSUE"}"#;
    for bad in [
        &["--next-token", "AAAA"][..],
        &["--next-token", token, "--sort-criteria", other],
        &["--max-results", "51"],
        &["--max-results", "0"],
        &[
            "--filter-criteria",
            r#"{"FilterCriterion":[{"CriterionKey":"COLOUR","FilterCondition":{"Equals":["red"]}}]}"#,
        ],
    ] {
        let refused = run(&[&["list-coverage", "--detector-id", id], bad].concat());
        let said = text(&refused);
        let by_server = said.contains("(BadRequestException)") && said.contains("invalid or out-of-range");
        assert!(by_server || said.contains("Parameter validation failed"), "{bad:?}: {said}");
    }
}

fn roles_and_errors(stage: &Stage, aws: &Path, id: &str) {
    let with = |key: &(String, String), args: &[&str]| {
        let mut command = Command::new(aws);
        stage.environment(&mut command);
        let command = command.env("AWS_ACCESS_KEY_ID", &key.0).env("AWS_SECRET_ACCESS_KEY", &key.1);
        command.arg("guardduty").args(args).output().unwrap()
    };
    let said = |key: &(String, String), args: &[&str], wanted: &str| {
        let said = text(&with(key, args));
        assert!(said.contains(wanted), "{said}");
    };
    let member = stage.make_key(&["--account", "444455556666", "member"]);
    let features = r#"[{"Name":"RUNTIME_MONITORING","Status":"ENABLED"}]"#;
    let made = json_of(&with(&member, &["create-detector", "--enable", "--features", features]));
    let own = made["DetectorId"].as_str().unwrap();
    let seen = json_of(&with(&member, &["list-coverage", "--detector-id", own]));
    assert_eq!(seen["Resources"].as_array().unwrap().len(), 25, "a member sees its own");
    said(&member, &["list-coverage", "--detector-id", id], "not owned by the current account");
    let reader = stage.make_key(&["--account", "111122223333", "--read-only", "reader"]);
    assert!(with(&reader, &["get-detector", "--detector-id", id]).status.success());
    said(&reader, &["delete-detector", "--detector-id", id], "(AccessDeniedException)");
    let wrong = (member.0.clone(), reader.1.clone());
    said(&wrong, &["list-detectors"], "(InvalidSignatureException)");
    said(&("FGKANOBODY".to_owned(), "x".to_owned()), &["list-detectors"], "(UnrecognizedClientException)");
    said(&member, &["list-detectors", "--no-sign-request"], "(MissingAuthenticationTokenException)");
    said(&member, &["describe-malware-scans", "--detector-id", own], "not supported by this server");
    // Another region has another detector: none.
    let elsewhere = json_of(&with(&member, &["list-detectors", "--region", "us-east-1"]));
    assert_eq!(elsewhere["DetectorIds"], json!([]));
    let revoked = stage.fargard(&["server", "key", "revoke", &member.0]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    said(&member, &["list-detectors"], "(UnrecognizedClientException)");
    let listed = text(&stage.fargard(&["server", "key", "list"]));
    assert!(
        listed.contains(&reader.0) && !listed.contains(&member.0) && !listed.contains(&reader.1),
        "{listed}"
    );
}

fn command_line(stage: &Stage) {
    let listed = stage.fargard(&[
        "coverage",
        "list",
        "--status",
        "UNHEALTHY",
        "--account",
        "111122223333",
        "--format",
        "table",
    ]);
    assert_eq!(listed.status.code(), Some(1), "some are not covered");
    assert!(
        text(&listed).contains("Impacted service name(s): 'web'") && text(&listed).contains("$ aws ecs "),
        "{}",
        text(&listed)
    );
    assert_eq!(stage.fargard(&["coverage", "list", "--status", "HEALTHY"]).status.code(), Some(0));
    let explained = stage.fargard(&["coverage", "explain", &format!("{:032x}", 3), "--format", "table"]);
    assert_eq!(explained.status.code(), Some(1));
    assert!(
        text(&explained).starts_with("NOT COVERED: arn:aws:ecs:eu-west-1:444455556666:task/c00003/"),
        "{}",
        text(&explained)
    );
    assert_eq!(stage.fargard(&["coverage", "explain", "none"]).status.code(), Some(2));
    assert_eq!(stage.fargard(&["coverage", "list", "--sort", "colour"]).status.code(), Some(2));
}

/// What boto3 makes of the answers: types, the paginator, errors.
const BOTO3: &str = r#"
import boto3, datetime, sys
from botocore.exceptions import ClientError
client = boto3.client("guardduty")
features = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
detector = client.create_detector(Enable=True, Features=features)["DetectorId"]
assert client.list_coverage(DetectorId=detector, MaxResults=5)["NextToken"]
pages = list(client.get_paginator("list_coverage").paginate(DetectorId=detector, PaginationConfig={"PageSize": 20}))
rows = [row for page in pages for row in page["Resources"]]
assert [len(page["Resources"]) for page in pages] == [20, 20, 11], [len(page["Resources"]) for page in pages]
assert "NextToken" not in pages[-1]
assert len({row["ResourceId"] for row in rows}) == 51
age = datetime.datetime.now(datetime.timezone.utc) - rows[0]["UpdatedAt"]
assert abs(age) < datetime.timedelta(minutes=10), rows[0]["UpdatedAt"]
details = rows[0]["ResourceDetails"]["EcsClusterDetails"]
assert details["ContainerInstanceDetails"] == {"CoveredContainerInstances": 0, "CompatibleContainerInstances": 0}
for key in ["ACCOUNT_ID", "COVERAGE_STATUS", "ISSUE", "ADDON_VERSION", "UPDATED_AT", "CLUSTER_NAME", "EKS_CLUSTER_NAME", "ECS_CLUSTER_NAME", "INSTANCE_ID"]:
    assert len(client.list_coverage(DetectorId=detector, SortCriteria={"AttributeName": key, "OrderBy": "DESC"})["Resources"]) == 50
for key in ["ACCOUNT_ID", "RESOURCE_TYPE", "COVERAGE_STATUS", "ADDON_VERSION", "CLUSTER_NAME", "ECS_CLUSTER_NAME", "MANAGEMENT_TYPE", "EKS_CLUSTER_NAME", "AGENT_VERSION", "INSTANCE_ID", "CLUSTER_ARN"]:
    value = {"RESOURCE_TYPE": "ECS", "COVERAGE_STATUS": "HEALTHY", "MANAGEMENT_TYPE": "DISABLED"}.get(key, "none")
    criterion = [{"CriterionKey": key, "FilterCondition": {"Equals": [value]}}]
    found = client.list_coverage(DetectorId=detector, FilterCriteria={"FilterCriterion": criterion})["Resources"]
    assert bool(found) == (value != "none"), (key, len(found))
counts = client.get_coverage_statistics(DetectorId=detector, StatisticsType=["COUNT_BY_COVERAGE_STATUS", "COUNT_BY_RESOURCE_TYPE"])["CoverageStatistics"]
assert sum(counts["CountByCoverageStatus"].values()) == counts["CountByResourceType"]["ECS"] == 51
try:
    client.list_coverage(DetectorId="x" * 32)
    sys.exit("an unknown detector was found")
except client.exceptions.BadRequestException as error:
    assert "not owned by the current account" in str(error)
url = client.generate_presigned_url("list_detectors", ExpiresIn=60)
import urllib.request, json
assert json.load(urllib.request.urlopen(url)) == {"detectorIds": [detector]}
print("boto3 is content")
"#;

#[test]
fn boto3_understands_every_answer() {
    let Some(python) = program("python3") else {
        eprintln!("skipped: no python3");
        return;
    };
    let has = Command::new(&python).args(["-c", "import boto3"]).output().unwrap();
    if !has.status.success() {
        eprintln!("skipped: no boto3 (cargo xtask test sets it up)");
        return;
    }
    let stage = Stage::new();
    stage.sweep(CLUSTERS);
    let mut command = Command::new(&python);
    stage.environment(&mut command);
    let said = text(&command.args(["-c", BOTO3]).output().unwrap());
    assert!(said.contains("boto3 is content"), "{said}");
}
