//! What must hold of any text that is taken for Sigma rules: what is converted loads without a word, what is not is
//! named with its place.

use fargard_rules::{SourceFile, load};
use fargard_sigma::{import, yaml};

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let import = import(&[SourceFile { name: "sigma.yml".to_owned(), text: text.to_owned() }]);
    for problem in &import.problems {
        assert!(problem.at.line >= 1 && problem.at.line <= text.lines().count() + 1, "{problem:?}");
        assert!(!problem.construct.is_empty() && !problem.reason.is_empty(), "{problem:?}");
    }
    let loaded = load(&[SourceFile { name: "converted.yaml".to_owned(), text: yaml(&import) }]);
    assert!(loaded.diagnostics.is_empty(), "{:?}\n{}", loaded.diagnostics, yaml(&import));
    assert_eq!(
        loaded.ruleset.map_or(0, |ruleset| ruleset.rules().len()),
        import.rules.len() + import.correlations.len()
    );
}
