//! Coverage: judging clusters as soon as something about them changes, or time alone may change it.

mod detail;
mod judge;
mod queue;
#[cfg(test)]
mod simulated;

pub(crate) use detail::detail;
pub(crate) use judge::{Judge, Telling};
pub(crate) use queue::Queues;

use std::time::Duration;

use fargard_coverage::rules::Policy;
use fargard_store::{CoverageStore, StoreError};

use crate::config::Coverage;

/// What holds for an account in a region: what its detector says, and without one that everything is to be covered.
async fn policy(
    store: &dyn CoverageStore,
    terms: &Coverage,
    account: &str,
    region: &str,
) -> Result<Policy, StoreError> {
    let policy =
        store.detector_of(account, region).await?.map(|detector| detector.policy()).unwrap_or_default();
    Ok(Policy { silence: nanoseconds(terms.silence), retention: nanoseconds(terms.stopped), ..policy })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
