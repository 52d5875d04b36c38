//! Telling of changes of coverage: when one is told, and the event that tells it, in the schema of GuardDuty's
//! `GuardDuty Runtime Protection Unhealthy` and `... Healthy`.
//!
//! Documentation and what GuardDuty really sends name some members differently (`resourceAccountId` and `accountId`);
//! both are here.

use std::fmt::Write as _;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{row::CoverageRow, rules::Status};

/// `source` of the events unless another is set. EventBridge takes none that begins with `aws.` from us.
pub const SOURCE: &str = "fargard.guardduty";
/// Bytes of issues in an event. EventBridge takes 256 KiB for the whole of it.
const MAX_ISSUES: usize = 128 << 10;

/// What was told of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The status that was told last.
    pub status: Status,
    /// How many changes were told.
    pub changes: u64,
}

/// A change that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Stays the same however often it is told, and is no other change's.
    pub id: String,
    /// The status that was told before.
    pub previous: Status,
    /// The status now.
    pub current: Status,
    /// Since when.
    pub since: Timestamp,
}

impl CoverageRow {
    /// What is told of a status that has lasted for `hold` nanoseconds and is not the one told last. A new cluster counts
    /// as told to be healthy; of a record from before there were notices, what it says counts as told.
    pub fn tell(&mut self, previous: Option<&Self>, hold: u64, now: Timestamp) -> Option<Change> {
        let told = match previous {
            Some(row) => row.told.unwrap_or(Told { status: row.status, changes: 0 }),
            None => Told { status: Status::Healthy, changes: 0 },
        };
        self.told = Some(told);
        if self.status == told.status || now < self.tells_at(hold) {
            return None;
        }
        let changes = told.changes + 1;
        self.told = Some(Told { status: self.status, changes });
        Some(Change {
            id: id(&self.arn, changes, self.since),
            previous: told.status,
            current: self.status,
            since: self.since,
        })
    }

    /// When its status is told, if it lasts.
    #[must_use]
    pub fn tells_at(&self, hold: u64) -> Timestamp {
        Timestamp(self.since.0.saturating_add(hold))
    }

    /// Whether its status waits to be told.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.told.is_some_and(|told| told.status != self.status)
    }

    /// How many changes were told.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.told.map_or(0, |told| told.changes)
    }
}

/// In a UUID's form.
fn id(arn: &str, changes: u64, since: Timestamp) -> String {
    let mut hash = Sha256::new();
    hash.update(changes.to_le_bytes());
    hash.update(since.0.to_le_bytes());
    hash.update(arn.as_bytes());
    let mut text = String::with_capacity(36);
    for (number, byte) in hash.finalize().iter().take(16).enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `Healthy`: events write it so, the API in capitals.
fn word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "Healthy",
        Status::Unhealthy => "Unhealthy",
    }
}

/// The event of a change, as EventBridge delivers it.
#[must_use]
pub fn event(change: &Change, row: &CoverageRow, source: &str) -> Value {
    let issue = match change.current {
        Status::Healthy => "",
        Status::Unhealthy => row.issue(),
    };
    json!({
        "version": "0",
        "id": change.id,
        "detail-type": format!("GuardDuty Runtime Protection {}", word(change.current)),
        "source": source,
        "account": row.account,
        "time": time(change.since),
        "region": row.region,
        "resources": [row.arn],
        "detail": {
            "schemaVersion": "1.0",
            "accountId": row.account,
            "resourceAccountId": row.account,
            "currentStatus": word(change.current),
            "previousStatus": word(change.previous),
            "resourceDetails": {
                "resourceType": "ECS",
                "ecsClusterDetails": {
                    "clusterName": row.cluster,
                    "fargateDetails": {"issues": issues(row), "managementType": row.management.name()},
                    "containerInstanceDetails": {
                        "coveredContainerInstances": row.covered_instances,
                        "compatibleContainerInstances": row.compatible_instances,
                    },
                },
            },
            "issue": issue,
            "lastUpdatedAt": change.since.0 / 1_000_000,
            // Ours: EventBridge gives every delivery an id of its own.
            "changeId": change.id,
            "changeNumber": row.changes(),
        },
    })
}

/// Texts of the issues, as many as fit.
fn issues(row: &CoverageRow) -> Vec<String> {
    let mut room = MAX_ISSUES;
    let mut texts = Vec::new();
    for issue in &row.issues {
        let text = issue.text();
        let Some(left) = room.checked_sub(text.len()) else { break };
        room = left;
        texts.push(text);
    }
    texts
}

/// `2026-11-21T06:40:00Z`, as EventBridge writes times.
fn time(at: Timestamp) -> String {
    let second = i64::try_from(at.seconds()).unwrap_or_default();
    jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
}
