use fargard_model::{CheckStatus, Priority, Timestamp};
use fargard_scan::{CHECK_426, CHECKS, FILE_CHECKS, Finding, Outcome};

use super::{
    super::{assess, exit_code, give_out::report_of, known_check},
    Scan, write_table,
};

fn scan(findings: &[Finding], unreadable: Option<&str>) -> Scan {
    let mut outcome = Outcome { findings: vec![(CHECK_426.number, findings.to_vec())], ..Outcome::default() };
    outcome.walk.files = 41_105;
    outcome.walk.bytes = 1_055_000_000;
    outcome.walk.mounts_skipped.push("/proc".to_owned());
    if let Some(reason) = unreadable {
        outcome.walk.unreadable = 3;
        outcome.walk.unreadable_named.push(reason.to_owned());
    }
    assess("rootfs".to_owned(), outcome, true, |check| check.number == CHECK_426.number)
}

fn table(scan: &Scan) -> String {
    let mut out = Vec::new();
    write_table(&mut out, scan, false).unwrap();
    String::from_utf8(out).unwrap()
}

fn xmrig() -> Finding {
    Finding {
        subject: "/tmp/xmrig".to_owned(),
        class: "name",
        reason: "named as a miner; same content as /usr/bin/sleep".to_owned(),
        severity: Priority::Critical,
    }
}

fn packed() -> Finding {
    Finding {
        subject: "/opt/a b".to_owned(),
        class: "packed",
        reason: "packed by UPX".to_owned(),
        severity: Priority::Notice,
    }
}

#[test]
fn the_table_names_file_reason_and_remedy_and_counts_the_rest() {
    insta::assert_snapshot!(table(&scan(&[xmrig(), packed()], None)));
}

#[test]
fn an_incomplete_scan_is_no_pass() {
    assert!(table(&scan(&[], None)).starts_with("PASSED  426 "));
    let blind = scan(&[], Some("/root: Permission denied"));
    let text = table(&blind);
    assert!(text.starts_with("ERROR   426 ") && text.contains("3 not readable"), "{text}");
    assert_eq!(blind.results[0].result.status, CheckStatus::Error);
}

#[test]
fn exit_codes_tell_failed_from_not_checked_and_heed_the_severity() {
    let code = |findings: &[Finding], unreadable, fail_on| {
        format!("{:?}", exit_code(&scan(findings, unreadable), fail_on, None))
    };
    let expected = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
    assert_eq!(code(&[], None, Priority::Warning), expected(0));
    assert_eq!(code(&[packed()], None, Priority::Warning), expected(0));
    assert_eq!(code(&[xmrig()], Some("cut"), Priority::Warning), expected(1));
    assert_eq!(code(&[xmrig()], None, Priority::Alert), expected(0));
    assert_eq!(code(&[], Some("cut"), Priority::Warning), expected(3));
}

#[test]
fn what_a_check_needs_and_is_not_there_is_said() {
    let scan = assess("rootfs".to_owned(), Outcome::default(), false, |_| true);
    assert_eq!(scan.not_assessed.keys().copied().collect::<Vec<_>>(), [41, 424, 448]);
    assert_eq!(scan.results.len(), CHECKS.len() + FILE_CHECKS.len() + 1 - 3);
    assert!(table(&scan).contains("Not assessed: there is no package database"));
}

#[test]
fn sarif_has_a_rule_and_a_place_for_each_result() {
    let scan = scan(&[xmrig(), packed()], None);
    let document = fargard_outputs::compliance::sarif(&report_of(&scan, Timestamp(0)));
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "426");
    let places: Vec<_> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            (uri.as_str().unwrap(), result["level"].as_str().unwrap())
        })
        .collect();
    assert_eq!(places, [("tmp/xmrig", "error"), ("opt/a%20b", "note")]);
}

#[test]
fn unknown_checks_are_refused_with_the_known_ones() {
    assert_eq!(known_check("426"), Ok(426));
    assert!(known_check("427").unwrap_err().contains("426, 448"));
    assert!(known_check("x").is_err());
}
