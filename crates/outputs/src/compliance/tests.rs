use std::process::{Command, Stdio};

use fargard_model::{CheckResult, CheckStatus, Container, Priority, Task, Timestamp};
use serde_json::Value;

use super::{Account, Check, Flaw, Item, Report, Skipped, asff, csv, cut, junit, ocsf, sarif};

fn results() -> Vec<CheckResult> {
    let result = |check, title: &str, status, cause: &str| CheckResult {
        id: format!("scan-check-{check}"),
        time: Timestamp(1_790_000_000_000_000_000),
        check,
        title: title.to_owned(),
        severity: Priority::Critical,
        status,
        cause: cause.to_owned(),
        subjects: Vec::new(),
        found: Vec::new(),
        tags: vec!["PCI_DSS_5.2".to_owned(), "NIST_800-53_SI-3".to_owned(), "mitre_impact".to_owned()],
        task: Task::default(),
        container: Container::default(),
    };
    vec![
        result(41, "Image should be created with a non-root user", CheckStatus::Passed, ""),
        result(425, "Private keys stored in image", CheckStatus::Error, "Incomplete: 3 not readable"),
        result(
            426,
            "Image contains binaries used for crypto mining",
            CheckStatus::Failed,
            "Found: /tmp/x \"y\" <z> (named as a miner)",
        ),
    ]
}

fn report(results: &[CheckResult]) -> Report<'_> {
    let findings = |number| match number {
        426 => vec![
            Item {
                subject: "/tmp/x \"y\" <z>",
                class: "name",
                reason: "named as a miner, same content",
                severity: Priority::Critical,
            },
            Item {
                subject: "=cmd|' /C calc'!A0",
                class: "packed",
                reason: "packed\u{1}by UPX",
                severity: Priority::Notice,
            },
        ],
        _ => Vec::new(),
    };
    let checks = results.iter().map(|result| Check {
        result,
        description: "What is looked for.",
        remedy: "What to do.",
        findings: findings(result.check),
    });
    let log4j = Flaw {
        id: "CVE-2021-44228",
        package: "org.apache.logging.log4j:log4j-core",
        version: "2.14.1",
        fixed: Some("2.15.0"),
        status: "fixed",
        severity: "critical",
        priority: Priority::Critical,
        score: Some(10.0),
        vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
        summary: "Remote code injection in Log4j",
        purl: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        place: "/app/app.jar!BOOT-INF/lib/log4j-core-2.14.1.jar",
    };
    let unfixed = Flaw {
        id: "DSA-1",
        package: "bash",
        version: "5.2",
        fixed: None,
        status: "unfixed",
        severity: "unknown",
        priority: Priority::Informational,
        score: None,
        vector: None,
        summary: "",
        purl: "pkg:deb/debian/bash@5.2",
        place: "/var/lib/dpkg/status",
    };
    Report {
        target: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:1.2",
        digest: Some("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        time: Timestamp(1_790_000_000_000_000_000),
        tool_version: "0.1.0",
        checks: checks.collect(),
        skipped: vec![Skipped {
            number: 448,
            title: "Package binaries should not be altered",
            reason: "there is no package database",
        }],
        flaws: vec![log4j, unfixed],
    }
}

const ACCOUNT: Account<'_> = Account { id: "123456789012", region: "eu-central-1" };

