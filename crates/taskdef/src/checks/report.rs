//! What the checks give.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Check;
use crate::json::Position;

/// Most violations kept of a file; what is beyond is counted.
const MAX_VIOLATIONS: usize = 10_000;

/// How bad a violation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Fails: high.
    Error,
    /// Fails: medium.
    Warning,
    /// Listed: low.
    Notice,
    /// Listed: worth knowing.
    Informational,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check.
    pub check: Check,
    /// How bad.
    pub weight: Weight,
    /// Which kind, one word for filters.
    pub class: &'static str,
    /// Family, or logical name in a template; empty where a list of containers stands alone.
    pub task: String,
    /// The container, if it is about one.
    pub container: Option<String>,
    /// The member, as `containerDefinitions[0].privileged`.
    pub path: String,
    /// Where it stands; of a member that is missing, where what lacks it begins.
    pub at: Position,
    /// Why, for people. Secrets are masked.
    pub reason: String,
}

/// A question that the file does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The check.
    pub check: Check,
    /// The member.
    pub path: String,
    /// Where it stands.
    pub at: Position,
    /// Why.
    pub reason: String,
}

/// Something in a template that may hold task definitions or services and cannot be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Logical name, or the name of a macro.
    pub name: String,
    /// Where it stands.
    pub at: Position,
    /// Why, and what to do.
    pub reason: String,
}

/// What all checks give for a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Task definitions in the file.
    pub tasks: usize,
    /// Their containers, those in branches of conditions too.
    pub containers: usize,
    /// What was found, in the file's order.
    pub violations: Vec<Violation>,
    /// What the file leaves open.
    pub undecided: Vec<Undecided>,
    /// What cannot be looked into.
    pub unseen: Vec<Unseen>,
    /// Checks that had something to look at.
    pub made: BTreeSet<Check>,
    /// Why a check had nothing to look at; a check may stand here and in `made`.
    pub not_applicable: BTreeMap<Check, &'static str>,
    /// Violations that are not kept.
    pub left_out: usize,
}

impl Report {
    pub(super) fn add(&mut self, violation: Violation) {
        self.made.insert(violation.check);
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(violation);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn leave_open(&mut self, undecided: Undecided) {
        self.made.insert(undecided.check);
        if self.undecided.len() < MAX_VIOLATIONS {
            self.undecided.push(undecided);
        }
    }

    pub(super) fn sort(&mut self) {
        let key = |at: Position, check: Check| (at, check);
        self.violations.sort_by_key(|found| key(found.at, found.check));
        self.undecided.sort_by_key(|open| key(open.at, open.check));
        // The same bytes may be met twice: by aliases, and in branches.
        self.violations.dedup();
        self.undecided.dedup();
    }
}
