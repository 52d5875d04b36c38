//! Sequences, thresholds and dedup under the real sensor, on real programs.

use std::fs;

use serde_json::Value;

use crate::support::fargard;

const RULES: &str = "\
- rule: Marked
  desc: d
  condition: evt.type in (open, openat) and evt.is_open_write = true and fd.name endswith .marked
  output: marked %fd.name
  priority: INFO
  dedup: {by: fd.name, within: 1h}
- sequence: Marked and run
  desc: d
  by: proc.pname
  within: 1m
  steps:
  - Marked
  - condition: evt.type in (execve, execveat) and proc.name = true
  output: '%step1.proc.name marked %step1.fd.name, then %proc.name'
  priority: INFO
- threshold: Many started
  desc: d
  of: {condition: 'evt.type in (execve, execveat) and proc.name = touch'}
  count: 4
  within: 1m
  output: '%correlation.count started'
  priority: INFO
";

#[test]
fn what_takes_several_events_is_detected_once_and_repeats_are_counted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (rules, alerts) = (directory.path().join("rules.yaml"), directory.path().join("alerts"));
    fs::write(&rules, RULES).expect("written");
    let file = directory.path().join("a.marked");
    // Seven programs that open the file, as a loop of `touch` starts a process each.
    let script = format!("for i in 1 2 3 4 5 6 7; do touch {0}; done; env true; env true", file.display());
    let output = fargard()
        .args(["watch", "--json", "--no-checks", "--rules"])
        .arg(&rules)
        .arg("--output")
        .arg(&alerts)
        .args(["--", "sh", "-c", &script])
        .output()
        .expect("fargard starts");
    assert!(output.status.success(), "{output:?}");
    let alerts = fs::read_to_string(&alerts).expect("the alerts");
    let alerts: Vec<Value> = alerts.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |rule: &str| alerts.iter().filter(|alert| alert["rule"] == rule).collect::<Vec<_>>();
    let marked = of("Marked");
    assert_eq!(marked.len(), 2, "{alerts:#?}");
    assert!(marked[0]["output_fields"]["correlation.folded"].is_null());
    assert_eq!(marked[1]["output_fields"]["correlation.folded"], 5, "seven less the two that are told of");
    let run = of("Marked and run");
    assert_eq!(run.len(), 1, "{alerts:#?}");
    assert_eq!(run[0]["output_fields"]["step1.proc.name"], "touch");
    assert_eq!(run[0]["output_fields"]["step1.fd.name"], file.to_str().expect("made of ASCII"));
    assert_eq!(of("Many started").len(), 1, "four of seven, and three are left");
}
