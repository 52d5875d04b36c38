//! What was read of an image, and what was not.

use std::fmt;

use fargard_model::foreign::shown;

use crate::Descriptor;

/// What became of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerState {
    /// Read to its end and found to be what its digest promises.
    Read,
    /// Not read: its maker keeps it elsewhere (named by its addresses).
    Foreign,
    /// Read in part or not at all.
    Failed(String),
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReport {
    /// What the manifest says of it.
    pub descriptor: Descriptor,
    /// What became of it.
    pub state: LayerState,
    /// Members read.
    pub entries: u64,
    /// Bytes once unpacked.
    pub unpacked: u64,
    /// Bytes that were read of it as it is stored; none where everything was known from before.
    pub read: u64,
}

/// Something in a layer that no honest tool writes, or that unpackers take differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Number of the layer, the lowest is 0.
    pub layer: usize,
    /// The name as written, printable.
    pub path: String,
    /// What is wrong, and how it was taken.
    pub reason: &'static str,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer {}: {}: {}", self.layer + 1, self.path, self.reason)
    }
}

/// What was read of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The layers, the lowest first.
    pub layers: Vec<LayerReport>,
    /// The first anomalies.
    pub anomalies: Vec<Anomaly>,
    /// Anomalies that are not among them.
    pub anomalies_left_out: u64,
    /// Why the whole reading ended before its end.
    pub cut_short: Option<String>,
}

impl ScanReport {
    /// What was not seen, for people; `None` when everything was.
    #[must_use]
    pub fn incomplete(&self) -> Option<String> {
        let mut reasons: Vec<String> = self.cut_short.iter().cloned().collect();
        for (number, layer) in self.layers.iter().enumerate() {
            match &layer.state {
                LayerState::Read => {}
                LayerState::Foreign => {
                    reasons.push(format!("layer {} is kept elsewhere and was not read", number + 1));
                }
                LayerState::Failed(reason) => reasons.push(format!("layer {}: {reason}", number + 1)),
            }
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Members and unpacked bytes of all layers.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        self.layers
            .iter()
            .fold((0, 0), |(entries, bytes), layer| (entries + layer.entries, bytes + layer.unpacked))
    }
}

/// Anomalies being found.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) found: Vec<Anomaly>,
    pub(super) left_out: u64,
    most: usize,
}

impl Notes {
    pub(super) fn new(most: usize) -> Self {
        Self { found: Vec::new(), left_out: 0, most }
    }

    pub(super) fn add(&mut self, layer: u16, path: &[u8], reason: &'static str) {
        if self.found.len() < self.most {
            self.found.push(Anomaly { layer: layer.into(), path: shown(path, 512), reason });
        } else {
            self.left_out += 1;
        }
    }
}
