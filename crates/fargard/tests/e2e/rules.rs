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

#[test]
fn sigma_rules_are_imported_and_what_is_left_out_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let below = directory.path().join("linux");
    fs::create_dir(&below).expect("created");
    let good = "title: Shell\nlogsource: {product: linux, category: process_creation}\n\
        detection: {a: {Image|endswith: /sh}, condition: a}\n";
    fs::write(below.join("good.yml"), good).expect("written");
    let bad = below.join("other.yaml");
    fs::write(&bad, good.replace("product: linux", "product: windows")).expect("written");
    fs::write(below.join("notes.txt"), "no rule").expect("written");
    let converted = directory.path().join("converted.yaml");
    let import = |from: &std::path::Path| {
        let output =
            fargard().args(["rules", "import", "--sigma"]).arg(from).arg("--output").arg(&converted).output();
        let output = output.expect("fargard starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let (code, printed) = import(directory.path());
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains(&format!("{}:2:12: log source windows/process_creation: ", bad.display())),
        "{printed}"
    );
    assert!(printed.contains("1 rules of 2 files converted, 1 left out"), "{printed}");
    let check = fargard().args(["rules", "check"]).arg(&converted).output().expect("fargard starts");
    assert!(
        check.status.success() && String::from_utf8_lossy(&check.stdout).contains("0 warnings"),
        "{check:?}"
    );

    assert_eq!(import(&below.join("good.yml")).0, Some(0));
    let (code, printed) = import(&directory.path().join("nothing"));
    assert!(code == Some(2) && printed.contains("nothing"), "{printed}");
}
