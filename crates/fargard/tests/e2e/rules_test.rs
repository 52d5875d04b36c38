//! `fargard rules test`: our own tests pass, a wrong one fails and says why.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::support::{fargard, repository};

fn own_tests() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(repository().join("rules/tests"))
        .expect("rules/tests")
        .map(|entry| entry.expect("entry").path())
        .collect();
    files.sort();
    files
}

#[test]
fn the_tests_of_the_default_rules_pass() {
    let output = fargard()
        .args(["rules", "test", "--defaults", "--min-coverage", "90", "--format", "json"])
        .args(own_tests())
        .output()
        .expect("fargard starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(report["failed"], 0);
    assert!(report["passed"].as_u64().expect("a number") >= 50, "{}", report["passed"]);
}

#[test]
fn a_failing_test_says_which_clause_was_false() {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
    let test = "\
- rule: Shadow read
  desc: d
  condition: evt.type = openat and evt.is_open_read = true and fd.name = /etc/shadow
  output: read %fd.name
  priority: INFO
- test: Passwords
  expect: [Shadow read]
  events:
  - {evt.type: openat, fd.name: /etc/passwd}
";
    fs::write(file.path(), test).expect("written");
    let run = |more: &[&str]| {
        fargard().args(["rules", "test"]).arg(file.path()).args(more).output().expect("fargard starts")
    };
    let output = run(&[]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("FAILED Passwords"), "{printed}");
    assert!(printed.contains("false fd.name = /etc/shadow   <- /etc/passwd"), "{printed}");
    fs::write(file.path(), test.replace("passwd", "shadow")).expect("written");
    assert_eq!(run(&[]).status.code(), Some(0));
    assert_eq!(run(&["--min-coverage", "100"]).status.code(), Some(1), "no event is a near miss");
    fs::write(file.path(), test.replace("fd.name: ", "fd.nam: ")).expect("written");
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean"), "{output:?}");
}
