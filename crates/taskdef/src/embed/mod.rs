//! Putting the sensor into task definitions.

mod dialect;
mod edit;
mod lookup;
mod resolve;
mod tree;
mod write;
mod yaml;

pub use lookup::{FailureKind, ImageConfig, ImageLookup, LookupFailure, Platform};
