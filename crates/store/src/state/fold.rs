//! Folding of occurrences into findings, so that the order in which batches arrive does not matter: the latest
//! occurrence describes the finding, and a check's finding is closed exactly when it passed after its last failure.

use fargard_model::{Finding, FindingState, Timestamp};

use crate::StateChange;

/// Who changed a state when nobody did.
const SELF: &str = "fargard";

/// A finding and what is known of its identity, before and after occurrences are folded in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The finding; `None` while nothing was found.
    pub(crate) finding: Option<Finding>,
    /// Ordering of the occurrence that describes the finding: the latest one.
    pub(crate) latest: String,
    /// When the check passed last.
    pub(crate) passed: Option<Timestamp>,
    /// Changes of state made by folding.
    pub(crate) changes: Vec<StateChange>,
}

impl Standing {
    /// Folds in an occurrence; `ordering` is its own key.
    pub(crate) fn occurred(&mut self, new: Finding, ordering: &str) {
        let at = new.last_seen;
        let Some(finding) = &mut self.finding else {
            let passed_since = self.passed.filter(|passed| *passed > at);
            let finding = self.finding.insert(new);
            ordering.clone_into(&mut self.latest);
            if let Some(passed) = passed_since {
                finding.state = FindingState::Closed;
                self.changes.push(change(passed, FindingState::Closed));
            }
            return;
        };
        let before = finding.state;
        finding.fold(&new);
        if ordering > self.latest.as_str() {
            ordering.clone_into(&mut self.latest);
            describe(finding, new);
        }
        if before == FindingState::Closed && finding.state == FindingState::Open {
            if self.passed.is_some_and(|passed| passed > finding.last_seen) {
                finding.state = FindingState::Closed;
            } else {
                self.changes.push(change(at, FindingState::Open));
            }
        }
    }

    /// The check passed: closes the finding unless it failed since, or a person suppressed it.
    pub(crate) fn passed(&mut self, at: Timestamp) {
        self.passed = self.passed.max(Some(at));
        let Some(finding) = &mut self.finding else { return };
        let unsettled = matches!(finding.state, FindingState::Open | FindingState::Acknowledged);
        if unsettled && at > finding.last_seen {
            finding.state = FindingState::Closed;
            self.changes.push(change(at, FindingState::Closed));
        }
    }
}

/// What a finding says of itself is what its latest occurrence says.
fn describe(finding: &mut Finding, latest: Finding) {
    finding.title = latest.title;
    finding.summary = latest.summary;
    finding.tags = latest.tags;
    finding.task = latest.task;
    finding.container = latest.container;
}

fn change(at: Timestamp, state: FindingState) -> StateChange {
    let note = if state == FindingState::Closed { "the check passed" } else { "it occurred again" };
    StateChange { at, state, who: SELF.to_owned(), note: note.to_owned() }
}
