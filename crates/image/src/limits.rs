//! How much is read of one image.

use std::time::Duration;

/// Bounds of reading one image; the defaults are far above what real images need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Layers.
    pub layers: usize,
    /// Paths of all layers together, with the directories they imply. A path takes about 80 bytes of memory.
    pub paths: u32,
    /// Bytes of all names and link targets together.
    pub name_bytes: usize,
    /// Bytes of all layers once unpacked.
    pub unpacked_bytes: u64,
    /// How many times its packed size a layer may unpack to.
    pub ratio: u64,
    /// Unpacked bytes from which the ratio counts: small layers of zeros are harmless and real.
    pub ratio_from: u64,
    /// Time for all layers.
    pub time: Duration,
    /// Anomalies kept with their paths; the others are counted.
    pub anomalies: usize,
}

impl Limits {
    /// Longest path in bytes (Linux's `PATH_MAX` without the ending NUL).
    pub const PATH: usize = 4095;
    /// Longest name of a file in bytes (Linux's `NAME_MAX`).
    pub const NAME: usize = 255;
    /// Symbolic links followed in resolving one path (as Linux does).
    pub const LINKS: usize = 40;
    /// Bytes of one manifest, index or configuration (registries take at most 4 MiB).
    pub const DOCUMENT: usize = 4 << 20;
    /// Indexes within indexes.
    pub const INDEX_DEPTH: usize = 4;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: 1024,
            paths: 6_000_000,
            name_bytes: 256 << 20,
            unpacked_bytes: 128 << 30,
            ratio: 500,
            ratio_from: 1 << 30,
            time: Duration::from_secs(3600),
            anomalies: 1000,
        }
    }
}
