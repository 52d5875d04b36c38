//! What the policy makes of stored results: nothing is judged in advance, so a change of the policy counts for results
//! there are already.

mod judge;
mod list;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fargard_model::{CheckResult, Timestamp};
use fargard_policy::{Engine, Policy, Problem};
use fargard_store::{ComplianceStore, ComplianceTarget, PolicyRevision, StoreError};
use tokio::sync::Mutex;

pub(crate) use judge::{JudgedCheck, JudgedTarget};
pub(crate) use list::{ListPage, ListQuery, Standing, WANTED};

/// Policy and results, and how they stand together.
pub(crate) struct Compliance {
    store: Arc<dyn ComplianceStore>,
    summary: Mutex<Option<summary::Made>>,
}

/// The policy as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    /// 0 before the first change.
    pub(crate) revision: u64,
    /// When it was made, and by whom.
    pub(crate) made: Option<(Timestamp, String)>,
    /// The policy.
    pub(crate) policy: Policy,
}

/// Why a policy was not kept.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// It cannot be used.
    Problems(Vec<Problem>),
    /// Somebody else changed it: the revision there is now.
    Conflict(u64),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NotKept {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Compliance {
    /// Over a store.
    pub(crate) fn new(store: Arc<dyn ComplianceStore>) -> Self {
        Self { store, summary: Mutex::new(None) }
    }

    /// The store itself.
    pub(crate) fn store(&self) -> &dyn ComplianceStore {
        &*self.store
    }

    /// The policy as it is now; before the first change, one in which every failed check alerts.
    pub(crate) async fn policy(&self) -> Result<Current, StoreError> {
        let Some(kept) = self.store.policy().await? else { return Ok(Current::default()) };
        let policy = serde_json::from_str(&kept.body).map_err(|error| StoreError::Corrupt {
            what: format!("revision {} of the compliance policy", kept.revision),
            reason: error.to_string(),
        })?;
        Ok(Current { revision: kept.revision, made: Some((kept.at, kept.who)), policy })
    }

    /// Keeps a policy that was made out of that revision; the new revision.
    pub(crate) async fn keep(&self, policy: &Policy, made_of: u64, who: &str) -> Result<u64, NotKept> {
        let problems = policy.problems();
        if !problems.is_empty() {
            return Err(NotKept::Problems(problems));
        }
        let body = serde_json::to_string(policy).map_err(|error| {
            let reason = error.to_string();
            StoreError::Backend { operation: "write the compliance policy", reason }
        })?;
        let revision = made_of.saturating_add(1);
        let new = PolicyRevision { revision, at: Timestamp::now(), who: who.to_owned(), body };
        if !self.store.put_policy(&new).await? {
            return Err(NotKept::Conflict(self.policy().await?.revision));
        }
        *self.summary.lock().await = None;
        tracing::info!(revision, by = who, "compliance policy changed");
        Ok(revision)
    }

    /// Keeps results of images before deployment; how many images.
    pub(crate) async fn keep_scan(&self, results: &[CheckResult]) -> Result<Vec<String>, StoreError> {
        self.store.put_scan(results).await
    }

    /// One target under the policy.
    pub(crate) async fn target(&self, id: &str, now: Timestamp) -> Result<Option<JudgedTarget>, StoreError> {
        let Some(target) = self.store.target(id).await? else { return Ok(None) };
        let engine = Engine::new(&self.policy().await?.policy);
        Ok(Some(JudgedTarget::new(&engine, target, now)))
    }

    /// Other targets of the same image, latest first, at most 100.
    pub(crate) async fn of_image(
        &self,
        target: &ComplianceTarget,
    ) -> Result<Vec<ComplianceTarget>, StoreError> {
        let query = fargard_store::TargetQuery {
            deployed: Some(true),
            images: vec![target.image.clone()],
            digest: Some(target.image_digest.clone()),
            limit: 100,
            ..fargard_store::TargetQuery::default()
        };
        Ok(self.store.targets(&query).await?.targets)
    }
}
