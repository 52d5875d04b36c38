//! `fargard scan` as a command: advisories, forms of results, exit codes, and what is kept of layers.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn fargard(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fargard"));
    command.args(["scan"]).args(arguments).current_dir(directory);
    command.env("XDG_CACHE_HOME", directory.join("cache")).env_remove("AWS_REGION").output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A root file system of two packages, and feeds about them.
fn prepare(directory: &Path) {
    for (path, text) in [
        ("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
        (
            "root/var/lib/dpkg/status",
            "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n\
             Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n",
        ),
        ("root/app/node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"}"),
        (
            "tracker.json",
            "{\"openssl\":{\"CVE-2026-1\":{\"releases\":{\"bookworm\":{\"status\":\"resolved\",\"fixed_version\":\"3.0.11-1\",\"urgency\":\"high\"}}}},\
             \"bash\":{\"CVE-2026-2\":{\"releases\":{\"bookworm\":{\"status\":\"open\",\"urgency\":\"medium\"}}}}}",
        ),
        (
            "quiet.json",
            "{\"bash\":{\"CVE-2026-3\":{\"releases\":{\"bookworm\":{\"status\":\"open\",\"urgency\":\"low\"}}}}}",
        ),
    ] {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn vulnerabilities_are_told_and_decide_the_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    prepare(place);
    let scan =
        |arguments: &[&str]| fargard(place, &[&["rootfs", "root", "--check", "426"], arguments].concat());
    let found = scan(&["--vulnerabilities", "tracker.json"]);
    assert_eq!(found.status.code(), Some(1));
    let table = text(&found);
    for line in [
        "FAILED                  Known vulnerabilities: 1 high, 1 medium",
        "        high       CVE-2026-1  libssl3 3.0.9-1  fixed in 3.0.11-1",
        "        medium     CVE-2026-2  bash 5.2-1       unfixed",
        "3 packages installed (debian-12)",
        "Not assessed: no advisories for npm are given",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
    // Nothing but results is printed where nobody looks on.
    assert_eq!(String::from_utf8_lossy(&found.stderr), "");
    let fixed = scan(&["--vulnerabilities", "tracker.json", "--ignore-unfixed"]);
    assert!(text(&fixed).contains("1 without a fix are left out") && !text(&fixed).contains("CVE-2026-2"));
    let code = |arguments: &[&str]| scan(arguments).status.code();
    assert_eq!(code(&["--vulnerabilities", "tracker.json", "--fail-on", "critical"]), Some(0));
    assert_eq!(code(&["--vulnerabilities", "quiet.json"]), Some(0));
    assert_eq!(code(&["--vulnerabilities", "quiet.json", "--fail-on", "notice"]), Some(1));
    assert_eq!(code(&["--vulnerabilities", "root"]), Some(2));
    assert_eq!(code(&["--ignore-unfixed"]), Some(2));
    assert_eq!(code(&["--format", "asff"]), Some(2));
    // What could not be read whole proves nothing.
    fs::create_dir_all(place.join("root/var/lib/rpm")).unwrap();
    fs::write(place.join("root/var/lib/rpm/rpmdb.sqlite"), "SQLite format 3\0").unwrap();
    assert_eq!(code(&["--vulnerabilities", "quiet.json"]), Some(3));
}

#[test]
fn every_form_is_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    prepare(place);
    let form = |name: &str, more: &[&str]| {
        let arguments = [
            &["rootfs", "root", "--check", "426", "--vulnerabilities", "tracker.json", "--format", name],
            more,
        ]
        .concat();
        let output = fargard(place, &arguments);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        text(&output)
    };
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    assert_eq!(json(&form("json", &[]))["known"]["vulnerabilities"][0]["id"], "CVE-2026-1");
    assert_eq!(json(&form("sarif", &[]))["runs"][0]["results"][1]["ruleId"], "CVE-2026-2");
    assert_eq!(json(&form("cyclonedx", &[]))["vulnerabilities"].as_array().unwrap().len(), 2);
    assert_eq!(json(&form("spdx", &[]))["packages"].as_array().unwrap().len(), 5);
    assert_eq!(form("ocsf", &[]).lines().filter(|line| json(line)["class_uid"] == 2002).count(), 2);
    assert_eq!(form("csv", &[]).lines().count(), 4);
    assert_eq!(form("junit", &[]).matches("<testcase ").count(), 3);
    let asff = json(&form("asff", &["--aws-account", "123456789012", "--aws-region", "eu-central-1"]));
    assert_eq!(asff.as_array().unwrap().len(), 3);
}
