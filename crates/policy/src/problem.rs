//! What is wrong with a policy, and where.

use std::fmt;

use fargard_rules::source::LineColumn;
use serde::Serialize;

/// Most problems that are told at once.
pub const MAX_PROBLEMS: usize = 50;

/// A mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the policy: `rules[2].checks.426`.
    pub path: String,
    /// What is wrong, why, and what to do.
    pub message: String,
    /// Where in the file, if it came from one.
    #[serde(skip)]
    pub at: Option<LineColumn>,
    /// It is about a collection that is not there, which may be elsewhere.
    #[serde(skip)]
    pub is_reference: bool,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { path: path.into(), message: message.to_string(), at: None, is_reference: false }
    }
}

/// `rules[2].checks.426: ...`; a file's name and place are put in front by who knows them.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{}:{}: ", at.line, at.column)?;
        }
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}
