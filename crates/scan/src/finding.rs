//! What checks find.

use fargard_model::Priority;
use serde::Serialize;

use crate::miner::Match;

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, variable or setting, printable.
    pub subject: String,
    /// Which kind of finding, one word for filters: `plaintext`, `altered`, `missing`, ...
    pub class: &'static str,
    /// Why, for people. Secrets are masked.
    pub reason: String,
    /// How bad it is.
    pub severity: Priority,
}

impl Finding {
    /// Whether it fails its check. What is less urgent than [`Priority::Warning`] is listed only.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.severity <= Priority::Warning
    }
}

impl From<&Match> for Finding {
    fn from(found: &Match) -> Self {
        Self {
            subject: found.path.clone(),
            class: found.kind.class(),
            reason: found.reason.clone(),
            severity: Priority::Critical,
        }
    }
}
