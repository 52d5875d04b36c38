//! Compliance in PostgreSQL.

use async_trait::async_trait;
use fargard_model::CheckResult;

use super::{Mode, PostgresSession, PostgresStore, connection};
use crate::{
    ComplianceStore, ComplianceTarget, PolicyRevision, StandardDay, StoreError, TargetPage, TargetQuery,
    state::compliance,
};

#[async_trait]
impl ComplianceStore for PostgresStore {
    async fn policy(&self) -> Result<Option<PolicyRevision>, StoreError> {
        Ok(self.policy_history(1).await?.pop())
    }

    async fn policy_history(&self, limit: usize) -> Result<Vec<PolicyRevision>, StoreError> {
        transact!(self, Mode::Read, session => compliance::policies(&mut session, limit))
    }

    async fn put_policy(&self, policy: &PolicyRevision) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => compliance::put_policy(&mut session, policy))
    }

    async fn put_scan(&self, results: &[CheckResult]) -> Result<Vec<String>, StoreError> {
        let targets = compliance::of_scan(results);
        transact!(self, Mode::Write, session => compliance::put_scan(&mut session, &targets))
    }

    async fn targets(&self, query: &TargetQuery) -> Result<TargetPage, StoreError> {
        transact!(self, Mode::Read, session => compliance::page(&mut session, query))
    }

    async fn target(&self, id: &str) -> Result<Option<ComplianceTarget>, StoreError> {
        transact!(self, Mode::Read, session => compliance::target(&mut session, id))
    }

    async fn put_days(&self, days: &[StandardDay]) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => compliance::put_days(&mut session, days))
    }

    async fn days(&self, from: u64) -> Result<Vec<StandardDay>, StoreError> {
        transact!(self, Mode::Read, session => compliance::days(&mut session, from))
    }
}
