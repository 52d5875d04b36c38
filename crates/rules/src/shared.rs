//! Test material that lives beside the repository, when it is there.

use std::path::PathBuf;

/// The directory named by `FARGARD_SHARED`, or `../shared` beside the repository.
fn root() -> PathBuf {
    std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// A file of the material; `None`, with a message, when it is not there.
pub(crate) fn text(path: &str) -> Option<String> {
    let full = root().join(path);
    let text = fargard_model::bounded::read_to_string(&full, 16 << 20).ok();
    if text.is_none() {
        eprintln!("skipped: no {}", full.display());
    }
    text
}
