//! `fargard rules replay`: what was recorded gives the alerts it gave.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::support::{fargard, shared};

fn replay(arguments: &[&str], inputs: &[&Path]) -> Output {
    fargard().args(["rules", "replay"]).args(arguments).args(inputs).output().expect("fargard starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Alerts without the name of the host that evaluated the rules.
fn alerts(lines: &[u8]) -> Vec<Value> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut alert: Value = serde_json::from_slice(line).expect("a line is JSON");
            alert.as_object_mut().expect("an alert is an object").remove("hostname");
            alert
        })
        .collect()
}

#[test]
fn captures_have_falcos_number_of_events_and_of_alerts() {
    let Some(material) = shared("data/falco") else { return };
    let rules = material.join("falco_rules.yaml");
    let rules = rules.to_str().expect("made of ASCII");
    for (capture, events) in [("cat_write", 303), ("connect_localhost", 370), ("open-multiple-files", 1227)] {
        let capture = material.join(format!("captures/{capture}.scap"));
        let output = replay(&["--all", "--rules", rules], &[&capture]);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output));
        assert!(said(&output).contains(&format!("events: {events} in ")), "{}", said(&output));
    }
}

#[test]
fn cloudtrail_alerts_are_falcos() {
    let Some(material) = shared("data/cloudtrail") else { return };
    let Some(rules) = shared("data/falco/aws_cloudtrail_rules.yaml") else { return };
    let rules = rules.to_str().expect("made of ASCII");
    for folder in ["invictus-ir", "stratus-red-team"] {
        let output = replay(&["--all", "--iso8601", "--rules", rules], &[&material.join(folder)]);
        assert!(output.status.success(), "{}", said(&output));
        let expected = fs::read(material.join(format!("expected/{folder}.jsonl"))).expect("it is there");
        assert_eq!(alerts(&output.stdout), alerts(&expected), "{folder}");
    }
}

const RULES: &str = "\
- rule: Made\n  desc: d\n  condition: evt.type in (open, openat, creat) and evt.is_open_write=true and fd.name contains /fargard-made-\n  \
  output: made %fd.name by %proc.name of %proc.pname at %evt.rawtime with %evt.arg.flags and %evt.res\n  priority: WARNING\n\
- rule: Made again\n  desc: d\n  condition: evt.type in (open, openat, creat) and fd.name endswith -again\n  output: again\n  priority: INFO\n";

#[test]
fn recorded_events_give_the_alerts_they_gave_when_they_happened() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("rules.yaml"), RULES).expect("written");
    let text = |name: &str| path(name).to_str().expect("made of ASCII").to_owned();
    let script = format!(": > {0}/fargard-made-1; : > {0}/fargard-made-again", directory.path().display());
    let watched = fargard()
        .args(["watch", "--quiet", "--json", "--no-checks", "--rules", &text("rules.yaml")])
        .args(["--output", &text("alerts.jsonl"), "--record", &text("events.jsonl")])
        .args(["--", "sh", "-c", &script])
        .output()
        .expect("fargard starts");
    assert!(watched.status.success(), "{}", said(&watched));
    let then = alerts(&fs::read(path("alerts.jsonl")).expect("it was written"));
    assert_eq!(then.len(), 3, "{then:?}");

    let rules = text("rules.yaml");
    let output = replay(&["--all", "--profile", "--rules", &rules], &[&path("events.jsonl")]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(alerts(&output.stdout), then);
    assert!(said(&output).contains("alerts: 3\n"), "{}", said(&output));
    assert!(said(&output).contains("evaluated rules"), "{}", said(&output));
    // As Falco does unless told otherwise: one rule an event.
    let output = replay(&["--first", "--rules", &rules, "--format", "text"], &[&path("events.jsonl")]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);

    // Compressed, from standard input, with a line that is none: the rest is read, the line is named.
    let mut lines = fs::read(path("events.jsonl")).expect("it was written");
    let damaged = lines.iter().filter(|byte| **byte == b'\n').count() + 1;
    lines.extend(b"{\"num\": true}\n");
    let mut replay = fargard()
        .args(["rules", "replay", "--all", "--rules", &rules, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("fargard starts");
    let compressed = zstd::bulk::compress(&lines, 1).expect("compressed");
    replay.stdin.take().expect("piped").write_all(&compressed).expect("it is read");
    let output = replay.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(alerts(&output.stdout), then);
    assert!(said(&output).contains(&format!("standard input:{damaged}:12: ")), "{}", said(&output));
    assert!(said(&output).contains("failures to read: 1\n"), "{}", said(&output));
}

#[test]
fn a_cut_capture_is_told_and_so_is_a_missing_one() {
    let Some(capture) = shared("data/falco/captures/syscall.scap") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let cut = directory.path().join("cut.scap");
    let whole = fs::read(&capture).expect("it is there");
    fs::write(&cut, &whole[..whole.len() / 4]).expect("written");
    let missing = directory.path().join("missing.scap");
    let output = replay(&[], &[&cut, &missing, &capture]);
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("cut.scap: byte 3344 (process list block, type 0x214): the capture ends within"),
        "{said}"
    );
    assert!(said.contains("missing.scap: No such file"), "{said}");
    assert!(said.contains("events: 362 in "), "{said}");
}
