//! `dedup` and `limit`: how repeats of a detection are folded into one.

use super::super::{FileReader, Refused, item::Text};
use crate::yaml::Node;

/// Most detections that a `limit` lets through.
const MAX_COUNT: u32 = 1_000_000;
/// Most fields of a key.
const MAX_BY: usize = 8;

/// So many detections of a key are let through within the time; the others are folded.
#[derive(Clone, Debug)]
pub(crate) struct FoldDef {
    pub(crate) by: Vec<Text>,
    pub(crate) count: u32,
    /// Nanoseconds.
    pub(crate) within: u64,
}

/// Both kinds of folding; `dedup` comes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoldingDef {
    pub(crate) dedup: Option<FoldDef>,
    pub(crate) limit: Option<FoldDef>,
}

impl FoldingDef {
    /// Repeats are folded.
    pub(crate) fn is_some(&self) -> bool {
        self.dedup.is_some() || self.limit.is_some()
    }

    /// What a later item gives in the place of this.
    pub(crate) fn replaced_by(&mut self, later: Self) {
        self.dedup = later.dedup.or(self.dedup.take());
        self.limit = later.limit.or(self.limit.take());
    }
}

impl FileReader<'_> {
    /// The folding keys of an item.
    pub(in super::super) fn folding(&mut self, node: &Node) -> Result<FoldingDef, Refused> {
        Ok(FoldingDef { dedup: self.fold(node, "dedup")?, limit: self.fold(node, "limit")? })
    }

    fn fold(&mut self, node: &Node, key: &str) -> Result<Option<FoldDef>, Refused> {
        let Some(fold) = node.get(key).filter(|fold| !fold.is_null()) else { return Ok(None) };
        let known: &[&str] = if key == "dedup" { &["by", "within"] } else { &["by", "count", "within"] };
        if fold.entries().is_none() {
            return Err(
                self.refuse_extension(fold, format!("'{key}' must be a mapping of {}", known.join(", ")))
            );
        }
        self.unknown_keys(fold, known);
        let count = match key {
            "dedup" => 1,
            _ => self.number(&*self.required(fold, "count")?, "count", 1, MAX_COUNT)?,
        };
        let within = self.duration(&*self.required(fold, "within")?, "within")?;
        Ok(Some(FoldDef { by: self.by(fold)?, count, within }))
    }

    /// The fields of a key; none where it is not given.
    pub(super) fn by(&self, node: &Node) -> Result<Vec<Text>, Refused> {
        let Some(by) = node.get("by").filter(|by| !by.is_null()) else { return Ok(Vec::new()) };
        let fields = self.texts(by, "'by' must be a field or a list of fields")?;
        if fields.len() > MAX_BY {
            return Err(self.refuse_extension(by, format!("'by' takes at most {MAX_BY} fields")));
        }
        Ok(fields)
    }
}
