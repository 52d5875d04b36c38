//! Small signs that always join a shape, a word and a colour, so that none of them carries meaning alone.

use fargard_coverage::rules::{Status, TaskStatus};
use fargard_model::{FindingKind, FindingState, Outcome, Priority};

use crate::compliance::Standing;

/// A shape, a word and a colour.
#[derive(Clone, Copy, Debug, askama::Template)]
#[template(path = "part/badge.html")]
pub(super) struct Badge {
    /// The word.
    pub(super) word: &'static str,
    /// The class that gives the colour.
    pub(super) class: &'static str,
    /// SVG path of the shape in a square of 16 by 16, filled by the even-odd rule.
    shape: &'static str,
}

impl askama::filters::HtmlSafe for Badge {}

const OCTAGON_CROSS: &str =
    "M5 1h6l4 4v6l-4 4H5l-4-4V5zM5.2 4.2 8 7l2.8-2.8 1 1L9 8l2.8 2.8-1 1L8 9l-2.8 2.8-1-1L7 8 4.2 5.2z";
const OCTAGON_MARK: &str =
    "M5 1h6l4 4v6l-4 4H5l-4-4V5zM7.1 3.8h1.8L8.7 9H7.3zM8 10.2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z";
const DIAMOND_MARK: &str =
    "M8 .6 15.4 8 8 15.4.6 8zM7.1 4.2h1.8L8.7 9H7.3zM8 10a1 1 0 1 1 0 2 1 1 0 0 1 0-2z";
const TRIANGLE_MARK: &str =
    "M8 1.2 15.6 14.6H.4zM7.1 5.6h1.8l-.2 4.2H7.3zM8 10.9a1 1 0 1 1 0 2 1 1 0 0 1 0-2z";
const TRIANGLE_LINE: &str = "M8 1.2 15.6 14.6H.4zM8 4 2.8 13.2h10.4zM7.3 6.6h1.4l-.2 3.4h-1zM8 10.7a.9.9 0 1 1 0 1.8.9.9 0 0 1 0-1.8z";
const CIRCLE_MARK: &str = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM7.3 4.4h1.4l-.2 4.4h-1zM8 9.7a.9.9 0 1 1 0 1.8.9.9 0 0 1 0-1.8z";
const CIRCLE_I: &str = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 4.2a.9.9 0 1 1 0 1.8.9.9 0 0 1 0-1.8zM7.3 7h1.4v4.6H7.3z";
const SQUARE_LINE: &str = "M2 2h12v12H2zM3.4 3.4v9.2h9.2V3.4zM5.5 7.3h5v1.4h-5z";
const DISC: &str = "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z";
const DISC_HALF: &str = "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM8 4.5v7a3.5 3.5 0 0 0 0-7z";
const DISC_SLASH: &str = "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM4.6 5.6a4.3 4.3 0 0 0 5.8 5.8zM5.6 4.6l5.8 5.8a4.3 4.3 0 0 0-5.8-5.8z";
const TICK: &str = "M6.4 12.6 2 8.2l1.3-1.3 3.1 3.1 6.3-6.3L14 5z";
const EYE: &str = "M8 3.5c3.4 0 6 2.2 7.2 4.5C14 10.3 11.4 12.5 8 12.5S2 10.3.8 8C2 5.7 4.6 3.5 8 3.5zM8 5.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z";
const LIST_TICK: &str = "M1 3h2v2H1zM5 3.3h10v1.4H5zM1 7h2v2H1zM5 7.3h10v1.4H5zM1 11h2v2H1zM5 11.3h10v1.4H5z";
const SHIELD: &str =
    "M8 1l6 2v4.6c0 3.4-2.4 6-6 7.4-3.6-1.4-6-4-6-7.4V3zM8 2.7 3.6 4.1v3.5c0 2.4 1.6 4.3 4.4 5.6z";
const CROSS: &str =
    "M3.4 2.3 8 6.9l4.6-4.6 1.1 1.1L9.1 8l4.6 4.6-1.1 1.1L8 9.1l-4.6 4.6-1.1-1.1L6.9 8 2.3 3.4z";
const RING: &str = "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 3.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8z";

impl Badge {
    /// How urgent.
    pub(super) fn of_priority(priority: Priority) -> Self {
        let (class, shape) = match priority {
            Priority::Emergency => ("sev-emergency", OCTAGON_CROSS),
            Priority::Alert => ("sev-alert", OCTAGON_MARK),
            Priority::Critical => ("sev-critical", DIAMOND_MARK),
            Priority::Error => ("sev-error", TRIANGLE_MARK),
            Priority::Warning => ("sev-warning", TRIANGLE_LINE),
            Priority::Notice => ("sev-notice", CIRCLE_MARK),
            Priority::Informational => ("sev-informational", CIRCLE_I),
            Priority::Debug => ("sev-debug", SQUARE_LINE),
        };
        Self { word: priority.name(), class, shape }
    }

