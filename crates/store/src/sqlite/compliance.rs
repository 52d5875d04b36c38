//! Compliance in SQLite.

use async_trait::async_trait;
use fargard_model::CheckResult;

use super::{
    SqliteStore,
    connection::{SqliteSession, complete},
};
use crate::{
    ComplianceStore, ComplianceTarget, PolicyRevision, StandardDay, StoreError, TargetPage, TargetQuery,
    state::compliance,
};

#[async_trait]
impl ComplianceStore for SqliteStore {
    async fn policy(&self) -> Result<Option<PolicyRevision>, StoreError> {
        Ok(self.policy_history(1).await?.pop())
    }

    async fn policy_history(&self, limit: usize) -> Result<Vec<PolicyRevision>, StoreError> {
        self.read(move |connection| complete(compliance::policies(&mut SqliteSession(connection), limit)))
            .await
    }

    async fn put_policy(&self, policy: &PolicyRevision) -> Result<bool, StoreError> {
        let policy = policy.clone();
        self.writer
            .run(move |connection| complete(compliance::put_policy(&mut SqliteSession(connection), &policy)))
            .await
    }

    async fn put_scan(&self, results: &[CheckResult]) -> Result<Vec<String>, StoreError> {
        let targets = compliance::of_scan(results);
        self.writer
            .run(move |connection| complete(compliance::put_scan(&mut SqliteSession(connection), &targets)))
            .await
    }

    async fn targets(&self, query: &TargetQuery) -> Result<TargetPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| complete(compliance::page(&mut SqliteSession(connection), &query))).await
    }

    async fn target(&self, id: &str) -> Result<Option<ComplianceTarget>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| complete(compliance::target(&mut SqliteSession(connection), &id))).await
    }

    async fn put_days(&self, days: &[StandardDay]) -> Result<(), StoreError> {
        let days = days.to_vec();
        self.writer
            .run(move |connection| complete(compliance::put_days(&mut SqliteSession(connection), &days)))
            .await
    }

    async fn days(&self, from: u64) -> Result<Vec<StandardDay>, StoreError> {
        self.read(move |connection| complete(compliance::days(&mut SqliteSession(connection), from))).await
    }
}
