//! What the pass over one layer gave, as it is kept for the next image with the same layer.

use std::{collections::HashMap, sync::Mutex};

use fargard_inventory::Piece;
use fargard_model::Priority;
use fargard_scan::{Finding, LayerPackages};
use serde::{Deserialize, Serialize};

/// Different classes of findings that are taken from what was kept; the checks have some forty.
const MAX_CLASSES: usize = 500;

/// What one layer gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Harvest {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) found: Vec<Found>,
    /// Whether there were more findings than are kept.
    pub(super) overflowed: bool,
    /// Contents of files of accounts and of those that checks of users ask for, by the number of the member.
    pub(super) contents: Vec<(u32, Vec<u8>)>,
    /// Files that are worth a word also where an upper layer hides them.
    pub(super) shipped: Vec<Shipped>,
    /// What files say of what is installed.
    pub(super) pieces: Vec<Installed>,
    /// What check 448 compares.
    pub(super) packages: LayerPackages,
}

/// A file that is worth a word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shipped {
    pub(super) entry: u32,
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size: u64,
}

/// A finding in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Number of the member in its layer.
    pub(super) entry: u32,
    pub(super) path: Vec<u8>,
    pub(super) check: u32,
    pub(super) finding: Kept,
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    subject: String,
    class: String,
    reason: String,
    severity: Priority,
}

/// What a file says of what is installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) entry: u32,
    pub(super) piece: Piece,
}

impl From<Finding> for Kept {
    fn from(finding: Finding) -> Self {
        let Finding { subject, class, reason, severity } = finding;
        Self { subject, class: class.to_owned(), reason, severity }
    }
}

impl From<Kept> for Finding {
    fn from(kept: Kept) -> Self {
        let Kept { subject, class, reason, severity } = kept;
        Self { subject, class: class_of(&class), reason, severity }
    }
}

/// A class for as long as the program runs. There are as many as the checks have, not as many as there are findings.
fn class_of(name: &str) -> &'static str {
    static CLASSES: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);
    let Ok(mut classes) = CLASSES.lock() else { return "kept" };
    let classes = classes.get_or_insert_default();
    if let Some(known) = classes.get(name) {
        return known;
    }
    if classes.len() >= MAX_CLASSES {
        return "kept";
    }
    let class: &'static str = Box::leak(name.to_owned().into_boxed_str());
    classes.insert(name.to_owned(), class);
    class
}

#[cfg(test)]
mod tests {
    use super::{Finding, Kept, Priority};

    #[test]
    fn findings_come_back_as_they_were() {
        let finding = Finding {
            subject: "/tmp/xmrig".to_owned(),
            class: "name",
            reason: "named as a miner".to_owned(),
            severity: Priority::Critical,
        };
        let kept = serde_json::to_string(&Kept::from(finding.clone())).unwrap();
        assert_eq!(Finding::from(serde_json::from_str::<Kept>(&kept).unwrap()), finding);
    }
}
