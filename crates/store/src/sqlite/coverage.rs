//! Inventory and coverage in SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fargard_coverage::{guardduty::Detector, inventory::Item, query::CoverageQuery, row::CoverageRow};
use fargard_model::Timestamp;

use super::{
    SqliteStore,
    connection::{SqliteSession, complete},
};
use crate::{
    AccessKey, ClusterKnown, Counts, CoveragePage, CoverageStore, Judgement, Notice, StoreError,
    state::{accounts, coverage, inventory, outbox},
};

#[async_trait]
impl CoverageStore for SqliteStore {
    async fn merge(&self, items: &[Item]) -> Result<u64, StoreError> {
        let items = items.to_vec();
        self.writer
            .run(move |connection| complete(inventory::merge(&mut SqliteSession(connection), &items)))
            .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, StoreError> {
        self.read(move |connection| complete(inventory::due(&mut SqliteSession(connection), now, limit)))
            .await
    }

    async fn known(&self, cluster: &str) -> Result<Option<ClusterKnown>, StoreError> {
        let cluster = cluster.to_owned();
        self.read(move |connection| complete(inventory::known(&mut SqliteSession(connection), &cluster)))
            .await
    }

    async fn judged(&self, known: &ClusterKnown, judgement: &Judgement) -> Result<bool, StoreError> {
        let (arn, revision, judgement) = (known.cluster.arn.clone(), known.revision, judgement.clone());
        self.writer
            .run(move |connection| {
                complete(inventory::judged(&mut SqliteSession(connection), (&arn, revision), &judgement))
            })
            .await
    }

    async fn take_notice(
        &self,
        sink: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Notice>, StoreError> {
        let sink = sink.to_owned();
        self.writer
            .run(move |connection| complete(outbox::take(&mut SqliteSession(connection), &sink, now, until)))
            .await
    }

    async fn put_notice_off(&self, number: u64, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run(move |connection| complete(outbox::put_off(&mut SqliteSession(connection), number, until)))
            .await
    }

    async fn notice_told(&self, number: u64) -> Result<(), StoreError> {
        self.writer
            .run(move |connection| complete(outbox::remove(&mut SqliteSession(connection), number)))
            .await
    }

    async fn notices_waiting(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.read(move |connection| complete(outbox::waiting(&mut SqliteSession(connection)))).await
    }

    async fn judge_again(&self, scope: Option<&str>) -> Result<(), StoreError> {
        let scope = scope.map(str::to_owned);
        self.writer
            .run(move |connection| {
                complete(inventory::judge_again(&mut SqliteSession(connection), scope.as_deref()))
            })
            .await
    }

    async fn coverage(&self, query: &CoverageQuery) -> Result<CoveragePage, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(coverage::page(&mut SqliteSession(connection), &query))).await
    }

    async fn coverage_counts(&self, query: &CoverageQuery) -> Result<Counts, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(coverage::counts(&mut SqliteSession(connection), &query))).await
    }

    async fn coverage_row(&self, arn: &str) -> Result<Option<CoverageRow>, StoreError> {
        let arn = arn.to_owned();
        self.read(move |connection| complete(coverage::row(&mut SqliteSession(connection), &arn))).await
    }

    async fn cluster_of_task(&self, task: &str) -> Result<Option<String>, StoreError> {
        let task = task.to_owned();
        self.read(move |connection| {
            complete(inventory::cluster_of_task(&mut SqliteSession(connection), &task))
        })
        .await
    }

    async fn put_access_key(&self, key: &AccessKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.writer
            .run(move |connection| complete(accounts::put_key(&mut SqliteSession(connection), &key)))
            .await
    }

    async fn access_key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| complete(accounts::key(&mut SqliteSession(connection), &id))).await
    }

    async fn access_keys(&self) -> Result<Vec<AccessKey>, StoreError> {
        self.read(move |connection| complete(accounts::keys(&mut SqliteSession(connection)))).await
    }

    async fn remove_access_key(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .run(move |connection| complete(accounts::remove_key(&mut SqliteSession(connection), &id)))
            .await
    }

    async fn add_detector(&self, detector: &Detector) -> Result<bool, StoreError> {
        let detector = detector.clone();
        self.writer
            .run(move |connection| {
                complete(accounts::add_detector(&mut SqliteSession(connection), &detector))
            })
            .await
    }

    async fn set_detector(&self, detector: &Detector) -> Result<bool, StoreError> {
        let detector = detector.clone();
        self.writer
            .run(move |connection| {
                complete(accounts::set_detector(&mut SqliteSession(connection), &detector))
            })
            .await
    }

    async fn detector_of(&self, account: &str, region: &str) -> Result<Option<Detector>, StoreError> {
        let account = account.to_owned();
        let region = region.to_owned();
        self.read(move |connection| {
            complete(accounts::detector_of(&mut SqliteSession(connection), &account, &region))
        })
        .await
    }

    async fn remove_detector(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .run(move |connection| complete(accounts::remove_detector(&mut SqliteSession(connection), &id)))
            .await
    }
}
