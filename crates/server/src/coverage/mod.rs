//! Coverage: judging clusters as soon as something about them changes, or time alone may change it.

mod detail;
mod judge;

pub(crate) use detail::detail;
pub(crate) use judge::Judge;

use fargard_coverage::rules::Policy;
use fargard_store::{CoverageStore, StoreError};

/// What holds for an account in a region: what its detector says, and without one that everything is to be covered.
async fn policy(store: &dyn CoverageStore, account: &str, region: &str) -> Result<Policy, StoreError> {
    Ok(store.detector_of(account, region).await?.map(|detector| detector.policy()).unwrap_or_default())
}
