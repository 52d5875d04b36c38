//! What a configuration says of rules, beside the files: which are on, what is added to their outputs, how many
//! match. The words are those of Falco's configuration.

mod apply;
mod falco_config;
mod wildcard;

use std::collections::BTreeMap;

use fargard_model::Priority;

pub use falco_config::{ConfigError, MAX_CONFIG};

use crate::ruleset::Matching;

/// How rules are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Switch rules on and off, in this order, after what the files say (`rules`).
    pub selections: Vec<Selection>,
    /// What is added to outputs (`append_output`).
    pub append_output: Vec<AppendOutput>,
    /// Less urgent rules are off (`priority`).
    pub minimum_priority: Option<Priority>,
    /// Which matching rules count (`rule_matching`).
    pub matching: Matching,
    /// Fields `static.NAME` of a fixed value (`static_fields`).
    pub static_fields: BTreeMap<String, String>,
}

/// Switches rules on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// On.
    pub enable: bool,
    /// Which rules.
    pub select: Select,
}

/// Which rules a selection is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// Those whose whole name fits; `*` stands for any text.
    Rule(String),
    /// Those of a tag.
    Tag(String),
}

/// What is added to the outputs of some rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendOutput {
    /// Only to the rule of this name.
    pub rule: Option<String>,
    /// Only to rules of this source.
    pub source: Option<String>,
    /// Only to rules that have all these tags.
    pub tags: Vec<String>,
    /// Text with fields, put behind the output.
    pub extra_output: Option<String>,
    /// Fields that only the alert's `output_fields` show.
    pub extra_fields: Vec<ExtraField>,
    /// Put the container's identity behind the output, as Falco does with what its plugins suggest.
    pub suggested_output: bool,
}

/// A field of the alert that its text does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraField {
    /// Key in `output_fields`.
    pub name: String,
    /// Text with fields.
    pub format: String,
    /// The format is one field, and the value keeps its type.
    pub raw: bool,
}

#[cfg(test)]
mod tests;
