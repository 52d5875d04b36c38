//! `cargo xtask bench coverage`: what coverage costs by its size. The measuring is a program of its own,
//! `benches/coverage`: it is compiled for speed, and this is not.

use anyhow::Result;

use crate::shell::step;

/// Builds and runs it; the words are its own.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let own = ["cargo", "run", "--release", "--quiet", "--package", "fargard-bench-coverage", "--"];
    step(&[&own[..], words].concat())
}
