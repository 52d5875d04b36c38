//! Layers: read once as a stream, and put together to the image's file system.
//!
//! Each layer is taken as unpacked into an empty directory and laid over those below, as overlayfs does: what a layer
//! says below a path counts for that path, whatever link a lower layer has there.

mod build;
mod files;
mod members;
mod merge;
mod meter;
mod names;
mod nodes;
mod report;
mod resolve;
mod scan;
mod stack;
#[cfg(test)]
mod tests;
mod tree;

pub use members::Members;
pub use report::{Anomaly, LayerReport, LayerState, ScanReport};
pub use scan::{FileEntry, Known, Scanned, Visitor};
pub use tree::{ContentId, Tree, TreeEntry};
