//! Records of sources that speak JSON, such as CloudTrail.

use fargard_model::{Source, Timestamp};

/// One JSON record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Number within its input, counted from 1.
    pub num: u64,
    /// When it happened.
    pub time: Timestamp,
    /// Where it comes from.
    pub source: Source,
    /// Its content.
    pub json: serde_json::Value,
}
