//! `fargard rules`: errors carry their place, the default rules are clean.

use std::fs;

use crate::support::fargard;

#[test]
fn the_default_rules_have_no_errors_and_no_warnings() {
    let directory = crate::support::repository().join("rules");
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("rules").map(|entry| entry.expect("entry").path()).collect();
    // As a shell's `rules/*.yaml` orders them.
    files.sort();
    assert!(files.len() >= 2);
    let output = fargard().args(["rules", "check"]).args(&files).output().expect("fargard starts");
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("0 errors, 0 warnings"), "{printed}");
}

#[test]
fn an_error_names_file_line_and_column() {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(rules.path(), "- macro: m\n  condition: proc.name = = sh\n").expect("written");
    let output = fargard().args(["rules", "check"]).arg(rules.path()).output().expect("fargard starts");
    assert_eq!(output.status.code(), Some(2));
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains(&format!("{}:2:", rules.path().display())), "{printed}");
    assert!(printed.contains("LOAD_ERR_COMPILE_CONDITION"), "{printed}");
}
