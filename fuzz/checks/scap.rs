//! What must hold of any bytes that are taken for a capture: reading ends, and rules can look at what was read.

use std::{io::Cursor, sync::LazyLock};

use fargard_rules::{Ruleset, default_rules, load};
use fargard_scap::{Capture, decompressed};

/// Longest capture after decompression: a small input may be a large one compressed.
const LIMIT: u64 = 16 << 20;

static RULES: LazyLock<Ruleset> =
    LazyLock::new(|| load(&default_rules()).ruleset.expect("the default rules load"));

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Ok(input) = decompressed(Cursor::new(data)) else { return };
    let mut capture = Capture::with_limit(input, LIMIT);
    let mut matches = Vec::new();
    let mut ended = false;
    for event in &mut capture {
        assert!(!ended, "an error is the last item");
        match event {
            Ok(event) => {
                RULES.evaluate(&event, &mut matches);
                for rule in &matches {
                    assert!(RULES.detection(*rule, &event, "fuzz", "host").is_some());
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                ended = true;
            }
        }
    }
    let _ = (capture.skipped(), capture.hostname().len());
}
