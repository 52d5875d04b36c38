use std::collections::{BTreeMap, BTreeSet};

use fargard_model::Priority;
use fargard_scan::TASK_CHECKS;
use fargard_taskdef::checks::{Check, Knowledge, check};

use super::{
    Detectors, assess, exit_code,
    report::{TaskScan, sarif, write_table},
};

fn scan(name: &str, text: &str) -> TaskScan {
    let knowledge = Knowledge { parameters: BTreeMap::new(), images: &(), secrets: &Detectors };
    assess(vec![(name.to_owned(), check(text, &knowledge).unwrap())], |_| true)
}

fn table(scan: &TaskScan) -> String {
    let mut out = Vec::new();
    write_table(&mut out, scan, false).unwrap();
    String::from_utf8(out).unwrap()
}

/// The example of the vulnerability scan with what a hurried person adds. The password is put together here so that no
/// scanner takes this file for a leak.
fn hurried() -> String {
    let text = include_str!("../../../../../../examples/fargate-vulnerability-compliance-task.json");
    let variables = format!(
        "\"privileged\": true, \"environment\": [{{\"name\": \"DB_PASSWORD\", \"value\": \"{}\"}}, {{\"name\": \"PORT\", \
         \"value\": \"80\"}}, {{\"name\": \"STRIPE\", \"value\": \"sk_live_{}\"}}],\n      \"entryPoint\"",
        ["Zk8v", "Tq2Lw9"].concat(),
        "4eC39HqLyjWDarjtT1zdp7dc"
    );
    text.replacen("\"entryPoint\"", &variables, 1)
}

#[test]
fn every_check_is_described() {
    let made: BTreeSet<u32> = Check::ALL.iter().map(|check| check.number()).collect();
    let described: BTreeSet<u32> = TASK_CHECKS.iter().map(|check| check.number).collect();
    assert_eq!(made, described);
    assert_eq!(made.len(), Check::ALL.len());
}

/// All controls of Security Hub for ECS (2026) but those about tags (ECS.13 to ECS.15), all of Checkov's and Prowler's.
#[test]
fn the_checks_of_others_are_mapped() {
    let known: BTreeSet<&str> = TASK_CHECKS.iter().flat_map(|check| check.known_as).copied().collect();
    let hub = [1, 2, 3, 4, 5, 8, 9, 10, 12, 16, 17, 18, 19, 20, 21].map(|number| format!("ECS.{number}"));
    let checkov = [65, 97, 223, 224, 249, 332, 333, 334, 335, 336].map(|number| format!("CKV_AWS_{number}"));
    for id in hub.iter().chain(&checkov) {
        assert!(known.contains(id.as_str()), "{id}");
    }
    let prowler = known.iter().filter(|id| id.starts_with("ecs_")).count();
    assert_eq!(prowler, 11, "{known:?}");
}

#[test]
fn the_table_names_file_line_container_reason_and_remedy() {
    insta::assert_snapshot!(table(&scan("taskdef.json", &hurried())));
}

#[test]
fn sarif_has_the_line_of_each_finding() {
    let scan = scan("dir/task def.json", &hurried());
    let document = sarif(&scan);
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    let privileged = results.iter().find(|result| result["ruleId"] == "54").unwrap();
    let place = &privileged["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "dir/task%20def.json");
    assert_eq!(place["region"]["startLine"], 7);
    assert!(results.iter().all(|result| {
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        rules.iter().any(|rule| rule["id"] == result["ruleId"])
    }));
    let json = serde_json::to_string(&scan).unwrap();
    assert!(json.contains("\"known_as\":[\"CIS Docker 5.4\"") && !json.contains("Tq2Lw9"));
}

#[test]
fn exit_codes_tell_failed_from_open() {
    let code = |text: &str, fail_on| format!("{:?}", exit_code(&scan("f", text), fail_on));
    let expected = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
    assert_eq!(code(&hurried(), Priority::Warning), expected(1));
    assert_eq!(code(&hurried(), Priority::Critical), expected(0));
    let open = "Parameters: {P: {Type: String}}\nResources:\n  S:\n    Type: AWS::ECS::Service\n    Properties:\n      \
                PlatformVersion: !Ref P\n";
    let scan = scan("f", open);
    assert!(table(&scan).contains("OPEN    7011"), "{}", table(&scan));
    assert_eq!(code(open, Priority::Warning), expected(3));
    assert_eq!(code("Resources: {}\n", Priority::Warning), expected(0));
}
