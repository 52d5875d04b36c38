//! `cargo xtask bench rules`: what rules cost by event, next to the same engine without its index. The measuring is a
//! program of its own, `benches/rules`: it is compiled for speed, and this is not.

use anyhow::Result;

use crate::shell::step;

/// Builds and runs it; the words are its own.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let own = ["cargo", "run", "--release", "--quiet", "--package", "fargard-bench-rules", "--"];
    step(&[&own[..], words].concat())
}
