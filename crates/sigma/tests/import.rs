//! Whole files: what they become, and what is left out.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use fargard_model::bounded;
use fargard_rules::{SourceFile, load};
use fargard_sigma::{Import, import, yaml};

fn file(name: &str) -> SourceFile {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules").join(name);
    SourceFile { name: name.to_owned(), text: bounded::read_to_string(&path, 1 << 20).unwrap() }
}

fn loads(import: &Import) -> usize {
    let text = yaml(import);
    let loaded = load(&[SourceFile { name: "converted.yaml".into(), text }]);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    loaded.ruleset.unwrap().rules().len()
}

#[test]
fn rules_for_linux_become_rules_for_calls() {
    let import = import(&[file("linux.yml")]);
    assert!(import.problems.is_empty(), "{:?}", import.problems);
    assert_eq!(loads(&import), 4);
    insta::assert_snapshot!(yaml(&import));
}

#[test]
fn rules_for_cloudtrail_become_rules_of_that_source() {
    let import = import(&[file("cloudtrail.yml")]);
    assert!(import.problems.is_empty(), "{:?}", import.problems);
    assert_eq!(loads(&import), 3);
    insta::assert_snapshot!(yaml(&import));
}

#[test]
fn what_is_not_converted_is_named() {
    let import = import(&[file("unsupported.yml")]);
    assert!(import.rules.is_empty());
    let lines: Vec<String> = import.problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn names_are_unique_and_others_survive_a_broken_file() {
    let broken = SourceFile { name: "broken.yml".into(), text: "title: [".into() };
    let import = import(&[file("linux.yml"), broken, file("linux.yml")]);
    assert_eq!(import.problems.len(), 1, "{:?}", import.problems);
    assert!(import.problems[0].to_string().starts_with("broken.yml:1:"), "{}", import.problems[0]);
    assert_eq!(loads(&import), 8);
    let names: std::collections::BTreeSet<&str> =
        import.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names.len(), 8, "{names:?}");
}

#[test]
fn correlations_become_thresholds_and_sequences() {
    let import = import(&[file("correlations.yml")]);
    assert!(import.problems.is_empty(), "{:?}", import.problems);
    assert_eq!((loads(&import), import.correlations.len()), (5, 3));
    insta::assert_snapshot!(yaml(&import));
}
