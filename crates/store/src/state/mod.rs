//! Findings, inventory and tokens, written once over [`crate::session::Session`].

pub(crate) mod accounts;
pub(crate) mod apply;
pub(crate) mod compliance;
pub(crate) mod coverage;
pub(crate) mod digest;
pub(crate) mod findings;
pub(crate) mod fold;
pub(crate) mod guardduty;
pub(crate) mod inventory;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod retention;
pub(crate) mod tasks;
pub(crate) mod tokens;

/// Most occurrences kept with a finding, and check results shown with a task.
pub(crate) const MAX_OCCURRENCES: i64 = 50;
