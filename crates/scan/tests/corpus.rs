//! Replays the kept corpus of the fuzz target, and cuts and bends each of its inputs.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../../../fuzz/checks/scan.rs"]
mod scan;

use std::{fs, path::Path};

use fargard_model::bounded;

fn corpus() -> Vec<Vec<u8>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/scan");
    let files = fs::read_dir(place).unwrap();
    files.map(|file| bounded::read(&file.unwrap().path(), 1 << 20).unwrap()).collect()
}

#[test]
fn kept_inputs() {
    let inputs = corpus();
    assert!(inputs.len() > 10);
    for input in inputs {
        scan::check(&input);
    }
}

#[test]
fn kept_inputs_cut_and_bent() {
    for input in corpus() {
        let step = (input.len() / 60).max(1);
        for at in (0..input.len()).step_by(step) {
            scan::check(&input[..at]);
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bent = input.clone();
                bent[at] = value;
                scan::check(&bent);
                let end = (at + 4).min(bent.len());
                bent[at..end].fill(value);
                scan::check(&bent);
            }
        }
    }
}
