//! The JSON schema of rule files, and Falco's verdict on a file by it.
//!
//! One document serves both: editors take it as it is; for the verdict it is applied as Falco applies its own, to
//! scalars without types (`"true"` is a boolean, `26` a text), and without what carries `x-fargard`, which Falco's
//! schema does not know.

mod validate;

use std::sync::LazyLock;

use serde_json::Value;

use crate::{source::SourceFile, yaml};

/// The schema as text (JSON schema, draft 7).
pub const SCHEMA: &str = include_str!("rules.schema.json");

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or(Value::Null));

/// Falco's verdict on the form of a file. What it says may load all the same, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaVerdict {
    /// What is not as the schema wants it, at most [`MAX_WARNINGS`]: `rules.yaml:3:5: ...`.
    pub warnings: Vec<String>,
}

/// Most warnings of one file.
pub const MAX_WARNINGS: usize = 100;

impl SchemaVerdict {
    /// Whether the file has the form the schema wants.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.warnings.is_empty()
    }
}

/// Judges the form of a file. A file that is no YAML is not valid.
#[must_use]
pub fn verdict(file: &SourceFile) -> SchemaVerdict {
    let mut warnings = Vec::new();
    match yaml::documents(&file.text) {
        Ok(documents) => {
            for document in &documents {
                validate::document(&DOCUMENT, document, file, &mut warnings);
            }
        }
        Err(error) => warnings.push(error.message),
    }
    warnings.truncate(MAX_WARNINGS);
    SchemaVerdict { warnings }
}

#[cfg(test)]
mod tests;
