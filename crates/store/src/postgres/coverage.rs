//! Inventory and coverage in PostgreSQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fargard_coverage::{guardduty::Detector, inventory::Item, query::CoverageQuery, row::CoverageRow};
use fargard_model::Timestamp;

use super::{Mode, PostgresSession, PostgresStore, connection};
use crate::{
    AccessKey, ClusterKnown, Counts, CoveragePage, CoverageStore, Judgement, Notice, StoreError,
    state::{accounts, coverage, inventory, outbox},
};

#[async_trait]
impl CoverageStore for PostgresStore {
    async fn merge(&self, items: &[Item]) -> Result<u64, StoreError> {
        transact!(self, Mode::Write, session => inventory::merge(&mut session, items))
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, StoreError> {
        transact!(self, Mode::Read, session => inventory::due(&mut session, now, limit))
    }

    async fn known(&self, cluster: &str) -> Result<Option<ClusterKnown>, StoreError> {
        transact!(self, Mode::Read, session => inventory::known(&mut session, cluster))
    }

    async fn judged(&self, known: &ClusterKnown, judgement: &Judgement) -> Result<bool, StoreError> {
        let judged = (known.cluster.arn.as_str(), known.revision);
        transact!(self, Mode::Write, session => inventory::judged(&mut session, judged, judgement))
    }

    async fn take_notice(
        &self,
        sink: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Notice>, StoreError> {
        transact!(self, Mode::Write, session => outbox::take(&mut session, sink, now, until))
    }

    async fn put_notice_off(&self, number: u64, until: Timestamp) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => outbox::put_off(&mut session, number, until))
    }

    async fn notice_told(&self, number: u64) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => outbox::remove(&mut session, number))
    }

    async fn notices_waiting(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        transact!(self, Mode::Read, session => outbox::waiting(&mut session))
    }

    async fn judge_again(&self, scope: Option<&str>) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => inventory::judge_again(&mut session, scope))
    }

    async fn coverage(&self, query: &CoverageQuery) -> Result<CoveragePage, StoreError> {
        transact!(self, Mode::Read, session => coverage::page(&mut session, query))
    }

    async fn coverage_counts(&self, query: &CoverageQuery) -> Result<Counts, StoreError> {
        transact!(self, Mode::Read, session => coverage::counts(&mut session, query))
    }

    async fn coverage_row(&self, arn: &str) -> Result<Option<CoverageRow>, StoreError> {
        transact!(self, Mode::Read, session => coverage::row(&mut session, arn))
    }

    async fn cluster_of_task(&self, task: &str) -> Result<Option<String>, StoreError> {
        transact!(self, Mode::Read, session => inventory::cluster_of_task(&mut session, task))
    }

    async fn put_access_key(&self, key: &AccessKey) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => accounts::put_key(&mut session, key))
    }

    async fn access_key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        transact!(self, Mode::Read, session => accounts::key(&mut session, id))
    }

    async fn access_keys(&self) -> Result<Vec<AccessKey>, StoreError> {
        transact!(self, Mode::Read, session => accounts::keys(&mut session))
    }

    async fn remove_access_key(&self, id: &str) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => accounts::remove_key(&mut session, id))
    }

    async fn add_detector(&self, detector: &Detector) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => accounts::add_detector(&mut session, detector))
    }

    async fn set_detector(&self, detector: &Detector) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => accounts::set_detector(&mut session, detector))
    }

    async fn detector_of(&self, account: &str, region: &str) -> Result<Option<Detector>, StoreError> {
        transact!(self, Mode::Read, session => accounts::detector_of(&mut session, account, region))
    }

    async fn remove_detector(&self, id: &str) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => accounts::remove_detector(&mut session, id))
    }
}
