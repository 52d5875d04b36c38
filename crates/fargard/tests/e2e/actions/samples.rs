//! Suites of Falco's own end-to-end tests: what they do is done here too, and gives the alerts they expect.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::stage::{Alerts, perform};
use crate::support::shared;

/// One test of a suite, as far as these suites go.
#[derive(Debug, Default)]
struct Suite {
    rule: String,
    priority: String,
    /// Field to value, which may name members of a case as `%{ item.NAME }`.
    fields: BTreeMap<String, String>,
    /// The call a step makes; the same for all cases unless it names a member.
    call: String,
    /// For each of a test's matrices: the values of each member.
    matrices: Vec<BTreeMap<String, Vec<String>>>,
}

/// Reads a file of tests. It is YAML but for bare `%{`; only its plain layout is understood.
fn read(path: &Path) -> Vec<Suite> {
    let text = fs::read_to_string(path).expect("a suite");
    let mut suites: Vec<Suite> = Vec::new();
    let mut section = String::new();
    let mut list = None;
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let entry = line.trim_start().trim_start_matches("- ");
        let plain = |value: &str| value.trim().trim_matches('"').to_owned();
        if line.starts_with("  - name:") {
            suites.push(Suite::default());
        }
        let Some(suite) = suites.last_mut() else { continue };
        if indent == 4 {
            section = entry.split(':').next().unwrap_or_default().to_owned();
        }
        if let (Some(name), Some(item)) = (&list, line.trim_start().strip_prefix("- "))
            && !item.contains(": ")
        {
            let matrix: &mut BTreeMap<String, Vec<String>> = suite.matrices.last_mut().expect("a matrix");
            matrix.entry(String::clone(name)).or_default().push(plain(item));
            continue;
        }
        list = None;
        let Some((key, value)) = entry.split_once(':') else { continue };
        match (section.as_str(), key) {
            ("rule", "rule") => suite.rule = plain(value),
            ("steps", "syscall") => suite.call = plain(value),
            ("expectedOutcome", "priority") => suite.priority = plain(value),
            ("expectedOutcome", _) if indent == 8 => {
                suite.fields.insert(key.to_owned(), plain(value));
            }
            ("cases", "strategy") => suite.matrices.push(BTreeMap::new()),
            ("cases", _) if value.trim().is_empty() => list = Some(key.to_owned()),
            ("cases", _) => {
                if let Some(values) = value.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
                    && let Some(matrix) = suite.matrices.last_mut()
                {
                    // A condition on the machine is not a member of the action.
                    if key != "runIf" {
                        matrix.insert(key.to_owned(), values.split(',').map(plain).collect());
                    }
                }
            }
            _ => {}
        }
    }
    suites
}

type Case = BTreeMap<String, String>;

/// Every combination of a matrix.
fn cases(matrix: &BTreeMap<String, Vec<String>>) -> Vec<Case> {
    matrix.iter().fold(vec![Case::new()], |cases, (name, values)| {
        let with = |case: &Case, value: &String| {
            let mut case = case.clone();
            case.insert(name.clone(), value.clone());
            case
        };
        cases.iter().flat_map(|case| values.iter().map(move |value| with(case, value))).collect()
    })
}

/// A text with the members of a case in their places.
fn fill(text: &str, case: &Case) -> String {
    case.iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("%{{ item.{name} }}"), value))
}

/// An action and the alert it must cause.
struct Expected<'a> {
    suite: &'a Suite,
    case: Case,
    script: String,
}

fn check(expected: &[Expected<'_>], alerts: &Alerts) {
    let mut wrong = Vec::new();
    for (number, Expected { suite, case, script }) in expected.iter().enumerate() {
        let fits = |alert: &&Value| {
            let fields = suite.fields.iter();
            alert["rule"] == suite.rule.as_str()
                && alert["priority"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&suite.priority))
                && fields.clone().all(|(name, value)| alert["output_fields"][name] == fill(value, case))
        };
        if alerts.of(number).iter().filter(fits).count() != 1 {
            wrong.push(format!("{script}: {:#?}", alerts.of(number)));
        }
    }
    assert!(wrong.is_empty(), "{}\n\nall that was printed:\n{}", wrong.join("\n"), alerts.printed());
}

fn suite(name: &str, script: impl Fn(&str, &Case) -> String, count: usize) {
    let Some(file) = shared(&format!("data/falco/e2e_samples/{name}")) else { return };
    let Some(rules) = shared("data/falco/falco_rules.yaml") else { return };
    let suites = read(&file);
    let mut expected = Vec::new();
    for suite in &suites {
        let all: Vec<Case> = match suite.matrices.as_slice() {
            [] => vec![Case::new()],
            matrices => matrices.iter().flat_map(cases).collect(),
        };
        for case in all {
            let script = script(&fill(&suite.call, &case), &case);
            expected.push(Expected { suite, case, script });
        }
    }
    assert_eq!(expected.len(), count, "{suites:#?}");
    let scripts: Vec<&str> = expected.iter().map(|one| one.script.as_str()).collect();
    if let Some(alerts) = perform(&[rules], "lease", &scripts) {
        check(&expected, &alerts);
    }
}

#[test]
fn logs_are_cleared_as_falcos_suite_does() {
    let script = |call: &str, case: &Case| {
        let target = &case["target"];
        // The suites hold the file open, so that its name is known; here it is in the arguments.
        format!("mkdir -p /tmp/eg_clearlog; actor empty {call} {target}")
    };
    suite("clear_log_activities.yaml", script, 39);
}

#[test]
fn links_to_sensitive_files_are_made_as_falcos_suite_does() {
    let script = |call: &str, case: &Case| {
        format!(
            "rm -f /tmp/eg_symlink_sensitive; actor link {call} {} /tmp/eg_symlink_sensitive",
            case["target"]
        )
    };
    suite("create_symlink_over_sensitive_files.yaml", script, 18);
}

#[test]
fn a_program_is_executed_from_memory_as_falcos_suite_does() {
    suite("fileless_execution_via_memfd_create.yaml", |_, _| "actor memory eg_memfd".to_owned(), 1);
}
