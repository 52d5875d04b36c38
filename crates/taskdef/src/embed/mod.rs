//! Putting the sensor into task definitions, and taking it out again.
//!
//! [`embed`] and [`undo`] work on a file's text: what they do not change keeps its bytes. Which containers are watched
//! and how is decided in `plan`, by what is written and by what an [`ImageLookup`] knows; everything left alone has a
//! [`SkipCode`]. The changes are recorded in a label of the sensor's container (`record`), from which [`undo`] finds
//! its way back; [`embed`] never gives out a text that does not lead back to the one it was made of.

mod change;
pub(crate) mod dialect;
pub(crate) mod document;
mod edit;
mod foreign;
mod lookup;
pub(crate) mod opaque;
mod plan;
mod reason;
mod record;
mod report;
mod resolve;
mod run;
mod settings;
pub(crate) mod sidecar;
mod size;
pub(crate) mod tree;
mod undo;
mod validate;
mod wrap;
mod write;
mod yaml;

pub use document::EmbedError;
pub use lookup::{FailureKind, ImageConfig, ImageLookup, ImageTable, LookupFailure, Platform};
pub use plan::MODE_LABEL;
pub use reason::{Skip, SkipCode};
pub use record::LABEL as EMBED_LABEL;
pub use report::{ContainerReport, Embedding, Outcome, TaskReport};
pub use run::{NestedTemplate, embed, nested_templates, undo};
pub use settings::{Choice, Settings};
pub use size::{MAX_CONTAINERS, MAX_DEFINITION};
