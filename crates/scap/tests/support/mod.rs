//! Test material that lives beside the repository, when it is there.

use std::{fs::File, path::PathBuf};

use fargard_model::{Event, bounded};
use fargard_scap::{Capture, decompressed};

/// The directory named by `FARGARD_SHARED`, or `../shared` beside the repository.
fn path(name: &str) -> PathBuf {
    let root = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    root.join(name)
}

/// A file of the material; `None`, with a message, when it is not there.
pub(crate) fn shared(name: &str) -> Option<Vec<u8>> {
    let path = path(name);
    let bytes = bounded::read(&path, 16 << 20).ok();
    if bytes.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    bytes
}

/// As [`shared`], not read yet.
pub(crate) fn open(name: &str) -> Option<File> {
    let path = path(name);
    let file = File::open(&path).ok();
    if file.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    file
}

/// All events of a capture.
pub(crate) fn events(name: &str) -> Vec<Event> {
    let input = decompressed(open(name).expect("the material has its captures")).unwrap();
    Capture::new(input).collect::<Result<_, _>>().unwrap()
}

/// A rule with that condition.
pub(crate) fn rule(number: usize, condition: &str) -> String {
    let condition = serde_json::to_string(condition).unwrap();
    format!("- rule: r{number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}
