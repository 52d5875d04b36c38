//! Replays the kept corpus of the fuzz target, and embeds the corpus of real definitions and templates.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "helpers of tests fail and report like tests"
)]

#[path = "../../../fuzz/checks/embed.rs"]
mod embed;

use std::path::{Path, PathBuf};

use proptest::prelude::*;

#[expect(
    clippy::disallowed_methods,
    reason = "files of this repository and the test corpus, not unknown input"
)]
fn replay(directory: &Path) -> usize {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut replayed = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        eprintln!("{}", path.display());
        embed::check(&std::fs::read(&path).unwrap());
        replayed += 1;
    }
    replayed
}

#[test]
fn inputs_that_fuzzing_kept() {
    assert!(replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/embed")) > 0);
}

#[test]
fn real_definitions_and_templates() {
    let shared = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let directory = shared.join("data/taskdefs");
    if !directory.is_dir() {
        eprintln!("skipped: no corpus of task definitions at {}", directory.display());
        return;
    }
    assert!(replay(&directory) > 0);
}

const SAMPLES: [&str; 3] = [
    include_str!("../../../fuzz/corpus/embed/template"),
    include_str!("../../../fuzz/corpus/embed/definition"),
    include_str!("../../../fuzz/corpus/embed/lines"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A piece of a sample put elsewhere, into another or over something.
    #[test]
    fn mixed_samples(from in 0_usize..3, into in 0_usize..3, at in 0_usize..2000, length in 0_usize..60, to in 0_usize..2000, over in 0_usize..40) {
        let (from, into) = (SAMPLES[from].as_bytes(), SAMPLES[into].as_bytes());
        let (at, to) = (at % from.len(), to % into.len());
        let piece = &from[at..(at + length).min(from.len())];
        let mixed = [&into[..to], piece, &into[(to + over).min(into.len())..]].concat();
        embed::check(&mixed);
    }
}
