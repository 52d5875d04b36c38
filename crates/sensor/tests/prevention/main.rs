//! Real commands under rules that act, and calls of every class as strace sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod actions;
#[cfg(target_arch = "x86_64")]
mod classes;

use std::{
    fs,
    process::{Command, Output},
};

use fargard_model::bounded;
use serde_json::Value;

struct Ran {
    output: Output,
    alerts: Vec<Value>,
}

impl Ran {
    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What the alerts of a rule say.
    fn outputs(&self, rule: &str) -> Vec<&str> {
        let of_rule = self.alerts.iter().filter(|alert| alert["rule"] == rule);
        of_rule.map(|alert| alert["output"].as_str().unwrap()).collect()
    }
}

/// Runs a command under the sensor with these rules and settings.
fn run(rules: &str, variables: &[(&str, &str)], command: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let (file, alerts) = (directory.path().join("rules.yaml"), directory.path().join("alerts.jsonl"));
    fs::write(&file, rules).unwrap();
    let mut sensor = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"));
    sensor.args(["run", "--stay", "--"]).args(command);
    sensor.env("FARGARD_RULES", &file).env("FARGARD_PRINT", "json").env("FARGARD_PRINT_TO", &alerts);
    sensor.env("FARGARD_CHECKS", "off").envs(variables.iter().copied());
    let output = sensor.output().unwrap();
    let text = bounded::read_to_string(&alerts, 8 << 20).unwrap_or_default();
    let alerts = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Ran { output, alerts }
}
