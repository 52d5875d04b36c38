//! What must hold of any text that is taken for a rules file, whole and cut in two files. The fuzz target and the
//! test that replays its corpus both run this.

use fargard_rules::{LoadReport, RuleId, Ruleset, SourceFile, describe, lint, load, report, traps};

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = |name: &str, text: &str| SourceFile { name: name.to_owned(), text: text.to_owned() };
    check_load(&[file("whole.yaml", text)]);
    let (first, second) = text.split_at(cut(text));
    check_load(&[file("first.yaml", first), file("second.yaml", second)]);
}

/// Before the item or document nearest behind the middle: what follows may append to what stands before.
fn cut(text: &str) -> usize {
    let middle = (text.len() / 2..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(middle..).and_then(|rest| rest.find("\n-")).map_or(middle, |at| middle + at + 1)
}

fn check_load(files: &[SourceFile]) {
    let LoadReport { ruleset, diagnostics, .. } = load(files);
    let refused = diagnostics.iter().any(|diagnostic| diagnostic.is_error());
    assert_eq!(ruleset.is_none(), refused, "{diagnostics:?}");
    let json = report::load_results(files, &diagnostics);
    let results = json["falco_load_results"].as_array().expect("one result a file");
    assert_eq!(results.len(), files.len());
    assert_eq!(results.iter().all(|result| result["successful"] == true), !refused, "{json}");
    for diagnostic in &diagnostics {
        let file =
            files.iter().find(|file| file.name == diagnostic.file).expect("names a file that was given");
        assert!(diagnostic.span.start <= file.text.len(), "{diagnostic:?} of {} bytes", file.text.len());
        assert!(diagnostic.at.line >= 1 && diagnostic.at.column >= 1);
        assert!(!diagnostic.to_string().is_empty());
        assert!(!report::render(diagnostic, files, false).is_empty());
    }
    let lints = lint(files);
    assert!(lints.is_empty() || !refused, "{lints:?}");
    assert!(lints.iter().all(|lint| !report::render(lint, files, false).is_empty()));
    assert_eq!(describe(files).is_some(), !refused);
    if let Some(ruleset) = ruleset {
        check_ruleset(&ruleset);
    }
}

/// Everything that may be asked of loaded rules.
fn check_ruleset(ruleset: &Ruleset) {
    for rule in ruleset.rules() {
        let id: RuleId = ruleset.find(&rule.name).expect("a rule is found by its name");
        assert!(ruleset.expanded_condition(id).is_some());
        let _ = ruleset.event_types(id);
    }
    let _ = (traps::needs(ruleset), ruleset.traps(), ruleset.needs_env());
}
