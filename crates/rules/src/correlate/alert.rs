//! What a detector tells of.

use std::sync::Arc;

use super::{fold::Held, output::Evidence};
use crate::{OwnedSubject, RuleId, Subject};

/// Something to be told of.
#[derive(Debug)]
pub struct Alert {
    /// The rule, sequence or threshold.
    pub rule: RuleId,
    /// How many matches before it, which were held back, it stands for as well.
    pub folded: u64,
    /// The event it is about, where that is an earlier one.
    pub(super) held: Option<OwnedSubject>,
    pub(super) evidence: Option<Arc<Evidence>>,
}

impl Alert {
    /// The event it is about: an earlier one, which was held back, or the one that was observed.
    #[must_use]
    pub fn subject<'e>(&'e self, observed: impl Into<Option<Subject<'e>>>) -> Option<Subject<'e>> {
        self.held.as_ref().map(OwnedSubject::subject).or(observed.into())
    }

    /// It is about an event that was held back when it was observed.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn of(rule: RuleId, held: Held) -> Self {
        Self { rule, folded: held.matches - 1, held: Some(held.subject), evidence: held.evidence }
    }
}
