//! What must hold of any text that is taken for a condition. The fuzz target and the test that replays its corpus
//! both run this.

use fargard_rules::syntax::parse;

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let tree = match parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            let span = error.span.start..error.span.end;
            assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text: {error}");
            assert!(!error.message.is_empty());
            return;
        }
    };
    let printed = tree.to_string();
    let again = parse(&printed).unwrap_or_else(|error| panic!("printed as {printed:?}: {error}"));
    assert_eq!(shape(&again), shape(&tree), "printed as {printed:?}");
}

/// The tree without the places of its parts.
fn shape(tree: &impl std::fmt::Debug) -> String {
    let text = format!("{tree:?}");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("Span {") {
        kept.push_str(before);
        rest = after.split_once('}').map_or("", |(_, behind)| behind);
    }
    kept + rest
}
