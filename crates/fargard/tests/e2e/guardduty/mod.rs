//! GuardDuty's API beyond coverage, judged by AWS's own clients and service model.

mod deliver;

use std::{path::PathBuf, process::Command, time::Instant};

use serde_json::{Value, json};

use crate::{
    coverage::{Stage, json_of, program, text},
    server::{agent, get},
    support::{DEADLINE, repository},
};
use deliver::deliver;

const ADMIN: &str = "111122223333";
const MEMBER: &str = "444455556666";

fn has_boto3() -> Option<PathBuf> {
    let python = program("python3")?;
    let has = Command::new(&python).args(["-c", "import boto3"]).output().unwrap();
    has.status.success().then_some(python)
}

/// Runs a script of this directory; it must end well and say this.
fn script(stage: &Stage, name: &str, more: &[(&str, &str)], said: &str) {
    let Some(python) = has_boto3() else {
        eprintln!("skipped: no boto3 (cargo xtask test sets it up)");
        return;
    };
    let directory = repository().join("crates/fargard/tests/e2e/guardduty");
    let mut command = Command::new(&python);
    stage.environment(&mut command);
    command.env("STRICT", &directory).env("PYTHONDONTWRITEBYTECODE", "1").arg(directory.join(name));
    for (name, value) in more {
        command.env(name, value);
    }
    let printed = text(&command.output().unwrap());
    assert!(printed.contains(said), "{printed}");
    eprintln!("{printed}");
}

/// A key of an account, as the environment of scripts names it.
fn member_key(stage: &Stage, account: &str) -> (String, String) {
    stage.make_key(&["--account", account, "member"])
}

/// A server that has coverage and findings of two accounts.
fn with_findings() -> Stage {
    let stage = Stage::new();
    stage.sweep(51);
    deliver(&stage, ADMIN, 7);
    deliver(&stage, MEMBER, 14);
    stage
}

#[test]
fn findings_are_what_the_service_model_says() {
    let stage = with_findings();
    let (id, secret) = member_key(&stage, MEMBER);
    let member = [("MEMBER_ID", id.as_str()), ("MEMBER_SECRET", secret.as_str())];
    script(&stage, "findings.py", &member, "findings are as the model says");
}

#[test]
fn members_and_lists_are_what_the_service_model_says() {
    let stage = with_findings();
    let (id, secret) = member_key(&stage, MEMBER);
    let (stranger, word) = member_key(&stage, "777788889999");
    let keys = [
        ("MEMBER_ID", id.as_str()),
        ("MEMBER_SECRET", secret.as_str()),
        ("STRANGER_ID", stranger.as_str()),
        ("STRANGER_SECRET", word.as_str()),
    ];
    script(&stage, "organization.py", &keys, "organizations are as the model says");
}

#[test]
fn ten_thousand_clusters_are_paged_and_bad_requests_get_aws_s_errors() {
    const CLUSTERS: usize = 10_001;
    let stage = Stage::new();
    stage.sweep(CLUSTERS);
    let clusters = CLUSTERS.to_string();
    script(&stage, "bad.py", &[("CLUSTERS", &clusters)], "bad requests answered");
    let Some(aws) = program("aws") else { return };
    let id = json_of(&stage.aws(&aws, &["list-detectors"]))["DetectorIds"][0].as_str().unwrap().to_owned();
    let all = json_of(&stage.aws(&aws, &["list-coverage", "--detector-id", &id]));
    assert_eq!(all["Resources"].as_array().unwrap().len(), CLUSTERS);
}

#[test]
fn the_client_for_javascript_understands_every_answer() {
    let modules = repository().join("tests/browser/node_modules");
    if !modules.join("@aws-sdk/client-guardduty").is_dir() {
        eprintln!("skipped: needs `npm ci` in tests/browser (cargo xtask test does it)");
        return;
    }
    let stage = with_findings();
    let mut command = Command::new("node");
    stage.environment(&mut command);
    let script = repository().join("crates/fargard/tests/e2e/guardduty/coverage.mjs");
    let printed = text(&command.env("MODULES", &modules).arg(script).output().unwrap());
    assert!(printed.contains("is content"), "{printed}");
}

/// What somebody types, from the first finding to the filter that archives the next.
#[test]
fn the_aws_cli_lists_shows_and_archives_findings() {
    let Some(aws) = program("aws") else {
        eprintln!("skipped: no aws (cargo xtask test sets it up)");
        return;
    };
    let stage = Stage::new();
    let run = |args: &[&str]| json_of(&stage.aws(&aws, args));
    let made = run(&["create-detector", "--enable"]);
    let id = made["DetectorId"].as_str().unwrap();
    let with = |operation: &str, args: &[&str]| run(&[&[operation, "--detector-id", id], args].concat());
    let shells = r#"{"Criterion":{"type":{"Equals":["Execution:Runtime/ReverseShell"]},"service.runtimeDetails.process.name":{"Matches":["s?"]}}}"#;
    with("create-filter", &["--name", "shells", "--action", "ARCHIVE", "--finding-criteria", shells]);
    deliver(&stage, ADMIN, 7);
    let listed = |criterion: &str, sort: &[&str]| {
        let criteria = format!(r#"{{"Criterion":{criterion}}}"#);
        let args = [&["--finding-criteria", criteria.as_str()], sort].concat();
        let ids = with("list-findings", &args)["FindingIds"].take();
        serde_json::from_value::<Vec<String>>(ids).unwrap()
    };
    // The filter is tried a moment after the finding is there.
    let until = Instant::now() + DEADLINE;
    let archived = loop {
        let archived = listed(r#"{"service.archived":{"Equals":["true"]}}"#, &[]);
        if !archived.is_empty() {
            break archived;
        }
        assert!(Instant::now() < until, "the filter archived nothing");
    };
    let current = listed(r#"{"service.archived":{"Equals":["false"]}}"#, &[]);
    assert_eq!((archived.len(), current.len()), (1, 6));
    let shown = with("get-findings", &["--finding-ids", &archived[0]]);
    assert_eq!(shown["Findings"][0]["Type"], "Execution:Runtime/ReverseShell");
    assert_eq!(shown["Findings"][0]["Service"]["Archived"], true);
    let admin = &stage.tokens.admin;
    let page = get(&agent(), &stage.place.url(), admin, "/api/v1/findings?state=suppressed");
    assert_eq!(
        page["findings"][0]["id"],
        Value::from(archived[0].clone()),
        "the console shows it suppressed"
    );
    let highest = r#"{"AttributeName":"severity","OrderBy":"DESC"}"#;
    let high = listed(r#"{"severity":{"GreaterThanOrEqual":7}}"#, &["--sort-criteria", highest]);
    assert_eq!(high.len(), 3);
    with("archive-findings", &["--finding-ids", &high[0], &high[1], &high[2]]);
    assert_eq!(listed(r#"{"service.archived":{"Equals":["true"]}}"#, &[]).len(), 3);
    let counts = with("get-findings-statistics", &["--finding-statistic-types", "COUNT_BY_SEVERITY"]);
    assert_eq!(counts["FindingStatistics"]["CountBySeverity"], json!({"2.0": 2, "5.0": 2, "8.0": 3}));
    with("create-sample-findings", &["--finding-types", "Execution:Runtime/NewBinaryExecuted"]);
    assert_eq!(listed("{}", &["--max-items", "3"]).len(), 3);
    assert_eq!(listed("{}", &["--page-size", "3"]).len(), 8);
}
