//! Replays the kept corpus of the fuzz target, and cuts and bends each of its inputs.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../../../fuzz/checks/inventory.rs"]
mod inventory;

use std::{fs, path::Path};

use fargard_model::bounded;

fn corpus() -> Vec<Vec<u8>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/inventory");
    let files = fs::read_dir(place).unwrap();
    files.map(|file| bounded::read(&file.unwrap().path(), 1 << 20).unwrap()).collect()
}

#[test]
fn kept_inputs_as_they_are_cut_and_bent() {
    let inputs = corpus();
    assert!(inputs.len() > 10);
    for input in inputs {
        inventory::check(&input);
        let step = (input.len() / 12).max(1);
        for at in (0..input.len()).step_by(step) {
            inventory::check(&input[..at]);
            for value in [0, 0x7f, 0xff] {
                let mut bent = input.clone();
                bent[at] = value;
                inventory::check(&bent);
            }
        }
    }
}