/// What a Python program says of a text on its standard input; `None` where it cannot run.
fn python(program: &str, input: &str) -> Option<String> {
    use std::io::Write as _;
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python3");
    let mut child = Command::new(if own.exists() { own } else { "python3".into() })
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn csv_has_a_line_for_everything() {
    let results = results();
    let text = csv(&report(&results));
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
    let Some(seen) = python(
        "import csv, sys; rows = list(csv.reader(sys.stdin)); print(len(rows), {len(row) for row in rows}, rows[4][6])",
        &text,
    ) else {
        return println!("skipped: there is no python3");
    };
    assert_eq!(seen, "8 {11} '=cmd|' /C calc'!A0");
}

#[test]
fn junit_is_xml_with_a_test_for_everything() {
    let results = results();
    let text = junit(&report(&results));
    insta::assert_snapshot!(text);
    let program = "import sys, xml.etree.ElementTree as E
root = E.fromstring(sys.stdin.read())
print(len(root.findall('.//testcase')), len(root.findall('.//failure')), len(root.findall('.//error')), len(root.findall('.//skipped')), root.attrib['failures'])";
    let Some(seen) = python(program, &text) else { return println!("skipped: there is no python3") };
    assert_eq!(seen, "6 3 1 1 3");
}

#[test]
fn events_are_as_the_schema_has_them() {
    let results = results();
    let events = ocsf(&report(&results));
    insta::assert_json_snapshot!(events);
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ocsf-1.8.0-findings.json");
    let schema: Value =
        serde_json::from_str(&fargard_model::bounded::read_to_string(&schema, 8 << 20).unwrap()).unwrap();
    for event in &events {
        let mut faults = Vec::new();
        let class = &schema["classes"][event["class_uid"].to_string()];
        conforms(&schema, class, event, "event", &mut faults);
        assert_eq!(faults, [""; 0], "{event}");
        assert_eq!(event["type_uid"].as_u64().unwrap(), event["class_uid"].as_u64().unwrap() * 100 + 1);
    }
}

/// Whether an object has what its definition requires and nothing else, of the right types.
fn conforms(schema: &Value, definition: &Value, object: &Value, path: &str, faults: &mut Vec<String>) {
    let attributes = definition["attributes"].as_object().unwrap();
    for (name, attribute) in attributes {
        if attribute["required"] == true && object.get(name).is_none() {
            faults.push(format!("{path}.{name} is missing"));
        }
    }
    if let Some(one_of) = definition["just_one"].as_array() {
        let count = one_of.iter().filter(|name| object.get(name.as_str().unwrap()).is_some()).count();
        if count != 1 {
            faults.push(format!("{path} has {count} of {one_of:?}"));
        }
    }
    for (name, value) in object.as_object().unwrap() {
        let Some(attribute) = attributes.get(name) else {
            faults.push(format!("{path}.{name} is unknown"));
            continue;
        };
        let path = format!("{path}.{name}");
        if attribute["array"] == true && !value.is_array() {
            faults.push(format!("{path} is no list"));
            continue;
        }
        let items = value
            .as_array()
            .filter(|_| attribute["array"] == true)
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            let fits = match attribute["type"].as_str().unwrap() {
                "object" => {
                    conforms(
                        schema,
                        &schema["objects"][attribute["object"].as_str().unwrap()],
                        item,
                        &path,
                        faults,
                    );
                    true
                }
                "string" => item.is_string(),
                "integer" => item.is_u64(),
                "float" => item.is_number(),
                "boolean" => item.is_boolean(),
                _ => true,
            };
            if !fits {
                faults.push(format!("{path} is of another type: {item}"));
            }
            if let Some(values) = attribute["enum"].as_array() {
                let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                if !values.iter().any(|value| value == &text) {
                    faults.push(format!("{path} cannot be {item}"));
                }
            }
        }
    }
}

#[test]
fn security_hub_findings_are_within_their_limits() {
    let results = results();
    let mut report = report(&results);
    let long = "x".repeat(5000);
    report.flaws[0].summary = &long;
    let findings = asff(&report, ACCOUNT);
    for finding in &findings {
        let length = |name: &str| finding[name].as_str().unwrap().len();
        assert!(length("Title") <= 256 && length("Description") <= 1024 && length("Id") <= 512);
        assert!(!finding["Description"].as_str().unwrap().is_empty());
    }
    assert_eq!(findings[0]["Compliance"]["Status"], "PASSED");
    assert_eq!(
        findings[0]["Resources"][0]["Id"],
        "arn:aws:ecr:eu-central-1:123456789012:repository/team/app/sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    report.flaws[0].summary = "short";
    insta::assert_json_snapshot!(asff(&report, ACCOUNT));
    let program = "import json, sys
try:
    import botocore.session, botocore.validate
except ImportError:
    print('none'); sys.exit()
model = botocore.session.get_session().get_service_model('securityhub')
shape = model.operation_model('BatchImportFindings').input_shape
found = botocore.validate.ParamValidator().validate({'Findings': json.load(sys.stdin)}, shape)
print(found.generate_report() or 'sound')";
    let seen = python(program, &Value::Array(findings).to_string());
    match seen.as_deref() {
        None | Some("none") => println!("skipped: there is no botocore"),
        Some(seen) => assert_eq!(seen, "sound"),
    }
}

#[test]
fn sarif_has_a_rule_and_a_place_for_each_result() {
    let results = results();
    let document = sarif(&report(&results));
    insta::assert_json_snapshot!(document);
    let run = &document["runs"][0];
    let rules: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    for result in run["results"].as_array().unwrap() {
        assert!(rules.contains(&&result["ruleId"]), "{result}");
    }
}

#[test]
fn long_texts_are_cut_between_letters() {
    assert_eq!(
        (cut("abc", 3).as_str(), cut("äöüß", 3).as_str(), cut("äöüßä", 4).as_str()),
        ("abc", "...", "ä...")
    );
}
