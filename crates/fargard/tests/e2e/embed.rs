//! `fargard embed`: what it prints, writes and answers with, and that it leaves files alone when anything is wrong.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::fargard;

const DEFINITION: &str = r#"{
  "family": "web",
  "requiresCompatibilities": ["FARGATE"],
  "containerDefinitions": [
    {"name": "app", "image": "app:1", "entryPoint": ["/app"]},
    {"name": "xray", "image": "amazon/aws-xray-daemon"}
  ]
}
"#;
const SENSOR: [&str; 2] = ["--sensor-image", "registry.example/sensor:1"];

fn embed(args: &[&str], files: &[&Path]) -> Output {
    fargard().arg("embed").args(args).args(files).output().expect("fargard starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn files_are_written_in_place_checked_and_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["a.json", "b.json"].map(|name| directory.path().join(name));
    let files = [paths[0].as_path(), paths[1].as_path()];
    files.iter().for_each(|path| fs::write(path, DEFINITION).unwrap());
    let unprotected = embed(&["--check"], &files);
    assert_eq!(unprotected.status.code(), Some(1));
    assert!(
        text(&unprotected.stdout).contains("a.json:5:5: app: UNPROTECTED"),
        "{}",
        text(&unprotected.stdout)
    );
    let several = embed(&SENSOR, &files);
    assert_eq!(several.status.code(), Some(2), "{}", text(&several.stderr));
    let written = embed(&[&SENSOR[..], &["--write"]].concat(), &files);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert!(text(&written.stderr).contains("xray: skipped [agent]"), "{}", text(&written.stderr));
    assert!(files.iter().all(|path| read(path).contains("\"fargard-sensor\"")));
    assert_eq!(embed(&["--check"], &files).status.code(), Some(0));
    assert_eq!(embed(&["--undo", "--write"], &files).status.code(), Some(0));
    assert!(files.iter().all(|path| read(path) == DEFINITION));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside the files");
}

#[test]
fn nothing_is_written_when_one_file_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.json");
    fs::write(&good, DEFINITION).unwrap();
    let huge = format!("{{\"family\": \"{}\"}}", "x".repeat(10 << 20));
    for (name, content, expected) in [
        ("twice.json", "{\"family\": \"a\",\n  \"family\": \"b\"}", "twice.json:2:3: "),
        ("no.yaml", "Resources:\n  - [\n", "no.yaml:"),
        ("other.yaml", "services: {}\n", "other.yaml:1:1: this is no task definition"),
        ("huge.json", &huge, "huge.json: longer than the limit"),
    ] {
        let bad = directory.path().join(name);
        fs::write(&bad, content).unwrap();
        let output = embed(&[&SENSOR[..], &["--write"]].concat(), &[&good, &bad]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert_eq!(read(&good), DEFINITION, "{name}");
    }
}

#[test]
fn templates_of_nested_stacks_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let stack = |url: &str| {
        format!("  Stack:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: {url}}}\n")
    };
    let definition = "  Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      RequiresCompatibilities: [FARGATE]\n      \
                      ContainerDefinitions:\n        - {Name: app, Image: \"app:1\", EntryPoint: [/app]}\n";
    let parent = write("parent.yaml", &format!("Resources:\n{}", stack("parts/child.yaml")));
    // The child leads back to its parent, which is not worked on twice.
    let child_text = format!("Resources:\n{}{definition}", stack("../parent.yaml"));
    let child = write("parts/child.yaml", &child_text);
    let missing = write("missing.yaml", &format!("Resources:\n{}", stack("nowhere.yaml")));

    let checked = embed(&["--check"], &[&parent]);
    assert_eq!(checked.status.code(), Some(1));
    let said = text(&checked.stdout);
    assert!(said.contains("child.yaml:10:11: app: UNPROTECTED") && !said.contains("nested-stack"), "{said}");
    let written = embed(&[&SENSOR[..], &["--write"]].concat(), &[&parent]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert!(read(&child).contains("fargard-sensor"));
    assert_eq!(embed(&["--check"], &[&parent]).status.code(), Some(0));
    assert_eq!(embed(&["--undo", "--write"], &[&parent]).status.code(), Some(0));
    assert_eq!(read(&child), child_text);

    let unseen = embed(&["--check"], &[&missing]);
    assert_eq!(unseen.status.code(), Some(1));
    let said = text(&unseen.stdout);
    assert!(
        said.contains("missing.yaml:3:5: Stack: UNPROTECTED [nested-stack]: its template \"nowhere.yaml\""),
        "{said}"
    );
    assert_eq!(embed(&["--check", "--exclude", "Stack"], &[&missing]).status.code(), Some(0));
    // To standard output goes one file, so the others are told of.
    let alone = embed(&SENSOR, &[&parent]);
    assert!(text(&alone.stderr).contains("[nested-stack]"), "{}", text(&alone.stderr));
}

#[test]
fn programs_read_the_report_and_patch_reads_the_diff() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("task.json");
    fs::write(&path, DEFINITION).unwrap();
    let out = directory.path().join("out.json");
    let report =
        embed(&[&SENSOR[..], &["--format", "json", "--output", out.to_str().unwrap()]].concat(), &[&path]);
    let value: Value = serde_json::from_slice(&report.stdout).expect("a JSON document");
    let containers = &value[0]["tasks"][0]["containers"];
    assert_eq!(
        (&containers[0]["result"], &containers[1]["code"]),
        (&"wrap".into(), &"agent".into()),
        "{value}"
    );
    let diff = embed(&[&SENSOR[..], &["--diff"]].concat(), &[&path]);
    assert_eq!(read(&path), DEFINITION);
    let patch = Command::new("patch").arg("-s").arg(&path).stdin(Stdio::piped()).spawn();
    let Ok(mut patch) = patch else {
        eprintln!("skipped: patch is not installed");
        return;
    };
    patch.stdin.take().unwrap().write_all(&diff.stdout).unwrap();
    assert!(patch.wait().unwrap().success());
    assert_eq!(read(&path), read(&out));
}

/// botocore's validation of parameters finds nothing in embedded definitions that it does not find in the files
/// themselves; `xtask/embed-corpus.py` without the option asks cfn-lint about templates too, which takes minutes.
#[test]
fn botocore_accepts_what_it_accepted_before() {
    let shared = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| crate::support::repository().join("../shared"), std::path::PathBuf::from);
    let corpus = shared.join("data/taskdefs");
    let own = crate::support::repository().join("target/judges/bin/python3");
    let python = if own.exists() { own } else { "python3".into() };
    let has_botocore = Command::new(&python).args(["-c", "import botocore"]).output();
    if !corpus.is_dir() || !has_botocore.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no corpus at {}, or no python3 with botocore", corpus.display());
        return;
    }
    let output = Command::new(python)
        .arg(crate::support::repository().join("xtask/embed-corpus.py"))
        .arg(fargard().get_program())
        .arg(&corpus)
        .arg("--no-cfn-lint")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
