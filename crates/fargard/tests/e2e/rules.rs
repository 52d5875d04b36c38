//! `fargard rules`: errors carry their place, the default rules are clean, programs get Falco's result.

use std::{fs, path::Path, process::Output};

use serde_json::Value;

use crate::support::fargard;

fn rules(args: &[&str], files: &[&Path]) -> Output {
    fargard().arg("rules").args(args).args(files).output().expect("fargard starts")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), text).expect("written");
    file
}

const SHADOWED: &str = "\
- rule: wide
  desc: d
  condition: evt.type = open
  output: o
  priority: INFO
  tags: [files]
- rule: narrow
  desc: d
  condition: evt.type = open and proc.name = cat
  output: o %proc.name
  priority: INFO
";

#[test]
fn the_default_rules_have_no_errors_no_warnings_and_no_lints() {
    let directory = crate::support::repository().join("rules");
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("rules").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    // As a shell's `rules/*.yaml` orders them.
    files.sort();
    assert!(files.len() >= 2);
    let paths: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    let output = rules(&["check", "--deny", "warnings", "--deny", "lints"], &paths);
    let printed = printed(&output);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("0 errors, 0 warnings, 0 lints"), "{printed}");
}

#[test]
fn an_error_names_file_line_and_column() {
    let rules_file = file("- macro: m\n  condition: proc.name = = sh\n");
    let output = rules(&["check"], &[rules_file.path()]);
    assert_eq!(output.status.code(), Some(1));
    let printed = printed(&output);
    assert!(printed.contains(&format!("{}:2:", rules_file.path().display())), "{printed}");
    assert!(printed.contains("LOAD_ERR_COMPILE_CONDITION"), "{printed}");
    let output = rules(&["check"], &[Path::new("/no/such/file.yaml")]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn programs_get_falcos_result_and_what_they_ask_for_besides() {
    let rules_file = file(SHADOWED);
    let json = |args: &[&str]| -> Value {
        let output = rules(args, &[rules_file.path()]);
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let plain = json(&["check", "--json"]);
    let keys: Vec<_> = plain.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["falco_load_results"]);
    let result = &plain["falco_load_results"][0];
    assert_eq!(result["successful"], true);
    assert_eq!(result["schema_valid"], true);
    assert_eq!(result["errors"].as_array().map(Vec::len), Some(0));
    let all = json(&["check", "--json", "--describe", "--lints"]);
    assert_eq!(all["fargard_lints"][0]["code"], "FARGARD_LINT_SHADOWED");
    assert_eq!(all["falco_describe_results"]["rules"][1]["details"]["output_fields"][0], "proc.name");
    let denied = rules(&["check", "--json", "--deny", "lints"], &[rules_file.path()]);
    assert_eq!(denied.status.code(), Some(1));
}

#[test]
fn a_falco_configuration_selects_rules_and_adds_to_outputs() {
    let rules_file = file(SHADOWED);
    let config = file(
        "json_output: true\nrules:\n  - disable: {tag: files}\nappend_output:\n  - extra_output: '%no.such.field'\n",
    );
    let config_path = config.path().display().to_string();
    let output = rules(&["check", "--falco-config", &config_path], &[rules_file.path()]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert!(printed(&output).contains("LOAD_ERR_COMPILE_OUTPUT"), "{}", printed(&output));
    fs::write(config.path(), "json_output: true\nrules:\n  - disable: {tag: files}\n").expect("written");
    let output = rules(&["list", "--falco-config", &config_path, "--rules"], &[rules_file.path()]);
    let printed = printed(&output);
    assert!(printed.contains("wide (disabled)") && printed.contains("ignored: json_output"), "{printed}");
    assert!(!printed.contains("narrow (disabled)"), "{printed}");
}

#[test]
fn the_schema_and_the_description_are_printed() {
    let schema: Value = serde_json::from_slice(&rules(&["schema"], &[]).stdout).expect("JSON");
    assert_eq!(schema["type"], "array");
    let described: Value = serde_json::from_slice(&rules(&["list", "--describe"], &[]).stdout).expect("JSON");
    assert!(described["rules"].as_array().is_some_and(|rules| rules.len() >= 20));
}

#[test]
fn the_fields_are_listed_for_people_and_for_programs() {
    let listed: Value =
        serde_json::from_slice(&rules(&["list", "--fields", "--format", "json"], &[]).stdout).expect("JSON");
    let fields = listed.as_array().expect("an array");
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).expect("a field");
    assert_eq!(
        (&field("proc.name")["type"], &field("proc.name")["computed"]),
        (&"CHARBUF".into(), &true.into())
    );
    assert_eq!(
        (&field("k8s.ns.name")["computed"], field("evt.cpu")["absent"].is_string()),
        (&false.into(), true)
    );
    let text = printed(&rules(&["list", "--fields"], &[]));
    let page = printed(&rules(&["list", "--fields", "--format", "markdown"], &[]));
    for field in fields {
        let name = field["name"].as_str().expect("a name");
        assert!(text.contains(name) && page.contains(name), "{name}");
    }
}

#[test]
fn a_file_that_is_no_text_is_bad_input_with_its_line() {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(rules.path(), b"- macro: m\n  condition: proc.name = \xff\n").expect("written");
    let output = fargard().args(["rules", "check"]).arg(rules.path()).output().expect("fargard starts");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && printed.contains("not UTF-8 in line 2"), "{printed}");
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
    let import = |from: &Path| {
        let output =
            fargard().args(["rules", "import", "--sigma"]).arg(from).arg("--output").arg(&converted).output();
        let output = output.expect("fargard starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let (code, printed) = import(directory.path());
    assert_eq!(code, Some(1), "{printed}");
    let line = format!("{}:2:12: log source windows/process_creation: ", bad.display());
    assert!(printed.contains(&line), "{printed}");
    assert!(printed.contains("1 rules of 2 files converted, 1 left out"), "{printed}");
    let check = fargard().args(["rules", "check"]).arg(&converted).output().expect("fargard starts");
    assert!(check.status.success(), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).contains("0 warnings"), "{check:?}");

    assert_eq!(import(&below.join("good.yml")).0, Some(0));
    let (code, printed) = import(&directory.path().join("nothing"));
    assert!(code == Some(2) && printed.contains("nothing"), "{printed}");
}
