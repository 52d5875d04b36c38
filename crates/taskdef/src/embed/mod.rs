//! Putting the sensor into task definitions.

mod lookup;

pub use lookup::{FailureKind, ImageConfig, ImageLookup, LookupFailure, Platform};
