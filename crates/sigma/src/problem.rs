//! Why a rule was left out.

use std::{fmt, ops::Range};

use fargard_rules::{LineColumn, SourceFile};

/// What a rule uses that cannot be converted, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Where the construct stands.
    pub at: LineColumn,
    /// The construct: `modifier |cidr`, `field LogonId`, ...
    pub construct: String,
    /// Why it cannot be converted.
    pub reason: String,
    /// Title of the rule; empty when it is not known.
    pub rule: String,
}

impl Problem {
    /// A problem with some bytes of a file.
    pub(crate) fn new(
        file: &SourceFile,
        span: &Range<usize>,
        construct: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            file: file.name.clone(),
            at: crate::place(file, span),
            construct: construct.into(),
            reason: reason.into(),
            rule: String::new(),
        }
    }

    /// The same with the rule's title.
    pub(crate) fn of(mut self, rule: &str) -> Self {
        if self.rule.is_empty() {
            rule.clone_into(&mut self.rule);
        }
        self
    }
}

/// One line: `rule.yml:12:5: modifier |expand: reason (rule 'Title')`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {}", self.file, self.at.line, self.at.column, self.construct, self.reason)?;
        if self.rule.is_empty() { Ok(()) } else { write!(f, " (rule '{}')", self.rule) }
    }
}
