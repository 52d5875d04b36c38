//! What a rule asks to be done about a match, and what was done.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a rule asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Tell of it.
    #[default]
    Alert,
    /// Answer the call with an error instead of letting it be made.
    Prevent,
    /// Kill the process that made the call.
    Kill,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionResult {
    /// The call was answered with an error; it was not made.
    Prevented,
    /// The process was killed.
    Killed,
    /// Nothing was done: it is a dry run.
    DryRun,
    /// Nothing was done: it would harm more than it helps. The reason says what.
    Refused,
    /// It was tried, or could not be.
    Failed,
}

/// What was done about a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionTaken {
    /// What the rule asks for.
    pub kind: Action,
    /// What came of it.
    pub result: ActionResult,
    /// Why it was refused or failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl fmt::Display for ActionTaken {
    /// `prevented`, `would have been killed`, `not killed: it is PID 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.kind {
            Action::Prevent => "prevented",
            Action::Kill => "killed",
            Action::Alert => "told",
        };
        match self.result {
            ActionResult::Prevented | ActionResult::Killed => f.write_str(done),
            ActionResult::DryRun => write!(f, "would have been {done}"),
            ActionResult::Refused | ActionResult::Failed => write!(f, "not {done}: {}", self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, ActionResult, ActionTaken};

    #[test]
    fn what_was_done_has_words() {
        let taken = |kind, result, reason: &str| ActionTaken { kind, result, reason: reason.to_owned() };
        for (taken, words, json) in [
            (
                taken(Action::Prevent, ActionResult::Prevented, ""),
                "prevented",
                r#"{"kind":"prevent","result":"prevented"}"#,
            ),
            (
                taken(Action::Kill, ActionResult::DryRun, ""),
                "would have been killed",
                r#"{"kind":"kill","result":"dry_run"}"#,
            ),
            (
                taken(Action::Kill, ActionResult::Refused, "it is PID 1"),
                "not killed: it is PID 1",
                r#"{"kind":"kill","result":"refused","reason":"it is PID 1"}"#,
            ),
        ] {
            assert_eq!(taken.to_string(), words);
            assert_eq!(serde_json::to_string(&taken).unwrap(), json);
            assert_eq!(serde_json::from_str::<ActionTaken>(json).unwrap(), taken);
        }
    }
}