    /// Where a person stands with a finding.
    pub(super) fn of_state(state: FindingState) -> Self {
        match state {
            FindingState::Open => Self { word: "Open", class: "state-open", shape: DISC },
            FindingState::Acknowledged => {
                Self { word: "Acknowledged", class: "state-acknowledged", shape: DISC_HALF }
            }
            FindingState::Suppressed => {
                Self { word: "Suppressed", class: "state-suppressed", shape: DISC_SLASH }
            }
            FindingState::Closed => Self { word: "Closed", class: "state-closed", shape: TICK },
        }
    }

    /// What a finding was folded from.
    pub(super) fn of_kind(kind: FindingKind) -> Self {
        match kind {
            FindingKind::Detection => Self { word: "Detection", class: "kind", shape: EYE },
            FindingKind::Check => Self { word: "Check", class: "kind", shape: LIST_TICK },
            FindingKind::FileIntegrity => Self { word: "File integrity", class: "kind", shape: SQUARE_LINE },
            FindingKind::Coverage => Self { word: "Coverage", class: "kind", shape: SHIELD },
        }
    }

    /// What is known of a call's result.
    pub(super) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Attempt => Self { word: "Attempt", class: "outcome-attempt", shape: RING },
            Outcome::Confirmed(result) if result < 0 => {
                Self { word: "Failed", class: "outcome-failed", shape: CROSS }
            }
            Outcome::Confirmed(_) => Self { word: "Confirmed", class: "outcome-confirmed", shape: TICK },
        }
    }

    /// Whether it is known who changed a file.
    pub(super) fn of_writer(known: bool) -> Self {
        if known {
            Self { word: "Writer known", class: "outcome-confirmed", shape: TICK }
        } else {
            Self { word: "Writer unknown", class: "outcome-attempt", shape: RING }
        }
    }

    /// Whether a task's sensors are heard.
    pub(super) fn of_life(life: Life) -> Self {
        match life {
            Life::Watched => Self { word: "Watched", class: "life-watched", shape: EYE },
            Life::Silent => Self { word: "Silent", class: "life-silent", shape: TRIANGLE_LINE },
            Life::Ended => Self { word: "Ended", class: "life-ended", shape: SQUARE_LINE },
        }
    }

    /// Whether a cluster's tasks are covered.
    pub(super) fn of_coverage(status: Status) -> Self {
        match status {
            Status::Healthy => Self { word: "Healthy", class: "check-passed", shape: SHIELD },
            Status::Unhealthy => Self { word: "Unhealthy", class: "check-failed", shape: TRIANGLE_MARK },
        }
    }

    /// Whether a task is covered.
    pub(super) fn of_task(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Covered => Self { word: "Covered", class: "check-passed", shape: SHIELD },
            TaskStatus::Uncovered => {
                Self { word: "Not covered", class: "check-failed", shape: TRIANGLE_MARK }
            }
            TaskStatus::Starting => Self { word: "Starting", class: "life-ended", shape: RING },
        }
    }

    /// How an image stands under the compliance policy.
    pub(super) fn of_standing(status: Standing) -> Self {
        match status {
            Standing::Alerted => Self { word: "Alerted", class: "check-failed", shape: TRIANGLE_MARK },
            Standing::Ignored => Self { word: "Ignored", class: "state-suppressed", shape: DISC_SLASH },
            Standing::Clean => Self { word: "No failure", class: "check-passed", shape: TICK },
        }
    }

    /// No check of a control was made.
    pub(super) fn not_assessed() -> Self {
        Self { word: "Not assessed", class: "life-ended", shape: RING }
    }

    /// What a check said.
    pub(super) fn of_check(status: fargard_model::CheckStatus) -> Self {
        use fargard_model::CheckStatus;
        match status {
            CheckStatus::Passed => Self { word: "Passed", class: "check-passed", shape: TICK },
            CheckStatus::Failed => Self { word: "Failed", class: "check-failed", shape: CROSS },
            CheckStatus::Error => Self { word: "Not made", class: "check-error", shape: TRIANGLE_LINE },
        }
    }
}

/// Whether a task's sensors are heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Heard within the last five minutes.
    Watched,
    /// Not heard for longer, without a goodbye.
    Silent,
    /// Every sensor said goodbye.
    Ended,
}
