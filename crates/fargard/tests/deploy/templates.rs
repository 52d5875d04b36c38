//! CloudFormation templates, as cfn-lint and our own judgement of task definitions see them.

use serde_json::Value;

use crate::support::{cloudformation, fargard, python, said};

#[test]
fn cfn_lint_finds_nothing() {
    let all = cloudformation().join("*.yaml");
    let run = "import sys; from cfnlint.runner import main; sys.argv = ['cfn-lint', '--regions', 'us-east-1', 'eu-west-1', \
               '--', sys.argv[1]]; main()";
    let Some(output) = python("cfnlint", &["-c", run, all.to_str().unwrap()]) else { return };
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn their_task_definitions_are_for_fargate() {
    let mut found = 0;
    for name in ["server", "sweep", "agent"] {
        let path = cloudformation().join(format!("{name}.yaml"));
        let output = fargard().args(["embed", "--check", "--format", "json"]).arg(path).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for task in report[0]["tasks"].as_array().unwrap() {
            assert_eq!(task["issues"], serde_json::json!([]), "{name}");
            found += 1;
        }
    }
    assert_eq!(found, 3);
}
