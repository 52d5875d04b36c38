//! Reading container images, from files and from registries. Nothing is ever unpacked to disk.
//!
//! A [`Source`] finds an [`Image`]: its manifest, its configuration, and its layers as streams. [`scan`](Image::scan) goes
//! through the layers once, hands the content of each file to a [`Visitor`] and makes the image's file system as a
//! [`Tree`] in memory. Whatever is read may have been made by an attacker: sizes, counts and time have
//! [`Limits`], and digests are checked.

mod config;
mod digest;
mod error;
mod image;
mod json;
mod layer;
mod limits;
mod lock;
mod lookup;
mod manifest;
mod packing;
mod platform;
mod reference;
mod registry;
mod source;
mod tar;

pub use config::{HealthCheck, History, ImageConfig, RunConfig};
pub use digest::{Digest, DigestError, Mismatch, Verified};
pub use error::ImageError;
pub use image::{Blobs, Image};
pub use layer::{
    Anomaly, ContentId, FileEntry, Known, LayerReport, LayerState, Members, ScanReport, Scanned, Tree,
    TreeEntry, Visitor,
};
pub use limits::Limits;
pub use lock::{LockFile, LockedImage};
pub use lookup::{Lookup, Origin, OriginError};
pub use manifest::{Descriptor, Document, Index, Manifest, media_type};
pub use platform::Platform;
pub use reference::{DOCKER_HUB, Reference, ReferenceError, RegistryKind};
pub use registry::{Login, Options as RegistryOptions, Registry, RegistryProblem};
pub use source::{Source, SourceError};
pub use tar::{Content, Entry, Kind, TarError, TarReader};

#[cfg(test)]
mod made;
