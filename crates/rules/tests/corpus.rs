//! Replays the kept corpus of the fuzz targets, so that what fuzzing once found is seen without a fuzzer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

#[path = "../../../fuzz/checks/cloudtrail.rs"]
mod cloudtrail;
#[path = "../../../fuzz/checks/condition.rs"]
mod condition;
#[path = "../../../fuzz/checks/loader.rs"]
mod loader;

use std::{fs, path::Path};

use fargard_model::bounded;

/// Runs a target's check on its corpus; gives the number of inputs.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display())) {
        let path = entry.unwrap().path();
        let input = bounded::read(&path, 1 << 20).unwrap();
        // Named before it runs: the output of a test that fails is shown.
        println!("{}", path.display());
        check(&input);
        replayed += 1;
    }
    replayed
}

#[test]
fn conditions() {
    assert!(replay("condition", condition::check) > 0);
}

#[test]
fn rules_files() {
    assert!(replay("loader", loader::check) > 0);
}

#[test]
fn records() {
    assert!(replay("cloudtrail", cloudtrail::check) > 0);
}
