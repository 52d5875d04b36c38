//! Replays the kept corpus of the fuzz target.

#[cfg(test)]
#[path = "../../../fuzz/checks/image.rs"]
mod image;

use std::{fs, path::Path};

use fargard_model::bounded;
use proptest::prelude::*;

#[cfg(test)]
fn kept() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/image");
    let entries = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| bounded::read(path, 1 << 20).unwrap()).collect()
}

#[test]
fn inputs_that_fuzzing_kept() {
    for input in kept() {
        image::check(&input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn inputs_that_were_damaged(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let kept = kept();
        let mut input = kept[which.index(kept.len())].clone();
        for (at, byte) in damage {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if let Some(cut) = cut {
            input.truncate(cut.index(input.len()));
        }
        image::check(&input);
    }
}
