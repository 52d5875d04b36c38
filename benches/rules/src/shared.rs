//! The material beside the repository.

use std::path::PathBuf;

/// A path in the directory named by `FARGARD_SHARED`, or in `../shared` beside the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    let root = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    root.join(name)
}
