//! Replays the kept corpus of the fuzz target.

use fargard_sensor::net as parsers;

#[path = "../../../fuzz/checks/network.rs"]
mod network;

use std::{fs, path::Path};

use fargard_model::bounded;

#[test]
fn inputs_that_fuzzing_kept() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/network");
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display())) {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        network::check(&bounded::read(&path, 1 << 20).unwrap());
        replayed += 1;
    }
    assert!(replayed > 0);
}
