//! What is installed in a root file system, and what is known to be vulnerable in it.
//!
//! [`of_rootfs`] and [`Collector`] make an [`Inventory`] of packages out of the files that say what is installed: databases of
//! distributions, and the metadata that language tools leave where they install. [`sbom`] writes it down as a bill of
//! materials; [`feed`] reads files of advisories and keeps what concerns the packages; [`matching`] judges by them. Nothing
//! asks the network, and everything that is read has a limit: it may have been made by an attacker.

pub mod cvss;
mod distribution;
pub mod feed;
mod inventory;
mod json;
pub mod matching;
mod package;
mod rootfs;
pub mod sbom;
pub mod source;
mod version;
mod vulnerability;
mod zip;

pub use distribution::Distribution;
pub use inventory::{Collector, Held, Inventory, Piece};
pub use package::{Kind, Package, Source};
pub use rootfs::of_rootfs;
pub use version::Order;
pub use vulnerability::{Severity, Status, Vulnerability};
