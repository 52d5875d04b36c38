//! File integrity monitoring from the watched file to the auditor's report.

use serde_json::Value;

use crate::{
    server::{Place, agent, get_until, stop},
    support::{Running, fargard},
};

fn report(options: &[&str]) -> (Option<i32>, String) {
    let output = fargard().args(["fim", "report"]).args(options).output().expect("fargard starts");
    let said = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), format!("{}{said}", String::from_utf8_lossy(&output.stdout)))
}

/// The reported change of a path.
fn change<'a>(report: &'a Value, path: &str) -> &'a Value {
    let changes = report["changes"].as_array().expect("changes");
    let found =
        changes.iter().find(|line| line["change"]["path"].as_str().is_some_and(|at| at.ends_with(path)));
    found.unwrap_or_else(|| panic!("no change of {path}: {report:#}"))
}

#[test]
fn changes_by_the_app_and_by_others_reach_the_auditor() {
    let place = Place::new();
    let (running, tokens) = place.first_start();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).to_str().expect("made of ASCII").to_owned();
    std::fs::create_dir(at("conf")).expect("a directory");
    std::fs::write(at("conf/app.conf"), "port=1\n").expect("a file");
    std::fs::write(at("conf/other.conf"), "x\n").expect("a file");
    let policy = format!(
        "policy: e2e\nentries:\n- name: Conf\n  paths: [{}]\n  standards: [PCI_DSS_11.5.2]\n  severity: critical\n",
        at("conf")
    );
    std::fs::write(at("policy.yaml"), policy).expect("a file");
    let fifo = at("go");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).expect("a fifo");
    let script = format!("read go < {fifo}; echo port=2 > {}; read go < {fifo}", at("conf/app.conf"));
    let fim = format!("--fim={}", at("policy.yaml"));
    let mut watched = Running::start(fargard().args([
        "watch",
        &fim,
        "--record",
        &at("run.jsonl"),
        "--server",
        &place.url(),
        "--token",
        &tokens.enrolment,
        "--",
        "sh",
        "-c",
        &script,
    ]));
    watched.wait_for(&["3 files of the policy \"e2e\" are monitored"]);
    std::fs::write(&fifo, "go\n").expect("the shell reads");
    watched.wait_for(&["File integrity: Conf", "app.conf", "by sh"]);
    std::fs::write(at("conf/other.conf"), "changed by nobody who is watched\n").expect("a file");
    watched.wait_for(&["File integrity: Conf", "other.conf", "writer unknown"]);
    std::fs::write(&fifo, "go\n").expect("the shell reads");
    let (status, printed) = watched.finish();
    assert!(status.success(), "{printed}");

    let agent = agent();
    let path = "/api/v1/findings?kind=file_integrity";
    let page = get_until(&agent, &place.url(), &tokens.admin, path, |page| page["total"] == 2);
    get_until(&agent, &place.url(), &tokens.admin, "/api/v1/tasks", |page| page["tasks"][0]["ended"] == true);
    let ask = ["--server", &place.url(), "--token", &tokens.admin, "--standard", "pci-dss-11.5"];
    let (code, text) = report(&[&ask[..], &["--format", "json"]].concat());
    assert_eq!(code, Some(1), "{text}");
    let from_server: Value = serde_json::from_str(&text).expect("JSON");
    let (code, text) = report(&["--events", &at("run.jsonl"), "--format", "json"]);
    assert_eq!(code, Some(1), "{text}");
    let from_record: Value = serde_json::from_str(&text).expect("JSON");
    for report in [&from_server, &from_record] {
        let own = &change(report, "app.conf")["change"];
        assert_eq!(own["writer"]["process"]["name"], "sh", "{report:#}");
        // On a busy machine the truncation before may be a change of its own.
        assert_eq!(own["after"]["size"], 7, "{report:#}");
        assert_ne!(own["before"]["sha256"], own["after"]["sha256"]);
        let foreign = &change(report, "other.conf")["change"];
        assert!(foreign["writer"].is_null() && foreign["after"]["size"] == 33, "{report:#}");
        assert_eq!(report["tasks"][0]["sensors"][0]["entries"][0]["files"], 3, "{report:#}");
        assert!(report["unauthorised"].as_u64() >= Some(2), "{report:#}");
        assert!(!report["not_covered"].as_array().expect("a list").is_empty());
    }

    let id = page["findings"].as_array().expect("findings").iter().find_map(|finding| {
        finding["summary"].as_str()?.contains("other.conf").then(|| finding["id"].as_str()).flatten()
    });
    let answer = agent
        .post(format!("{}/api/v1/findings/{}/state", place.url(), id.expect("an id")))
        .header("Authorization", format!("Bearer {}", tokens.admin))
        .header("Content-Type", "application/json")
        .send(r#"{"state":"acknowledged","note":"ticket 17"}"#)
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let (code, text) = report(&ask);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("unauthorised: 1") && text.contains("ticket 17"), "{text}");
    assert!(text.contains("who    unknown") && text.contains("who    sh -c"), "{text}");
    stop(running);
}

#[test]
fn policies_are_judged() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("policy.yaml");
    let check = || fargard().args(["fim", "check"]).arg(&file).output().expect("fargard starts");
    assert_eq!(check().status.code(), Some(2), "there is none");
    let built_in = fargard().args(["fim", "check", "--built-in"]).output().expect("fargard starts");
    std::fs::write(&file, &built_in.stdout).expect("a file");
    let output = check();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Programs and libraries"));
    std::fs::write(&file, "entries:\n- name: x\n  paths: [etc]\n").expect("a file");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("policy.yaml:3:11: error:"), "{output:?}");
    let fim = format!("--fim={}", file.display());
    let output = fargard().args(["watch", &fim, "--", "true"]).output().expect("fargard starts");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
