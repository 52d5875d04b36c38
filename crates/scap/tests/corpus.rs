//! Replays the kept corpus of the fuzz target.
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

#[path = "../../../fuzz/checks/scap.rs"]
mod scap;

use std::{fs, path::Path};

use fargard_model::bounded;

#[test]
fn inputs_that_fuzzing_kept() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/scap");
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display())) {
        let path = entry.unwrap().path();
        let input = bounded::read(&path, 1 << 20).unwrap();
        println!("{}", path.display());
        scap::check(&input);
        replayed += 1;
    }
    assert!(replayed > 0);
}
