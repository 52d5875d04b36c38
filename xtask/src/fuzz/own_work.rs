//! What may be kept in the repository: inputs that repeat nothing of the shared material, which has other authors.

use std::collections::HashSet;

/// Bytes that must not be the same.
const WINDOW: usize = 28;
/// Of the material, the window at every such place is known: a repeated run of `WINDOW + STEP` bytes is seen.
const STEP: usize = 4;
const BASE: u64 = 0x0100_0000_01b3;

/// The material.
#[derive(Debug)]
pub(super) struct Shared {
    whole: HashSet<Vec<u8>>,
    windows: HashSet<u64>,
}

impl Shared {
    pub(super) fn new(seeds: &[Vec<u8>]) -> Self {
        let windows = seeds.iter().flat_map(|seed| windows(seed).into_iter().step_by(STEP)).collect();
        Self { whole: seeds.iter().cloned().collect(), windows }
    }

    /// Whether the bytes are one of the inputs, or hold a long part of one.
    pub(super) fn has_part_of(&self, bytes: &[u8]) -> bool {
        self.whole.contains(bytes) || windows(bytes).iter().any(|window| self.windows.contains(window))
    }
}

/// A hash of the window at each place.
fn windows(bytes: &[u8]) -> Vec<u64> {
    let oldest = (0..WINDOW).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = 0_u64;
    let mut found = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        hash = hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1);
        if let Some(gone) = at.checked_sub(WINDOW).and_then(|at| bytes.get(at)) {
            hash = hash.wrapping_sub(oldest.wrapping_mul(u64::from(*gone) + 1));
        }
        if at + 1 >= WINDOW {
            found.push(hash);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{STEP, Shared, WINDOW};

    #[test]
    fn a_long_part_of_the_material_is_seen_wherever_it_stands() {
        let material: Vec<u8> = (0..1_000_u32).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
        let shared = Shared::new(&[material.clone(), b"short".to_vec()]);
        for from in [0, 1, 13, 500] {
            let part = &material[from..from + WINDOW + STEP];
            let around = [b"before".as_slice(), part, b"after"].concat();
            assert!(shared.has_part_of(&around), "{from}");
        }
        assert!(shared.has_part_of(b"short") && !shared.has_part_of(b"short."));
        assert!(!shared.has_part_of(&material[..WINDOW - 1]));
    }
}
