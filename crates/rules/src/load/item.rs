//! What one item of a file says, before it meets the others.

use std::{collections::BTreeMap, ops::Range};

use fargard_model::Priority;

use super::extension::{ActionDef, FoldingDef};

/// Bytes of one of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the file.
    pub(crate) file: usize,
    pub(crate) span: Range<usize>,
}

/// A scalar with its place.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What an item does to an earlier one of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Append,
    Replace,
}

/// A list or a macro (whose only item is its condition).
#[derive(Debug)]
pub(super) struct SimpleItem {
    pub(super) name: Text,
    pub(super) values: Vec<Text>,
    pub(super) append: bool,
}

/// What a rule item is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RuleMode {
    Define,
    /// `append: true`.
    Append,
    /// `override`, by key.
    Override(BTreeMap<String, How>),
    /// Only `rule` and `enabled`.
    Toggle,
}

#[derive(Debug)]
pub(super) struct RuleItem {
    pub(super) name: Text,
    pub(super) mode: RuleMode,
    pub(super) condition: Option<Text>,
    pub(super) output: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) priority: Option<Priority>,
    pub(super) source: Option<Text>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) enabled: Option<bool>,
    pub(super) warn_evttypes: Option<bool>,
    pub(super) skip_unknown: Option<bool>,
    pub(super) capture: Option<bool>,
    pub(super) capture_duration: Option<u64>,
    pub(super) exceptions: Option<Vec<Exception>>,
    pub(super) folding: FoldingDef,
    pub(super) action: Option<ActionDef>,
}

/// One value or several.
#[derive(Clone, Debug)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A value of an exception: text, or a list.
#[derive(Clone, Debug)]
pub(crate) enum ExceptionValue {
    Text(String),
    List(Vec<ExceptionValue>),
}

/// An exception as written.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) fields: Option<OneOrMany>,
    pub(crate) comps: Option<OneOrMany>,
    /// `None` when the key is missing.
    pub(crate) values: Option<Vec<ExceptionValue>>,
}
