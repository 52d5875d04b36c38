//! Inventory, records of coverage, and who may ask for them by GuardDuty's API.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fargard_coverage::{
    guardduty::Detector,
    inventory::{ClusterState, Item},
    query::{After, CoverageQuery},
    row::CoverageRow,
    rules::Sign,
};
use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What is known of a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterKnown {
    /// The cluster.
    pub cluster: ClusterState,
    /// Nobody tells of it any more, or it was deleted.
    pub is_gone: bool,
    /// What is in it, the definitions of its tasks and the VPCs of its account.
    pub items: Vec<Item>,
    /// Signs of life by task.
    pub signs: BTreeMap<String, Sign>,
    /// Which state of knowledge this is.
    pub revision: u64,
}

/// A page of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoveragePage {
    /// The records.
    pub rows: Vec<CoverageRow>,
    /// Where it ended, when there are more.
    pub next: Option<After>,
}

/// How many records of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// `HEALTHY`.
    pub healthy: u64,
    /// `UNHEALTHY`.
    pub unhealthy: u64,
}

impl Counts {
    /// Share of the healthy ones, `66.6 %`, rounded down so that only all are 100; `None` where there are none.
    #[must_use]
    pub fn percent(self) -> Option<String> {
        let tenths = self.healthy.saturating_mul(1_000).checked_div(self.healthy + self.unhealthy)?;
        Some(format!("{}.{} %", tenths / 10, tenths % 10))
    }
}

/// What an access key may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Every account this server knows.
    Administrator,
    /// Its own account.
    Member,
}

/// An access key for requests signed as AWS's are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id, which requests name.
    pub id: String,
    /// The secret, encrypted by the server.
    pub sealed: String,
    /// Name for people.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// What it may see.
    pub role: KeyRole,
    /// It may change nothing.
    pub read_only: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// What a judgement came to.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The record; none where the cluster is gone.
    pub row: Option<CoverageRow>,
    /// How many changes the record before it had told ([`CoverageRow::changes`]).
    pub changes_before: u64,
    /// When the next judgement is due.
    pub due: Timestamp,
    /// Items that need not be kept.
    pub forgotten: Vec<String>,
    /// A change to tell.
    pub news: Option<News>,
}

/// A change to tell, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The change's identity.
    pub id: String,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// What is told.
    pub body: String,
    /// Names of those who are told.
    pub sinks: Vec<String>,
}

/// Something that one of them is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Names it for [`CoverageStore::notice_told`].
    pub number: u64,
    /// The change's identity.
    pub id: String,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// How often it was tried before.
    pub attempts: u64,
    /// What is told.
    pub body: String,
}

/// Inventory and coverage.
#[async_trait]
pub trait CoverageStore: crate::GuardDutyStore {
    /// Merges news of resources in one transaction and has the clusters it concerns judged; how many changed.
    async fn merge(&self, items: &[Item]) -> Result<u64, StoreError>;
    /// ARNs of clusters that must be judged by now, longest due first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, StoreError>;
    /// What is known of a cluster.
    async fn known(&self, cluster: &str) -> Result<Option<ClusterKnown>, StoreError>;
    /// Keeps a judgement of that revision and what is to be told of it, in one transaction. `false`, and the cluster
    /// stays due, when the revision is not the latest, or somebody else has told a change meanwhile.
    async fn judged(&self, known: &ClusterKnown, judgement: &Judgement) -> Result<bool, StoreError>;
    /// The oldest that `sink` is still to be told, and nobody else is given it, nor anything after it, before `until`.
    async fn take_notice(
        &self,
        sink: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Notice>, StoreError>;
    /// Puts off what was taken and not told.
    async fn put_notice_off(&self, number: u64, until: Timestamp) -> Result<(), StoreError>;
    /// Forgets what was told.
    async fn notice_told(&self, number: u64) -> Result<(), StoreError>;
    /// How much each is still to be told.
    async fn notices_waiting(&self) -> Result<BTreeMap<String, u64>, StoreError>;
    /// Has all clusters judged anew: those of that region and account, or all.
    async fn judge_again(&self, scope: Option<&str>) -> Result<(), StoreError>;
    /// Records.
    async fn coverage(&self, query: &CoverageQuery) -> Result<CoveragePage, StoreError>;
    /// How many records there are, pages aside.
    async fn coverage_counts(&self, query: &CoverageQuery) -> Result<Counts, StoreError>;
    /// The record of that ARN.
    async fn coverage_row(&self, arn: &str) -> Result<Option<CoverageRow>, StoreError>;
    /// ARN of the cluster that holds a task, by the task's ARN or its id.
    async fn cluster_of_task(&self, task: &str) -> Result<Option<String>, StoreError>;
    /// Keeps a key; one of the same id is replaced.
    async fn put_access_key(&self, key: &AccessKey) -> Result<(), StoreError>;
    /// The key of that id.
    async fn access_key(&self, id: &str) -> Result<Option<AccessKey>, StoreError>;
    /// All keys by id, at most 10,000.
    async fn access_keys(&self) -> Result<Vec<AccessKey>, StoreError>;
    /// Removes a key; whether there was one.
    async fn remove_access_key(&self, id: &str) -> Result<bool, StoreError>;
    /// Keeps a new detector; `false` when its account has one in its region.
    async fn add_detector(&self, detector: &Detector) -> Result<bool, StoreError>;
    /// Keeps a changed detector; `false` when it is gone.
    async fn set_detector(&self, detector: &Detector) -> Result<bool, StoreError>;
    /// The detector of an account in a region.
    async fn detector_of(&self, account: &str, region: &str) -> Result<Option<Detector>, StoreError>;
    /// Removes a detector; whether there was one.
    async fn remove_detector(&self, id: &str) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn only_all_is_a_hundred_percent() {
        for (healthy, unhealthy, shown) in [
            (0, 0, None),
            (0, 3, Some("0.0 %")),
            (2, 1, Some("66.6 %")),
            (9_999, 1, Some("99.9 %")),
            (7, 0, Some("100.0 %")),
        ] {
            assert_eq!(Counts { healthy, unhealthy }.percent().as_deref(), shown);
        }
    }
}
