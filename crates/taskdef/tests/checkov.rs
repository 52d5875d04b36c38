//! The same definitions judged by Checkov (as Terraform, the form in which it evaluates them) and here. Whatever Checkov
//! fails must fail here; what fails here alone is printed. Skipped where there is no `checkov` on the path, or no corpus.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail like tests; files of the test corpus"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use fargard_taskdef::checks::{Check, Knowledge, Weight, check};
use serde_json::Value;

/// Checkov's checks of task definitions and ours.
const PAIRS: [(&str, Check); 5] = [
    ("CKV_AWS_97", Check::EfsTransit),
    ("CKV_AWS_249", Check::SharedRole),
    ("CKV_AWS_334", Check::Privileged),
    ("CKV_AWS_335", Check::HostPid),
    ("CKV_AWS_336", Check::WritableRoot),
];

fn corpus() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var_os("FARGARD_SHARED").map_or_else(|| root.join("../../../shared"), PathBuf::from);
    let directories = [shared.join("data/taskdefs"), root.join("../../examples")];
    let files = directories.iter().filter_map(|directory| std::fs::read_dir(directory).ok()).flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files
}

/// A definition as a Terraform resource; `None` for other documents.
fn terraform(name: &str, text: &str) -> Option<String> {
    let document: Value = serde_json::from_str(text).ok()?;
    let definition = document.get("taskDefinition").unwrap_or(&document);
    let containers = definition.get("containerDefinitions")?;
    let mut resource = format!("resource \"aws_ecs_task_definition\" \"{name}\" {{\n  family = \"x\"\n");
    for (ours, theirs) in [
        ("pidMode", "pid_mode"),
        ("networkMode", "network_mode"),
        ("taskRoleArn", "task_role_arn"),
        ("executionRoleArn", "execution_role_arn"),
    ] {
        if let Some(value) = definition.get(ours).and_then(Value::as_str).filter(|value| !value.is_empty()) {
            writeln!(resource, "  {theirs} = {value:?}").unwrap();
        }
    }
    let list = serde_json::to_string_pretty(containers).unwrap().replace("${", "$${").replace("%{", "%%{");
    writeln!(resource, "  container_definitions = jsonencode({list})").unwrap();
    for volume in definition.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        let Some(efs) = volume.get("efsVolumeConfiguration").filter(|efs| efs.is_object()) else { continue };
        writeln!(resource, "  volume {{\n    name = {}\n    efs_volume_configuration {{", volume["name"])
            .unwrap();
        writeln!(resource, "      file_system_id = {}", efs["fileSystemId"]).unwrap();
        if let Some(transit) = efs.get("transitEncryption") {
            writeln!(resource, "      transit_encryption = {transit}").unwrap();
        }
        resource.push_str("    }\n  }\n");
    }
    resource.push_str("}\n");
    Some(resource)
}

/// What Checkov fails and passes: check and resource.
fn checkov(directory: &Path) -> Option<[BTreeSet<(String, String)>; 2]> {
    let ids: Vec<&str> = PAIRS.iter().map(|(id, _)| *id).collect();
    let output = Command::new("checkov")
        .args(["--framework", "terraform", "-o", "json", "--check", &ids.join(","), "-d"])
        .arg(directory)
        .output()
        .ok()?;
    let document: Value = serde_json::from_slice(&output.stdout).ok()?;
    let of = |member: &str| -> BTreeSet<(String, String)> {
        let reports = document.as_array().cloned().unwrap_or_else(|| vec![document.clone()]);
        let checks =
            reports.iter().filter_map(|report| report["results"][member].as_array().cloned()).flatten();
        let named = checks.map(|check| {
            let resource = check["resource"].as_str().unwrap();
            (check["check_id"].as_str().unwrap().to_owned(), resource.rsplit('.').next().unwrap().to_owned())
        });
        named.collect()
    };
    Some([of("failed_checks"), of("passed_checks")])
}

#[test]
fn what_checkov_fails_fails_here() {
    let directory = tempfile::tempdir().unwrap();
    let mut ours: BTreeSet<(String, String)> = BTreeSet::new();
    let mut count = 0;
    for path in corpus() {
        let name: String =
            path.file_stem().unwrap().to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let name = format!("t_{name}");
        let text = std::fs::read_to_string(&path).unwrap();
        let (Some(resource), Ok(report)) = (
            terraform(&name, &text),
            check(&text, &Knowledge { parameters: BTreeMap::new(), images: &(), secrets: &() }),
        ) else {
            continue;
        };
        count += 1;
        std::fs::write(directory.path().join(format!("{name}.tf")), resource).unwrap();
        for (id, number) in PAIRS {
            if report.violations.iter().any(|found| found.check == number && found.weight <= Weight::Warning)
            {
                ours.insert((id.to_owned(), name.clone()));
            }
        }
    }
    if count == 0 {
        return eprintln!("skipped: no corpus of task definitions");
    }
    let Some([failed, passed]) = checkov(directory.path()) else {
        return eprintln!("skipped: there is no checkov on the path");
    };
    let missed: Vec<_> = failed.difference(&ours).collect();
    assert_eq!(missed, Vec::<&(String, String)>::new());
    assert!(failed.len() + passed.len() >= count, "checkov judged nothing");
    let agreed = failed.intersection(&ours).count();
    eprintln!("{count} definitions: both fail {agreed}, Checkov alone 0, here alone:");
    for (id, name) in ours.difference(&failed) {
        let theirs = if passed.contains(&(id.clone(), name.clone())) { "passed" } else { "not evaluated" };
        eprintln!("  {id} {name}: {theirs} by Checkov");
    }
}
